//! The last step of a deployment: a prediction of the golden rows through HTTP.

use std::time::Duration;

use artifacts::Golden;
use component::Diagnose as _;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::golden::{self, GoldenError};
use crate::serve::{MODEL_NAME_HEADER, MODEL_VERSION_HEADER, ServeError};

/// Time between two attempts.
const RETRY: Duration = Duration::from_millis(100);
/// Time one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Characters of an unexpected answer that an error shows.
const SHOWN: usize = 200;

/// Why a server's answer does not prove a version right.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The HTTP client could not be made.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// A server of this process could not be started.
    #[error(transparent)]
    Server(#[from] ServeError),
    /// No answer.
    #[error("{url} did not answer within {seconds} s")]
    Unreachable {
        /// Predict address.
        url: Url,
        /// Seconds tried.
        seconds: u64,
        /// The last attempt's failure.
        source: reqwest::Error,
    },
    /// An answer from another version, or from something else.
    #[error("{url} still answers from {found} after {seconds} s, not from {expected}")]
    Other {
        /// Predict address.
        url: Url,
        /// Seconds tried.
        seconds: u64,
        /// Name and version in the last answer.
        found: String,
        /// Name and version that were switched to.
        expected: String,
    },
    /// An answer that is no prediction.
    #[error("{url} answers {status}: {body}")]
    Status {
        /// Predict address.
        url: Url,
        /// HTTP status.
        status: reqwest::StatusCode,
        /// Start of the body.
        body: String,
    },
    /// A prediction that is not the golden one.
    #[error("{url} predicts something else")]
    Golden {
        /// Predict address.
        url: Url,
        /// The difference.
        source: GoldenError,
    },
    /// Vertex AI did not answer, or not with predictions.
    #[error(transparent)]
    Vertex(Box<cloud::Error>),
    /// The run was asked to stop.
    #[error("stopped before the server answered")]
    Cancelled,
}

impl CheckError {
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Server(error) => return error.hint(),
            Self::Vertex(error) => return error.hint(),
            Self::Client(_) => "install the system's CA certificates",
            Self::Unreachable { .. } | Self::Other { .. } => {
                "check that --endpoint is the predict address of a 'deploy serve' that follows \
                 this repository and model name"
            }
            Self::Status { .. } | Self::Golden { .. } => {
                "read the server's log; it may be of another build than this one"
            }
            Self::Cancelled => "run the same again",
        };
        Some(hint.to_owned())
    }
}

/// A server and the version it has to answer from.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    pub(crate) url: Url,
    pub(crate) model_name: &'a str,
    pub(crate) version: u64,
    pub(crate) golden: &'a Golden,
    /// How long the server may take to follow; zero for a single attempt.
    pub(crate) timeout: Duration,
}

#[derive(Deserialize)]
struct Answer {
    predictions: Vec<f64>,
}

impl Check<'_> {
    /// Asks until the version answers or the time is over. A wrong prediction from the right
    /// version fails at once.
    pub(crate) async fn run(
        &self,
        client: &Client,
        cancel: &CancellationToken,
    ) -> Result<(), CheckError> {
        let body = body(self.golden);
        let deadline = Instant::now() + self.timeout;
        loop {
            let attempt = tokio::select! {
                attempt = self.attempt(client, &body) => attempt,
                () = cancel.cancelled() => return Err(CheckError::Cancelled),
            };
            match attempt {
                Ok(()) => return Ok(()),
                Err(error @ CheckError::Golden { .. }) => return Err(error),
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = cancel.cancelled() => return Err(CheckError::Cancelled),
            }
        }
    }

    async fn attempt(&self, client: &Client, body: &Value) -> Result<(), CheckError> {
        let seconds = self.timeout.as_secs();
        let unreachable = |source: reqwest::Error| CheckError::Unreachable {
            url: self.url.clone(),
            seconds,
            source: source.without_url(),
        };
        let request = client.post(self.url.clone()).timeout(ATTEMPT).json(body);
        // Where a version is tried out, it answers only a part of the others.
        let request = request.header(MODEL_VERSION_HEADER, self.version);
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let header = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let (name, version) = (header(MODEL_NAME_HEADER), header(MODEL_VERSION_HEADER));
        let text = response.text().await.map_err(unreachable)?;
        let answer: Option<Answer> = serde_json::from_str(&text).ok();
        let Some(answer) = answer.filter(|_| status.is_success()) else {
            return Err(CheckError::Status {
                url: self.url.clone(),
                status,
                body: text.chars().take(SHOWN).collect(),
            });
        };
        let found = identity(name.as_deref(), version.as_deref());
        let expected = identity(Some(self.model_name), Some(&self.version.to_string()));
        if found != expected {
            return Err(CheckError::Other {
                url: self.url.clone(),
                seconds,
                found,
                expected,
            });
        }
        golden::compare(self.golden, &answer.predictions).map_err(|source| CheckError::Golden {
            url: self.url.clone(),
            source,
        })
    }
}

/// The golden rows as named values, as a client would send them.
pub(crate) fn body(golden: &Golden) -> Value {
    let row = |instance: &Vec<f64>| -> Map<String, Value> {
        let cells = golden.inputs.iter().cloned();
        cells.zip(instance.iter().map(|cell| json!(cell))).collect()
    };
    json!({ "instances": golden.instances.iter().map(row).collect::<Vec<_>>() })
}

fn identity(name: Option<&str>, version: Option<&str>) -> String {
    match (name, version) {
        (Some(name), Some(version)) => format!("version {version} of `{name}`"),
        (Some(name), None) => format!("`{name}` without a version"),
        _ => "a server that names no model".to_owned(),
    }
}
