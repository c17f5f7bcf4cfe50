//! What Cloud Storage answers when a call fails.

use google_cloud_gax::error::Error as ClientError;
use serde_json::Value;

use crate::{Error, Precondition, Uri};

/// A failed call: the HTTP status, if there was an answer at all, and the reason in one line.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) status: Option<u16>,
    pub(super) reason: String,
}

/// What was tried, for the error message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'a> {
    /// `read`, `write`, …
    pub(super) action: &'static str,
    pub(super) uri: &'a Uri,
    pub(super) precondition: Precondition,
}

impl Failure {
    /// An answer with an error status.
    pub(super) fn of_answer(status: u16, body: &[u8]) -> Self {
        Self {
            status: Some(status),
            reason: reason(status, body),
        }
    }

    /// A call without an answer.
    pub(super) fn of_error(error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            status: None,
            reason: gcp::summary(error),
        }
    }

    /// A failed call of Google's client.
    pub(super) fn of_client(error: &ClientError) -> Self {
        match error.http_status_code() {
            // The client keeps a well-formed error's message, and any other answer's body.
            Some(status) => match (error.status(), error.http_payload()) {
                (Some(described), _) => Self {
                    status: Some(status),
                    reason: one_line(status, &described.message),
                },
                (None, body) => Self::of_answer(status, body.map_or(&[], |body| body)),
            },
            None => Self::of_error(error),
        }
    }

    /// Whether trying again may help, after
    /// <https://cloud.google.com/storage/docs/retry-strategy>.
    pub(super) fn is_transient(&self) -> bool {
        self.status
            .is_none_or(|status| matches!(status, 308 | 408 | 429 | 500..600))
    }

    /// The error for whoever made the attempt.
    pub(super) fn into_error(self, attempt: Attempt<'_>) -> Error {
        let Attempt {
            action,
            uri,
            precondition,
        } = attempt;
        let bucket = || uri.bucket().unwrap_or_default().to_owned();
        let uri = uri.clone();
        let reason = self.reason;
        match self.status {
            Some(404) if reason.contains("bucket does not exist") => {
                Error::BucketNotFound { bucket: bucket() }
            }
            Some(404) => Error::NotFound { uri },
            Some(412) if precondition == Precondition::Absent => Error::Exists { uri },
            Some(412) => Error::Changed { uri },
            Some(401 | 403) => Error::Denied {
                action,
                uri,
                reason,
            },
            _ => Error::Remote {
                action,
                uri,
                reason,
            },
        }
    }
}

/// `HTTP 503: …`, with the message of a JSON error, or the beginning of any other text; a front
/// end may well answer in HTML, or not at all.
fn reason(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let message = match json
        .as_ref()
        .and_then(|json| json["error"]["message"].as_str())
    {
        Some(message) => message.to_owned(),
        None if text.trim_start().starts_with('<') => String::new(),
        None => text.into_owned(),
    };
    one_line(status, &message)
}

fn one_line(status: u16, message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    if words.is_empty() {
        return format!("HTTP {status}");
    }
    let message: String = words.join(" ").chars().take(500).collect();
    format!("HTTP {status}: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_one_line_whatever_the_answer() {
        let json = br#"{"error":{"code":403,"message":"no access"}}"#;
        assert_eq!(reason(403, json), "HTTP 403: no access");
        assert_eq!(reason(502, b"<html>\n<title>Error</title>"), "HTTP 502");
        assert_eq!(reason(503, b""), "HTTP 503");
        assert_eq!(reason(400, b"bad\n  request"), "HTTP 400: bad request");
    }
}
