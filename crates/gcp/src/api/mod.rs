//! Calls of Google's JSON APIs: authorised, repeated where that is safe, with the service's own
//! words when they fail.

mod details;
mod error;
mod pages;
mod retry;
mod status;

use std::time::Duration;

use http::header;
use reqwest::Method;
use serde_json::Value;
use url::Url;

pub use details::Details;
pub use error::{CallError, Evidence};
pub(crate) use retry::Attempts;
pub use retry::Retry;
pub(crate) use status::one_line;
pub use status::{Class, Status};

use crate::{Credentials, summary};

/// One service: an address, credentials and a connection pool. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    endpoint: Url,
    credentials: Credentials,
    retry: Retry,
    quota_project: Option<String>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The HTTP method.
    pub method: &'a Method,
    /// The path below the service's address, not encoded, such as `v1/projects/p/…:cancel`.
    pub path: &'a str,
    /// Query parameters, not encoded.
    pub query: &'a [(&'a str, &'a str)],
    /// The document to send.
    pub body: Option<&'a Value>,
    /// Whether the call may be made twice.
    pub repeat: Repeat,
}

/// Whether a call may be made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The same again does no harm: reading, cancelling, setting.
    Safe,
    /// It creates: repeated only where the service has certainly not done it.
    Never,
}

impl<'a> Call<'a> {
    /// Reads what is at a path.
    pub fn get(path: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            method: &Method::GET,
            path,
            query,
            body: None,
            repeat: Repeat::Safe,
        }
    }

    /// Creates something; not repeated by itself.
    pub fn create(path: &'a str, body: &'a Value) -> Self {
        Self {
            method: &Method::POST,
            path,
            query: &[],
            body: Some(body),
            repeat: Repeat::Never,
        }
    }

    /// An action that may be repeated, such as `:cancel`.
    pub fn act(method: &'a Method, path: &'a str, body: Option<&'a Value>) -> Self {
        Self {
            method,
            path,
            query: &[],
            body,
            repeat: Repeat::Safe,
        }
    }

    /// With query parameters.
    #[must_use]
    pub fn with_query(self, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { query, ..self }
    }
}

