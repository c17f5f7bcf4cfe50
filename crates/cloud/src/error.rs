//! Why work on Google Cloud came to nothing.

use component::{Diagnose, Exit};
use gcp::api::{CallError, Class};
use gcp::job::JobError;
use storage::Uri;

/// Why work on Google Cloud came to nothing. The exit code tells whose move it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag that is needed was not given.
    #[error("{flag} is missing")]
    Missing {
        /// The flag.
        flag: &'static str,
    },
    /// An address that jobs cannot reach.
    #[error("{flag} {value} is not on Cloud Storage, where a job could reach it")]
    NotOnCloudStorage {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: Uri,
    },
    /// There are no credentials.
    #[error(transparent)]
    Credentials(#[from] gcp::Error),
    /// A call failed.
    #[error("cannot {action}")]
    Call {
        /// What it was for, for example `read what the job counted`.
        action: &'static str,
        /// Why.
        source: Box<CallError>,
    },
    /// The job did not end well.
    #[error(transparent)]
    Job(Box<JobError>),
    /// Something could not be staged.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl Error {
    /// For `map_err` of a call: what it was for.
    pub fn call(action: &'static str) -> impl Fn(CallError) -> Self {
        move |source| Self::Call {
            action,
            source: Box::new(source),
        }
    }
}

impl From<JobError> for Error {
    fn from(error: JobError) -> Self {
        Self::Job(Box::new(error))
    }
}

impl Diagnose for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } | Self::NotOnCloudStorage { .. } => Exit::Usage,
            Self::Credentials(_) => Exit::Permission,
            Self::Call { source, .. } => exit(source.class()),
            Self::Job(error) => exit(error.class()),
            Self::Storage(_) => Exit::Failure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { flag } => Some(format!("give {flag}; see docs/google-cloud.md")),
            Self::NotOnCloudStorage { flag, .. } => {
                Some(format!("give {flag} as gs://bucket/folder"))
            }
            Self::Credentials(error) => error.hint(),
            Self::Call { source, .. } => source.hint(),
            Self::Job(error) => error.hint(),
            Self::Storage(error) => error.hint(),
        }
    }
}

/// The exit code for whose move it is.
fn exit(class: Class) -> Exit {
    match class {
        Class::User => Exit::Usage,
        Class::Permission => Exit::Permission,
        Class::Quota => Exit::Quota,
        Class::Service => Exit::Service,
        Class::Cancelled => Exit::Failure,
    }
}
