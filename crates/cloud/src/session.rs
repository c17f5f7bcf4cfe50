//! One component's work on Google Cloud.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use component::Context;
use gcp::dataflow::Dataflow;
use gcp::job::{GcpResources, JobKey, Jobs, Left, Patience, Runner, Snapshot, Wanted};
use gcp::vertex::Vertex;
use gcp::{Credentials, Environment};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{Error, GCP_RESOURCES, JobArgs, PlaceArgs};

/// Time that cancelling a job gets after SIGTERM, where the platform gives as much.
const GRACE: Duration = Duration::from_secs(10);

/// Who works where, until when, and the record of the jobs that came of it.
#[derive(Debug)]
pub struct Session {
    place: PlaceArgs,
    project: String,
    credentials: Credentials,
    patience: Patience,
    cancel: CancellationToken,
    record: Option<PathBuf>,
    resources: Mutex<GcpResources>,
}

/// Another address of a service than Google's: `CLOUDSDK_API_ENDPOINT_OVERRIDES_…`, as gcloud
/// calls it.
pub(crate) fn endpoint(service: &str) -> Option<String> {
    let variable = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}");
    std::env::var(variable)
        .ok()
        .filter(|value| !value.is_empty())
}

impl Session {
    /// Finds out who is calling; asks no service yet.
    pub async fn open(place: &PlaceArgs, context: &Context) -> Result<Self, Error> {
        let project = place.project()?;
        let credentials = Credentials::discover(&Environment::current()).await?;
        context.set_grace(GRACE);
        Ok(Self {
            patience: place.patience(),
            place: place.clone(),
            project,
            credentials,
            cancel: context.cancel.clone(),
            record: context
                .parameter_file(GCP_RESOURCES.name)
                .map(ToOwned::to_owned),
            resources: Mutex::default(),
        })
    }

    /// The same with the limits of a job.
    pub async fn for_job(args: &JobArgs, context: &Context) -> Result<Self, Error> {
        Ok(Self {
            patience: args.patience(),
            ..Self::open(&args.place, context).await?
        })
    }

    /// The project's id.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// How long is waited for what.
    pub fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Vertex AI here.
    pub fn vertex(&self) -> Result<Vertex, Error> {
        let (endpoint, logging) = (endpoint("AIPLATFORM"), endpoint("LOGGING"));
        let (endpoint, logging) = (endpoint.as_deref(), logging.as_deref());
        let credentials = self.credentials.clone();
        let region = &self.place.region;
        let vertex = Vertex::new(endpoint, logging, credentials, &self.project, region);
        let vertex = vertex.map_err(Error::call("reach Vertex AI"))?;
        Ok(vertex.with_retry(self.place.retry()))
    }

    /// Dataflow here.
    pub fn dataflow(&self) -> Result<Dataflow, Error> {
        let endpoint = endpoint("DATAFLOW");
        let credentials = self.credentials.clone();
        let region = &self.place.region;
        let dataflow = Dataflow::new(endpoint.as_deref(), credentials, &self.project, region);
        let dataflow = dataflow.map_err(Error::call("reach Dataflow"))?;
        Ok(dataflow.with_retry(self.place.retry()))
    }

    /// Finds the job of `key` or creates it, records it, and follows it to a good end.
    pub async fn run<J: Jobs>(
        &self,
        jobs: &J,
        key: &JobKey,
        request: &Value,
    ) -> Result<Snapshot, Error> {
        let runner = Runner {
            jobs,
            patience: self.patience,
            retry: self.place.retry(),
            cancel: self.cancel.clone(),
        };
        let record = |job: &Snapshot| {
            let mut resources = self
                .resources
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            resources.add(jobs, job);
            // At once: the console shows the link while the job runs.
            self.record
                .as_ref()
                .map_or(Ok(()), |path| resources.write(path))
        };
        Ok(runner.run(key, request, record).await?)
    }

    /// Cancels every job of the run that is still alive, whoever started it, and says in words
    /// what became of each.
    pub async fn cancel_run(&self) -> Result<Vec<String>, Error> {
        let vertex = self.vertex()?;
        let mut told = self.cancel_kind(&self.dataflow()?).await?;
        told.extend(self.cancel_kind(&vertex.custom_jobs()).await?);
        told.extend(self.cancel_kind(&vertex.tuning_jobs()).await?);
        Ok(told)
    }

    async fn cancel_kind<J: Jobs>(&self, jobs: &J) -> Result<Vec<String>, Error> {
        let run = Wanted::Run(self.place.run());
        let left = gcp::job::cleanup(jobs, run, &self.patience, false).await?;
        let kind = jobs.kind();
        let tell = |job: Left| match job.outcome {
            Some(outcome) => format!("the {kind} {} {outcome}", job.name),
            None => format!("the {kind} {} is alive", job.name),
        };
        Ok(left.into_iter().map(tell).collect())
    }

    /// The value of the output parameter [`GCP_RESOURCES`].
    ///
    /// # Panics
    /// Never: names and addresses are JSON.
    pub fn resources(&self) -> String {
        let resources = self
            .resources
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        serde_json::to_string(&*resources).expect("names are JSON")
    }
}