impl Api {
    /// A client of the service at `endpoint`. No connection is made.
    pub fn new(endpoint: &str, credentials: Credentials) -> Result<Self, CallError> {
        crate::install_tls();
        let endpoint = address(endpoint)?;
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(20))
            .timeout(Duration::from_mins(1))
            // A cancel request has milliseconds: the connection is kept warm between polls.
            .pool_idle_timeout(Duration::from_mins(5))
            .tcp_keepalive(Duration::from_secs(30))
            .tcp_nodelay(true)
            .build()
            .map_err(|error| CallError::Client {
                reason: summary(&error),
            })?;
        Ok(Self {
            http,
            endpoint,
            credentials,
            retry: Retry::default(),
            quota_project: None,
        })
    }

    /// The same at another address, for what a service hands out to be asked there.
    pub fn at(&self, endpoint: &str) -> Result<Self, CallError> {
        Ok(Self {
            endpoint: address(endpoint)?,
            ..self.clone()
        })
    }

    /// Repeats calls as `retry` says.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Counts calls against the quota of this project (`x-goog-user-project`).
    #[must_use]
    pub fn with_quota_project(self, project: Option<String>) -> Self {
        Self {
            quota_project: project,
            ..self
        }
    }

    /// How calls are repeated.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// The address of a resource, as records of jobs name it.
    pub fn address(&self, path: &str) -> String {
        self.url(path).to_string()
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .expect("an address with a host has a path")
            .pop_if_empty()
            .extend(path.split('/'));
        url
    }

    /// Makes a call, again where that may help and does no harm, and returns the answer's
    /// document; `null` for an empty answer.
    pub async fn call(&self, call: Call<'_>) -> Result<Value, CallError> {
        let mut url = self.url(call.path);
        let name = format!("{} {url}", call.method);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut attempts = Attempts::new(self.retry);
        let mut renewed = false;
        loop {
            let failure = match self.attempt(&call, url.clone()).await? {
                Ok(document) => return Ok(document),
                Err(failure) => failure,
            };
            if failure.http() == Some(401) && !renewed {
                renewed = true;
                self.credentials.invalidate();
                continue;
            }
            let wait = attempts.failed(failure.wished);
            let may = failure.is_transient()
                && (call.repeat == Repeat::Safe || failure.is_certainly_undone());
            let Some(wait) = wait.filter(|_| may) else {
                return Err(failure.into_error(name, attempts.evidence()));
            };
            tracing::debug!(call = name, reason = %failure, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// One attempt; an error of credentials ends them all.
    async fn attempt(
        &self,
        call: &Call<'_>,
        url: Url,
    ) -> Result<Result<Value, Failure>, CallError> {
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(token) = self.credentials.token().await? {
            request = request.header(header::AUTHORIZATION, token.header_value());
        }
        if let Some(project) = &self.quota_project {
            request = request.header("x-goog-user-project", project);
        }
        if let Some(body) = call.body {
            request = request.json(body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Err(Failure::transport(error))),
        };
        let status = response.status();
        let wished = response.headers().get(header::RETRY_AFTER);
        let wished = wished.and_then(|wait| wait.to_str().ok()?.parse().ok());
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return Ok(Err(Failure::transport(error))),
        };
        if !status.is_success() {
            let status = Status::of_answer(status.as_u16(), &body);
            let wished = wished.map(Duration::from_secs).or(status.retry_delay());
            return Ok(Err(Failure {
                what: What::Service(Box::new(status)),
                wished,
            }));
        }
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Ok(Value::Null));
        }
        Ok(serde_json::from_slice(&body).map_err(|error| Failure {
            what: What::Answer(format!("is not JSON: {error}")),
            wished: None,
        }))
    }
}

fn address(endpoint: &str) -> Result<Url, CallError> {
    let url = Url::parse(endpoint).ok().filter(Url::has_host);
    url.ok_or_else(|| CallError::Endpoint {
        endpoint: endpoint.to_owned(),
    })
}

/// One failed attempt, and the wait the service wishes for.
struct Failure {
    what: What,
    wished: Option<Duration>,
}

enum What {
    Service(Box<Status>),
    Transport { reason: String, sent: bool },
    Answer(String),
}

impl Failure {
    fn transport(error: reqwest::Error) -> Self {
        let what = What::Transport {
            sent: !error.is_connect() && !error.is_builder(),
            // The call's name has the address already.
            reason: summary(&error.without_url()),
        };
        Self { what, wished: None }
    }

    fn http(&self) -> Option<u16> {
        match &self.what {
            What::Service(status) => Some(status.http),
            _ => None,
        }
    }

    fn is_transient(&self) -> bool {
        match &self.what {
            What::Service(status) => status.is_transient(),
            What::Transport { .. } | What::Answer(_) => true,
        }
    }

    /// Whether the service has certainly not done what it was asked: it never heard of it, or
    /// refused it at the door.
    fn is_certainly_undone(&self) -> bool {
        match &self.what {
            What::Service(status) => status.http == 429,
            What::Transport { sent, .. } => !sent,
            What::Answer(_) => false,
        }
    }

    fn into_error(self, call: String, evidence: Evidence) -> CallError {
        match self.what {
            What::Service(status) => CallError::Service {
                call,
                status,
                evidence,
            },
            What::Transport { reason, sent } => CallError::Transport {
                call,
                reason,
                sent,
                evidence,
            },
            What::Answer(problem) => CallError::Answer { call, problem },
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.what {
            What::Service(status) => status.fmt(f),
            What::Transport { reason, .. } => f.write_str(reason),
            What::Answer(problem) => write!(f, "the answer {problem}"),
        }
    }
}
