//! Vertex AI: custom jobs and studies, models, endpoints and what is deployed on them.
//! <https://cloud.google.com/vertex-ai/docs/reference/rest>

mod change;
mod client;
mod jobs;
mod logs;
mod operation;
mod serving;
mod spec;
mod state;
mod tuning;

pub use change::Change;
pub use client::Vertex;
pub use jobs::{JobKind, VertexJobs};
pub use serving::{Deployment, ModelVersion, Port, ServingContainer};
pub use spec::{
    ContainerSpec, CustomJob, DiskSpec, EnvVar, GcsDestination, JobSpec, MachineSpec, Scheduling,
    WorkerPool,
};
pub use tuning::{TrialRecord, TuningJob};
