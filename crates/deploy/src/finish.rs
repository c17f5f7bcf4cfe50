//! `deploy finish`: the pipeline's exit handler. Reports how the run ended and cleans up what a
//! killed deployment left.

use std::time::Duration;

use bytes::Bytes;
use cloud::Session;
use component::{Context, Outcome, Outputs, Plan};
use serde::Deserialize;
use serde_json::json;
use storage::{PutOptions, Storage};
use tracing::{error, info, warn};

use crate::repository::{Repository, RepositoryError};
use crate::{Error, args::FinishArgs, target};

/// Kubeflow's `PipelineTaskFinalStatus`: how the tasks before ended. The backend spells the names
/// in camel case, the local runner in snake case; what neither says is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FinalStatus {
    state: String,
    #[serde(alias = "pipeline_job_resource_name")]
    pipeline_job_resource_name: String,
    error: Option<Failure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    message: String,
}

impl FinalStatus {
    fn parse(json: &str) -> Result<Self, Error> {
        serde_json::from_str(json).map_err(|_| Error::Flag {
            flag: "--status",
            value: json.to_owned(),
            problem: "is not a final status",
            hint: "give what Kubeflow passes: {\"state\": \"SUCCEEDED\", …}",
        })
    }

    fn succeeded(&self) -> bool {
        self.state == "SUCCEEDED"
    }

    fn message(&self) -> &str {
        self.error.as_ref().map_or("", |error| &error.message)
    }
}

/// Reports and cleans up. How the run ended is no failure of this one.
pub(crate) async fn run(args: &FinishArgs, context: &Context) -> Result<Outcome, Error> {
    let status = FinalStatus::parse(&args.status)?;
    let repository = target::repository(&args.target)?;
    if context.dry_run {
        let folder = repository.folder();
        return Ok(Outcome::Plan(Plan {
            reads: vec![folder.display().to_string()],
            does: vec![
                format!(
                    "takes back an unfinished deployment in {}",
                    folder.display()
                ),
                "cancels what is left of the run on Google Cloud, with --project".to_owned(),
            ],
            writes: args.summary.iter().map(ToString::to_string).collect(),
        }));
    }
    let mut cleaned = clean(&repository, args, context).await?;
    for job in cancel_jobs(args, context).await? {
        cleaned = format!("{cleaned}; {job}");
    }
    let served = repository.pointer()?.and_then(|state| state.model_version);
    if status.succeeded() {
        info!("the run ended well");
    } else {
        error!(state = status.state, "the run failed: {}", status.message());
    }
    info!("{cleaned}");
    let mut outputs = Outputs::new().parameter("succeeded", status.succeeded());
    if let Some(uri) = &args.summary {
        let text = summary(&status, repository.model_name(), served, &cleaned);
        let options = PutOptions {
            content_type: Some("text/markdown; charset=utf-8".to_owned()),
            ..PutOptions::default()
        };
        let storage = Storage::from_env();
        let written = storage.write(uri, Bytes::from(text), options).await;
        written.map_err(|source| Error::WriteSummary {
            uri: uri.clone(),
            source: Box::new(source),
        })?;
        let metadata = json!({ "display_name": "How the run ended", "state": status.state });
        outputs = outputs.artifact("summary", uri, metadata);
    }
    Ok(Outcome::Done(outputs))
}

/// Cancels remote jobs that killed steps of the run left, where the flags name a run.
async fn cancel_jobs(args: &FinishArgs, context: &Context) -> Result<Vec<String>, Error> {
    if !args.place.names_a_run() {
        return Ok(Vec::new());
    }
    let session = Session::open(&args.place, context).await?;
    Ok(session.cancel_run().await?)
}

/// Takes back what a killed deployment left, and says what that was. A deployment of another run
/// that is under way is left alone.
async fn clean(
    repository: &Repository,
    args: &FinishArgs,
    context: &Context,
) -> Result<String, Error> {
    const NOTHING: &str = "nothing was left to clean up";
    if !repository.exists() {
        return Ok(NOTHING.to_owned());
    }
    let timeout = Duration::from_secs(args.lock_timeout);
    let locked = match repository.lock(timeout, &context.cancel).await {
        Err(RepositoryError::Locked { .. }) => {
            warn!("another deployment is under way");
            return Ok("another deployment is under way, which cleans up itself".to_owned());
        }
        locked => locked?,
    };
    let left = locked.take_back()?;
    Ok(match left {
        None => NOTHING.to_owned(),
        Some(left) => match left.restored {
            Some(version) => format!(
                "an unfinished deployment was taken back: version {version} is served again"
            ),
            None => "an unfinished deployment was taken back: no version is served".to_owned(),
        },
    })
}

/// The report, in Markdown.
fn summary(status: &FinalStatus, model_name: &str, served: Option<u64>, cleaned: &str) -> String {
    let title = if status.succeeded() {
        "The run ended well"
    } else {
        "The run failed"
    };
    let served = match served {
        Some(version) => format!("version {version} of `{model_name}`"),
        None => format!("no version of `{model_name}`"),
    };
    let mut text = format!("# {title}\n\n| | |\n| --- | --- |\n");
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            let value = value.replace('|', "\\|").replace('\n', " ");
            text.push_str(&format!("| {name} | {value} |\n"));
        }
    };
    row("state", &status.state);
    row("run", &status.pipeline_job_resource_name);
    row("error", status.message());
    row("served now", &served);
    row("clean-up", cleaned);
    if !status.succeeded() {
        text.push_str(
            "\nThe last line of the failed task's log is its error, with the next step. A run \
             with the same parameters takes the steps that ended well from the cache.\n",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backends_spelling_and_the_local_runners_are_read() {
        let camel = r#"{"state": "FAILED", "pipelineJobResourceName": "run-1",
            "pipelineTaskName": "exit-handler-1", "error": {"code": 9, "message": "no data"}}"#;
        let snake = r#"{"state": "FAILED", "pipeline_job_resource_name": "run-1", "error":
            {"message": "no data"}}"#;
        for json in [camel, snake] {
            let status = FinalStatus::parse(json).unwrap();
            assert!(!status.succeeded());
            assert_eq!(status.pipeline_job_resource_name, "run-1");
            assert_eq!(status.message(), "no data");
        }
    }

    #[test]
    fn a_success_has_no_error() {
        let status = FinalStatus::parse(r#"{"state": "SUCCEEDED", "error": null}"#).unwrap();
        assert_eq!(
            summary(&status, "btc", Some(3), "nothing was left to clean up"),
            "# The run ended well\n\n| | |\n| --- | --- |\n| state | SUCCEEDED |\n\
             | served now | version 3 of `btc` |\n| clean-up | nothing was left to clean up |\n"
        );
    }

    #[test]
    fn a_message_stays_in_its_cell() {
        let status =
            FinalStatus::parse(r#"{"state": "FAILED", "error": {"message": "a|b\nc"}}"#).unwrap();
        let text = summary(&status, "btc", None, "nothing was left to clean up");
        assert!(text.contains("| error | a\\|b c |\n"), "{text}");
    }
}
