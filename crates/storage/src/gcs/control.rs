//! Control calls of the JSON API: <https://cloud.google.com/storage/docs/json_api/v1>.

use std::time::Duration;

use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use url::Url;

use super::client::Client;
use super::failure::Failure;
use crate::{Error, Result};

/// The longest `Retry-After` that is waited for.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// One call: what is asked of which resource.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// The parts of the path after `/storage/v1`, not encoded.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<Value>,
}

/// How a call ended other than well.
pub(super) enum CallError {
    /// There is no token to make it with.
    Credentials(gcp::Error),
    /// The service did not do it.
    Failure(Failure),
}

impl Client {
    /// Makes a call, again where that may help, and returns the answer's document. All calls
    /// here may be repeated: they read, they name a generation, or they find out what is there.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Value, CallError> {
        let mut url = Url::parse(&self.endpoint).expect("parsed when the client was made");
        url.path_segments_mut()
            .expect("an address with a host has a path")
            .pop_if_empty()
            .extend(["storage", "v1"])
            .extend(call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut failed = 0;
        let mut renewed = false;
        loop {
            let mut request = self.http.request(call.method.clone(), url.clone());
            if let Some(token) = self
                .credentials
                .token()
                .await
                .map_err(CallError::Credentials)?
            {
                request = request.header(header::AUTHORIZATION, token.header_value());
            }
            if let Some(body) = &call.body {
                request = request.json(body);
            }
            let (failure, wished_wait) = match attempt(request).await {
                Ok(document) => return Ok(document),
                Err(failure) => failure,
            };
            if failure.status == Some(401) && !renewed {
                renewed = true;
                self.credentials.invalidate();
                continue;
            }
            failed += 1;
            let delay = self
                .options
                .backoff
                .delay(failed)
                .filter(|_| failure.is_transient());
            let Some(delay) = delay else {
                return Err(CallError::Failure(failure));
            };
            tracing::debug!(
                reason = failure.reason,
                ?delay,
                "trying a storage call again"
            );
            tokio::time::sleep(delay.max(wished_wait.unwrap_or_default())).await;
        }
    }
}

/// One attempt: the document, or the failure with the wait the service wishes for.
async fn attempt(request: reqwest::RequestBuilder) -> Result<Value, (Failure, Option<Duration>)> {
    let without_answer = |error: reqwest::Error| (Failure::of_error(&error), None);
    let response = request.send().await.map_err(without_answer)?;
    let status = response.status();
    let wait = response.headers().get(header::RETRY_AFTER);
    let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
    let wait = wait.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    let body = response.bytes().await.map_err(without_answer)?;
    if !status.is_success() {
        return Err((Failure::of_answer(status.as_u16(), &body), wait));
    }
    if status == StatusCode::NO_CONTENT || body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&body).map_err(|error| {
        let reason = format!("the answer is not JSON: {error}");
        let status = None;
        (Failure { status, reason }, None)
    })
}

impl CallError {
    /// The HTTP status, if there was an answer.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Credentials(_) => None,
            Self::Failure(failure) => failure.status,
        }
    }

    /// The error for whoever made the call.
    pub(super) fn into_error(self, attempt: super::failure::Attempt<'_>) -> Error {
        match self {
            Self::Credentials(error) => Error::Credentials(error),
            Self::Failure(failure) => failure.into_error(attempt),
        }
    }
}
