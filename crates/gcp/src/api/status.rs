//! What a Google service says when it does not do what it was asked:
//! <https://cloud.google.com/apis/design/errors>.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::details::Details;
use crate::redact;

/// Whose move it is after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// What was asked is wrong, or names what does not exist.
    User,
    /// The account may not do this, or the API is not enabled.
    Permission,
    /// A quota or rate limit is used up.
    Quota,
    /// The service, or the network on the way to it, failed.
    Service,
    /// Somebody cancelled it.
    Cancelled,
}

/// The canonical codes, with the HTTP status each is sent as:
/// <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>.
const CODES: [(&str, u16); 17] = [
    ("OK", 200),
    ("CANCELLED", 499),
    ("UNKNOWN", 500),
    ("INVALID_ARGUMENT", 400),
    ("DEADLINE_EXCEEDED", 504),
    ("NOT_FOUND", 404),
    ("ALREADY_EXISTS", 409),
    ("PERMISSION_DENIED", 403),
    ("RESOURCE_EXHAUSTED", 429),
    ("FAILED_PRECONDITION", 400),
    ("ABORTED", 409),
    ("OUT_OF_RANGE", 400),
    ("UNIMPLEMENTED", 501),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DATA_LOSS", 500),
    ("UNAUTHENTICATED", 401),
];

/// The service's answer: HTTP status, canonical code, message and details.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The HTTP status, or the one the canonical code stands for.
    pub http: u16,
    /// The canonical code's name, for example `PERMISSION_DENIED`; empty if none was given.
    pub code: String,
    /// The service's own message in one line, without secrets; empty if there was none.
    pub message: String,
    /// What it adds.
    pub details: Details,
}

impl Status {
    /// An error answer. Front ends may answer in HTML or not at all, so nothing is taken for
    /// granted about `body`.
    pub fn of_answer(http: u16, body: &[u8]) -> Self {
        let document: Option<Value> = serde_json::from_slice(body).ok();
        // A streaming front end wraps the error into a list.
        let error = document.as_ref().and_then(|document| {
            document
                .get("error")
                .or_else(|| document.get(0)?.get("error"))
                .filter(|error| error.is_object())
        });
        if let Some(error) = error {
            return Self {
                http,
                code: text(&error["status"]),
                message: one_line(&text(&error["message"])),
                details: Details::of(error),
            };
        }
        let plain = String::from_utf8_lossy(body);
        let is_markup = plain.trim_start().starts_with('<');
        Self {
            http,
            code: String::new(),
            message: if is_markup {
                String::new()
            } else {
                one_line(&plain)
            },
            details: Details::default(),
        }
    }

    /// The `google.rpc.Status` inside a job or a long-running operation, whose `code` is a
    /// canonical number, not an HTTP status.
    pub fn of_rpc(error: &Value) -> Self {
        let number = error["code"].as_u64().unwrap_or(2);
        let (code, http) = *CODES.get(number as usize).unwrap_or(&CODES[2]);
        Self {
            http,
            code: code.to_owned(),
            message: one_line(&text(&error["message"])),
            details: Details::of(error),
        }
    }

    /// Whose move it is.
    pub fn class(&self) -> Class {
        if self.details.is_rate_limit() {
            return Class::Quota;
        }
        match (self.code.as_str(), self.http) {
            ("CANCELLED", _) | (_, 499) => Class::Cancelled,
            (_, 401 | 403) => Class::Permission,
            (_, 429) => Class::Quota,
            ("ABORTED", _) | (_, 408) => Class::Service,
            (_, 400..=499 | 501) => Class::User,
            _ => Class::Service,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        self.code == "ABORTED" || matches!(self.http, 408 | 429 | 500 | 502 | 503 | 504)
    }

    /// The wait the service asks for in its details.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.details.retry_delay
    }
}

impl fmt::Display for Status {
    /// `403 PERMISSION_DENIED: the message (what the details add)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.http)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        let details = self.details.to_string();
        if !details.is_empty() {
            write!(f, " ({details})")?;
        }
        Ok(())
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// One line of at most 1,000 characters, without secrets.
pub(crate) fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    let line = redact(&words.join(" "));
    match line.char_indices().nth(1000) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_document_is_told_whole() {
        let body = json!({"error": {
            "code": 400, "status": "INVALID_ARGUMENT", "message": "List of found errors:\n1.Field: x",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.BadRequest",
                 "fieldViolations": [{"field": "model.display_name", "description": "is empty"}]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"},
            ],
        }});
        let status = Status::of_answer(400, body.to_string().as_bytes());
        assert_eq!(
            status.to_string(),
            "400 INVALID_ARGUMENT: List of found errors: 1.Field: x (model.display_name: is empty)"
        );
        assert_eq!(status.class(), Class::User);
        assert_eq!(status.retry_delay(), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn other_bodies_give_what_they_have() {
        let shown = |http, body: &str| Status::of_answer(http, body.as_bytes()).to_string();
        assert_eq!(shown(502, "<html>\n<title>Error</title>"), "502");
        assert_eq!(shown(503, ""), "503");
        assert_eq!(shown(400, "bad\n  request"), "400: bad request");
        assert_eq!(
            shown(500, r#"{"error": "text"}"#),
            r#"500: {"error": "text"}"#
        );
        assert_eq!(
            shown(404, r#"[{"error": {"code": 404, "message": "gone"}}]"#),
            "404: gone"
        );
    }

    #[test]
    fn an_operation_s_code_is_canonical() {
        let status = Status::of_rpc(&json!({"code": 9, "message": "the endpoint is not empty"}));
        assert_eq!(
            status.to_string(),
            "400 FAILED_PRECONDITION: the endpoint is not empty"
        );
        assert_eq!(Status::of_rpc(&json!({"code": 99})).code, "UNKNOWN");
    }

    #[test]
    fn classes_follow_codes_and_reasons() {
        let class = |http, code: &str, reason: &str| {
            let error = json!({"status": code, "errors": [{"reason": reason}]});
            Status::of_answer(http, json!({"error": error}).to_string().as_bytes()).class()
        };
        assert_eq!(class(403, "PERMISSION_DENIED", ""), Class::Permission);
        assert_eq!(class(403, "", "rateLimitExceeded"), Class::Quota);
        assert_eq!(class(429, "RESOURCE_EXHAUSTED", ""), Class::Quota);
        assert_eq!(class(409, "ALREADY_EXISTS", ""), Class::User);
        assert_eq!(class(409, "ABORTED", ""), Class::Service);
        assert_eq!(class(499, "CANCELLED", ""), Class::Cancelled);
        assert_eq!(class(503, "", ""), Class::Service);
        assert_eq!(class(401, "", ""), Class::Permission);
    }
}
