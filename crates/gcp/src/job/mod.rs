//! The life of a remote job, the same for every service: found or created, recorded, followed to
//! its end, cancelled when this process is told to end, and found again by whoever comes later.
//!
//! A job is known by its [`JobKey`]. A service's kind of job implements [`Jobs`]; [`Runner`] does
//! the rest.

mod cleanup;
mod error;
mod follow;
mod key;
mod launch;
mod resources;
mod runner;
mod snapshot;

use std::future::Future;

use serde_json::Value;

pub use cleanup::{Left, cleanup};
pub use error::{Cancellation, JobError};
pub use follow::Patience;
pub use key::{JobKey, KEY_LABEL, RUN_LABEL, TASK_LABEL, label_value};
pub use resources::{GcpResources, Resource};
pub use runner::Runner;
pub use snapshot::{Importance, Message, Phase, Snapshot};

use crate::api::CallError;

/// Which jobs are looked for.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// Those of one piece of work, by whatever attempt.
    Key(&'a JobKey),
    /// Those of a whole run, by its id.
    Run(&'a str),
}

/// A kind of job at one service, in one project and location.
pub trait Jobs: Sync {
    /// What messages call one, for example `Dataflow job`.
    fn kind(&self) -> &'static str;

    /// The type `gcp_resources` names it by.
    fn resource_type(&self) -> &'static str;

    /// All jobs that are wanted, in any state and order.
    fn find(
        &self,
        wanted: Wanted<'_>,
    ) -> impl Future<Output = Result<Vec<Snapshot>, CallError>> + Send;

    /// Creates one; `request` carries the key as name or labels.
    fn create(&self, request: &Value) -> impl Future<Output = Result<Snapshot, CallError>> + Send;

    /// How one is now.
    fn get(&self, name: &str) -> impl Future<Output = Result<Snapshot, CallError>> + Send;

    /// Asks for one to end; that it has ended already is fine.
    fn cancel(&self, name: &str) -> impl Future<Output = Result<(), CallError>> + Send;

    /// What its log says, the oldest first, that matters at least this much and was written at
    /// this time (RFC 3339) or later.
    fn messages(
        &self,
        name: &str,
        least: Importance,
        since: Option<&str>,
    ) -> impl Future<Output = Result<Vec<Message>, CallError>> + Send;

    /// Where a person can look at one.
    fn console(&self, name: &str) -> String;
}
