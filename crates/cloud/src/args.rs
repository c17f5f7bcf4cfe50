//! Flags of everything that is done on Google Cloud.

use std::time::Duration;

use gcp::api::Retry;
use gcp::job::{JobKey, Patience};
use gcp::{Backoff, dataflow::Dataflow, vertex::Vertex};
use storage::Uri;

use crate::Error;

/// The run of whoever names none.
const BY_HAND: &str = "by-hand";

/// Where on Google Cloud, and for which run.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Google Cloud")]
pub struct PlaceArgs {
    /// Project that does the work, by its id [default: `GOOGLE_CLOUD_PROJECT`]
    #[arg(long, value_name = "ID")]
    pub project: Option<String>,
    /// Region that does the work
    #[arg(long, value_name = "REGION", default_value = "us-central1")]
    pub region: String,
    /// Run that the work belongs to: jobs carry it as a label, a second attempt finds them by it,
    /// and `deploy finish` cancels what is left of it [default: by-hand]
    // No default of clap's: a pipeline would pass it on, and it would win over the variable.
    #[arg(long, value_name = "ID")]
    pub run_id: Option<String>,
    /// Seconds between the first two looks at a job; they grow to six times as much
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    pub poll_interval: f64,
}

/// A remote job, whatever it does.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Google Cloud")]
pub struct JobArgs {
    /// Where and for which run.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Folder for what goes to jobs and comes from them; the job's account must be able to write
    /// there
    #[arg(long, value_name = "gs://BUCKET/FOLDER")]
    pub staging_location: Option<Uri>,
    /// Account the job has [default: the service's own]
    #[arg(long, value_name = "EMAIL")]
    pub service_account: Option<String>,
    /// Network the machines are in: for Vertex AI projects/NUMBER/global/networks/NAME, for
    /// Dataflow a name
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// Cloud KMS key that encrypts what the service stores
    #[arg(long, value_name = "projects/…/cryptoKeys/KEY")]
    pub encryption_key: Option<String>,
    /// Label for the job; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    pub job_label: Vec<(String, String)>,
    /// Machine type [default: Vertex AI n1-standard-4, Dataflow's own choice]
    #[arg(long, value_name = "TYPE")]
    pub machine_type: Option<String>,
    /// Seconds the job may wait for machines before it is cancelled [default: no limit]
    #[arg(long, value_name = "SECONDS")]
    pub queue_timeout: Option<u64>,
    /// Seconds the job may run before it is cancelled [default: no limit]
    #[arg(long, value_name = "SECONDS")]
    pub run_timeout: Option<u64>,
}

impl PlaceArgs {
    /// The project, or why it is not known.
    pub fn project(&self) -> Result<String, Error> {
        let set = |text: &String| !text.is_empty();
        let given = self.project.clone().filter(set);
        let project = given.or_else(|| std::env::var("GOOGLE_CLOUD_PROJECT").ok().filter(set));
        project.ok_or(Error::Missing { flag: "--project" })
    }

    /// Whether the flags name a run whose remote jobs can be looked for.
    pub fn names_a_run(&self) -> bool {
        let project = self.project.as_ref().is_some_and(|text| !text.is_empty());
        project && self.run() != BY_HAND
    }

    /// The run; a platform without runs may hand over an empty name.
    pub fn run(&self) -> &str {
        let run = self.run_id.as_deref().filter(|run| !run.is_empty());
        run.unwrap_or(BY_HAND)
    }

    /// How calls are repeated: the first wait is a fifth of that between two looks.
    pub(crate) fn retry(&self) -> Retry {
        let initial = Duration::from_secs_f64(self.poll_interval / 5.0);
        Retry {
            backoff: Backoff {
                initial,
                maximum: initial * 16,
                ..Backoff::default()
            },
            ..Retry::default()
        }
    }

    /// How long is waited for what.
    pub(crate) fn patience(&self) -> Patience {
        let first = Duration::from_secs_f64(self.poll_interval);
        Patience {
            first,
            slowest: first * 6,
            ..Patience::default()
        }
    }

    /// The identity of `task` of this run, working on `inputs`.
    pub fn key<I>(&self, task: &str, inputs: I) -> JobKey
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        JobKey::new(self.run(), task, inputs)
    }

    /// Where a collection of Vertex AI is, without asking anybody.
    pub fn vertex_collection(&self, collection: &str) -> Result<String, Error> {
        let google = Vertex::address(&self.region);
        self.address("AIPLATFORM", &google, &format!("v1/PLACE/{collection}"))
    }

    /// Where Dataflow launches templates, without asking anybody.
    pub fn dataflow_launch(&self) -> Result<String, Error> {
        self.address(
            "DATAFLOW",
            Dataflow::ADDRESS,
            "v1b3/PLACE/flexTemplates:launch",
        )
    }

    fn address(&self, service: &str, google: &str, path: &str) -> Result<String, Error> {
        let place = format!("projects/{}/locations/{}", self.project()?, self.region);
        let endpoint = crate::session::endpoint(service).unwrap_or_else(|| google.to_owned());
        let endpoint = endpoint.trim_end_matches('/');
        Ok(format!("{endpoint}/{}", path.replace("PLACE", &place)))
    }
}

impl JobArgs {
    /// How long is waited for what, with the limits of the job.
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            queue: self.queue_timeout.map(Duration::from_secs),
            run: self.run_timeout.map(Duration::from_secs),
            ..self.place.patience()
        }
    }

    /// The labels given.
    pub fn labels(&self) -> std::collections::BTreeMap<String, String> {
        self.job_label.iter().cloned().collect()
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected seconds".to_owned())?;
    let range = 0.001..=600.0;
    if range.contains(&seconds) {
        Ok(seconds)
    } else {
        Err("expected 0.001 to 600 seconds".to_owned())
    }
}

/// A label as every service takes it.
fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let fits = |text: &str| text.len() <= 63 && text.chars().all(legal);
    if !key.starts_with(|c: char| c.is_ascii_lowercase()) || !fits(key) || !fits(value) {
        return Err(
            "a label's key and value have at most 63 lower-case letters, digits, `_` and `-`, and \
             a key begins with a letter"
                .to_owned(),
        );
    }
    if key.starts_with("kfp-") {
        return Err("labels that begin with kfp- are the program's own".to_owned());
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_the_services_take() {
        assert_eq!(
            label("team=prices-1").unwrap(),
            ("team".into(), "prices-1".into())
        );
        assert_eq!(label("a=").unwrap(), ("a".into(), String::new()));
        for wrong in ["team", "Team=a", "1a=b", "a=B", "kfp-run=x", "=x"] {
            assert!(label(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn looks_are_neither_hectic_nor_rare() {
        assert_eq!(seconds("0.01").unwrap(), 0.01);
        for wrong in ["0", "-1", "1e9", "NaN", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
