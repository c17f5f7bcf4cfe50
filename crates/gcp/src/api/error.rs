//! Why a call came to nothing.

use std::time::Duration;

use super::{Class, Status};
use crate::Error;

/// A call that did not succeed. Messages say what was asked of whom, how often and for how long,
/// and the service's own words; never a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The address of the service is no HTTP address.
    #[error("`{endpoint}` is no address of a service")]
    Endpoint {
        /// As it was given.
        endpoint: String,
    },
    /// The HTTP client cannot be set up.
    #[error("cannot set up the HTTP client: {reason}")]
    Client {
        /// The library's word.
        reason: String,
    },
    /// There is no token to make the call with.
    #[error(transparent)]
    Credentials(#[from] Error),
    /// The service answered with an error.
    #[error("{call} was answered with {status}{evidence}")]
    Service {
        /// Method and address.
        call: String,
        /// Its answer.
        status: Box<Status>,
        /// How often and for how long it was tried.
        evidence: Evidence,
    },
    /// There was no whole answer.
    #[error("{call} got no answer: {reason}{evidence}")]
    Transport {
        /// Method and address.
        call: String,
        /// What happened to the connection.
        reason: String,
        /// Whether the request may have reached the service.
        sent: bool,
        /// How often and for how long it was tried.
        evidence: Evidence,
    },
    /// The service answered well, but not as documented.
    #[error("{call} was answered with a document that {problem}")]
    Answer {
        /// Method and address.
        call: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// How much was tried before giving up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Attempts in all.
    pub attempts: u32,
    /// From the first attempt to the last failure.
    pub elapsed: Duration,
}

impl std::fmt::Display for Evidence {
    /// Nothing for a single attempt.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.attempts {
            0 | 1 => Ok(()),
            attempts => write!(
                f,
                " ({attempts} attempts in {} s)",
                self.elapsed.as_secs_f64().round()
            ),
        }
    }
}

impl CallError {
    /// The service's answer, if there was one.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Service { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Whose move it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Endpoint { .. } => Class::User,
            Self::Credentials(_) => Class::Permission,
            Self::Service { status, .. } => status.class(),
            Self::Client { .. } | Self::Transport { .. } | Self::Answer { .. } => Class::Service,
        }
    }

    /// Whether nothing is there under the name asked for.
    pub fn is_not_found(&self) -> bool {
        self.status().is_some_and(|status| status.http == 404)
    }

    /// Whether the name is taken.
    pub fn is_conflict(&self) -> bool {
        self.status()
            .is_some_and(|status| status.http == 409 && status.code != "ABORTED")
    }

    /// Whether the service may have done what it was asked although no answer says so.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::Transport { sent, .. } => *sent,
            // A rate limit is a refusal; any other failure may have come after the deed.
            Self::Service { status, .. } => status.is_transient() && status.http != 429,
            Self::Answer { .. } => true,
            _ => false,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Service { status, .. } => status.is_transient(),
            Self::Transport { .. }
            | Self::Answer { .. }
            | Self::Credentials(Error::Token { .. } | Error::NotFound { .. }) => true,
            _ => false,
        }
    }

    /// The next step for the person who reads the message.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Credentials(error) => error.hint(),
            Self::Endpoint { .. } => {
                Some("give an address such as https://dataflow.googleapis.com".into())
            }
            Self::Service { status, .. } => Some(status.hint()),
            Self::Client { .. } | Self::Transport { .. } | Self::Answer { .. } => {
                Some("check the network and run again: work already started is found".into())
            }
        }
    }
}

impl Status {
    /// The next step for the person who reads the message.
    pub fn hint(&self) -> String {
        let details = &self.details;
        if details.reason.as_deref() == Some("SERVICE_DISABLED") {
            let service = details.service.as_deref().unwrap_or("the service named");
            return format!("enable the API: gcloud services enable {service}");
        }
        match self.class() {
            Class::User => "correct what the service names and run again".into(),
            Class::Permission => match &details.permission {
                Some(permission) => {
                    format!("grant the account a role that has the permission {permission}")
                }
                None => {
                    "grant the account the roles this service needs, and check the project".into()
                }
            },
            Class::Quota => {
                "wait, ask for less, or have the quota raised (console, IAM & Admin, Quotas)".into()
            }
            Class::Service => "run again later: work already started is found".into(),
            Class::Cancelled => "find out who cancelled it; to start anew, run again".into(),
        }
    }
}
