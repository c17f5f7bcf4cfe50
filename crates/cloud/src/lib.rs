//! What components share when Google Cloud does their work.
//!
//! ```text
//! flags → session: who, where, until when → staging: inputs there → job → staging: outputs back
//! ```
//!
//! [`gcp`] knows the services; this crate knows what a component's user sees of them: the flags
//! ([`PlaceArgs`], [`JobArgs`], [`TrainingArgs`]), the output parameter `gcp_resources`, the exit
//! codes and the hints. A component adds what its job is.

mod args;
mod error;
mod session;
mod staging;
mod training;

use component::{Parameter, ParameterKind};

pub use args::{JobArgs, PlaceArgs};
pub use error::Error;
pub use session::Session;
pub use staging::Staging;
pub use training::{Provisioning, TrainingArgs, own_image};

/// The output parameter of every component that can have a remote job.
pub const GCP_RESOURCES: Parameter = Parameter {
    name: "gcp_resources",
    kind: ParameterKind::String,
    help: "Remote jobs, in the format of google-cloud-pipeline-components; the console links them",
};

/// The output parameter where there was no remote job.
pub const NO_RESOURCES: &str = r#"{"resources":[]}"#;
