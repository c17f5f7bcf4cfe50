//! How a job ends other than well.

use std::fmt;
use std::io;
use std::time::Duration;

use super::Phase;
use crate::api::{CallError, Class, Status};

/// Why there is no result of a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// A call on the way there failed.
    #[error("cannot {action} the {kind}")]
    Call {
        /// `find`, `create`, …
        action: &'static str,
        /// What kind of job, for example `Dataflow job`.
        kind: &'static str,
        /// Why.
        source: CallError,
    },
    /// The job ended without success.
    #[error(
        "the {kind} {name} ended as {state}{}{}; see {console}",
        reason(status.as_deref()),
        lines(log)
    )]
    Ended {
        /// What kind of job.
        kind: &'static str,
        /// Its name.
        name: String,
        /// How it ended.
        phase: Phase,
        /// The service's own word for that.
        state: String,
        /// What the service says went wrong.
        status: Option<Box<Status>>,
        /// The last errors of the job's log.
        log: Vec<String>,
        /// Where to look.
        console: String,
    },
    /// This process was told to end.
    #[error("interrupted; the {kind} {name} {outcome}")]
    Interrupted {
        /// What kind of job.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What became of it.
        outcome: Cancellation,
    },
    /// This process was told to end before there was a job.
    #[error("interrupted before the {kind} was created")]
    NotCreated {
        /// What kind of job.
        kind: &'static str,
    },
    /// This process was told to end while a job was being created.
    #[error("interrupted while the {kind} {name} was being created: it may exist")]
    Creating {
        /// What kind of job.
        kind: &'static str,
        /// The name made from its key.
        name: String,
    },
    /// A limit of time was reached.
    #[error("the {kind} {name} {what} for more than {} s and {outcome}", limit.as_secs())]
    Deadline {
        /// What kind of job.
        kind: &'static str,
        /// Its name.
        name: String,
        /// `was queued`, `ran`, `took`.
        what: &'static str,
        /// The limit.
        limit: Duration,
        /// What became of it.
        outcome: Cancellation,
    },
    /// Something that must end first did not.
    #[error("cannot create the {kind}: {name} is in the way and did not end within {} s", limit.as_secs())]
    Blocked {
        /// What kind of job.
        kind: &'static str,
        /// What is in the way.
        name: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The service did not say for long how the job is; the job was left alone.
    #[error("lost sight of the {kind} {name}, which may still be running; see {console}")]
    Lost {
        /// What kind of job.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Where to look.
        console: String,
        /// The last failure.
        source: CallError,
    },
    /// The job runs, but cannot be recorded.
    #[error("cannot record the {kind} {name}")]
    Record {
        /// What kind of job.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Why.
        source: io::Error,
    },
}

/// What became of a job that is no longer wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// It has ended, in this state.
    Confirmed(String),
    /// It was asked to end.
    Requested,
    /// It could not be asked to end, for this reason.
    Failed(String),
}

impl fmt::Display for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirmed(state) => write!(f, "ended as {state}"),
            Self::Requested => f.write_str("was asked to cancel"),
            Self::Failed(reason) => write!(f, "could not be cancelled: {reason}"),
        }
    }
}

impl JobError {
    /// Whose move it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Call { source, .. } | Self::Lost { source, .. } => source.class(),
            Self::Ended {
                phase: Phase::Cancelled,
                ..
            } => Class::Cancelled,
            // Without a word from the service it is the program in the job that failed.
            Self::Ended { status, .. } => status.as_ref().map_or(Class::User, |s| s.class()),
            Self::Interrupted { .. } | Self::NotCreated { .. } | Self::Creating { .. } => {
                Class::Cancelled
            }
            Self::Deadline { .. } | Self::Blocked { .. } => Class::Quota,
            Self::Record { .. } => Class::User,
        }
    }

    /// The next step for the person who reads the message.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Call { source, .. } => return source.hint(),
            Self::Ended { status, .. } => match status {
                Some(status) => status.hint(),
                None => "read the job's log in the console, correct it and run again".into(),
            },
            Self::Interrupted {
                outcome: Cancellation::Confirmed(_),
                ..
            }
            | Self::NotCreated { .. } => "run again to start anew".into(),
            Self::Interrupted { .. } | Self::Creating { .. } => {
                "run the cleanup of this run: it finds what is left and cancels it".into()
            }
            Self::Blocked { .. } => "wait for its end, or cancel it, and run again".into(),
            Self::Deadline { .. } => "raise the limit, or ask for machines that are free".into(),
            Self::Lost { .. } => "run again: the job is found and followed on".into(),
            Self::Record { .. } => {
                "make the place of gcp_resources writable and run again: the job is found".into()
            }
        })
    }
}

fn reason(status: Option<&Status>) -> String {
    let shown = status.map(|status| format!(": {status}"));
    shown.unwrap_or_default()
}

fn lines(log: &[String]) -> String {
    if log.is_empty() {
        return String::new();
    }
    format!("; its log says: {}", log.join(" | "))
}
