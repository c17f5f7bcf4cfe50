//! A fake Google Cloud and clients that lose no time.

use std::time::Duration;

use gcp::api::Retry;
use gcp::dataflow::{Dataflow, FlexTemplate};
use gcp::job::{JobKey, Jobs, Patience, Runner};
use gcp::vertex::{ContainerSpec, CustomJob, JobSpec, MachineSpec, TuningJob, Vertex, WorkerPool};
use gcp::{Backoff, Credentials, Environment};
use serde_json::{Value, json};
use test_support::google::FakeGoogle;
use tokio_util::sync::CancellationToken;

/// Waits too short to notice.
pub(crate) fn retry() -> Retry {
    Retry {
        backoff: Backoff {
            initial: Duration::from_millis(2),
            maximum: Duration::from_millis(4),
            attempts: 4,
        },
        ..Retry::default()
    }
}

/// Looks too frequent for a real service.
pub(crate) fn patience() -> Patience {
    Patience {
        first: Duration::from_millis(2),
        slowest: Duration::from_millis(4),
        ..Patience::default()
    }
}

pub(crate) async fn credentials(metadata_host: &str) -> Credentials {
    let environment = Environment {
        metadata_host: Some(metadata_host.to_owned()),
        ..Environment::default()
    };
    Credentials::discover(&environment).await.unwrap()
}

pub(crate) async fn dataflow(google: &FakeGoogle) -> Dataflow {
    dataflow_at(&google.endpoint(), &google.metadata_host()).await
}

pub(crate) async fn dataflow_at(endpoint: &str, metadata_host: &str) -> Dataflow {
    let credentials = credentials(metadata_host).await;
    let client = Dataflow::new(Some(endpoint), credentials, "prices", "us-central1");
    client.unwrap().with_retry(retry())
}

pub(crate) async fn vertex(google: &FakeGoogle) -> Vertex {
    vertex_at(&google.endpoint(), &google.metadata_host()).await
}

pub(crate) async fn vertex_at(endpoint: &str, metadata_host: &str) -> Vertex {
    let credentials = credentials(metadata_host).await;
    let client = Vertex::new(
        Some(endpoint),
        Some(endpoint),
        credentials,
        "prices",
        "us-central1",
    );
    client.unwrap().with_retry(retry())
}

pub(crate) fn runner<J: Jobs>(jobs: &J) -> Runner<'_, J> {
    Runner {
        jobs,
        patience: patience(),
        retry: retry(),
        cancel: CancellationToken::new(),
    }
}

pub(crate) fn key() -> JobKey {
    JobKey::new("run-7", "transform", ["gs://b/in.csv"])
}

/// A launch of the Beam YAML template.
pub(crate) fn template() -> Value {
    let template = FlexTemplate {
        spec: "gs://dataflow-templates-us-central1/latest/flex/Yaml_Template".into(),
        parameters: [("yaml_pipeline".to_owned(), "pipeline: {}".to_owned())].into(),
        ..FlexTemplate::default()
    };
    template.request(&key())
}

/// What one machine runs.
pub(crate) fn job_spec() -> JobSpec {
    JobSpec {
        worker_pool_specs: vec![WorkerPool {
            machine_spec: MachineSpec {
                machine_type: "n1-standard-4".into(),
                ..MachineSpec::default()
            },
            replica_count: 1,
            disk_spec: None,
            container_spec: ContainerSpec {
                image_uri: "us-central1-docker.pkg.dev/prices/r/train:1".into(),
                command: vec!["/train".into()],
                args: vec!["--seed=1".into()],
                env: vec![],
            },
        }],
        ..JobSpec::default()
    }
}

pub(crate) fn custom_job() -> Value {
    let job = CustomJob {
        spec: job_spec(),
        ..CustomJob::default()
    };
    job.request(&key())
}

pub(crate) fn tuning_job() -> Value {
    let job = TuningJob {
        study_spec: json!({
            "metrics": [{"metricId": "error", "goal": "MINIMIZE"}],
            "parameters": [{"parameterId": "rate", "scaleType": "UNIT_LOG_SCALE",
                            "doubleValueSpec": {"minValue": 0.001, "maxValue": 0.3}}],
        }),
        max_trial_count: 4,
        parallel_trial_count: 2,
        trial: job_spec(),
        ..TuningJob::default()
    };
    job.request(&key())
}
