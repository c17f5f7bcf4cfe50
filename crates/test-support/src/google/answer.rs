//! Answers as Google gives them.

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

/// A call's outcome: a document, or an error.
pub(super) type Outcome = Result<Value, Refusal>;

/// An error as Google puts it.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) http: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    pub(super) fn precondition(message: impl Into<String>) -> Self {
        Self::new(400, "FAILED_PRECONDITION", message)
    }

    pub(super) fn not_found(name: &str) -> Self {
        Self::new(404, "NOT_FOUND", format!("{name} is not found."))
    }

    pub(super) fn exists(message: impl Into<String>) -> Self {
        Self::new(409, "ALREADY_EXISTS", message)
    }

    pub(super) fn new(http: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            http,
            code,
            message: message.into(),
        }
    }
}

/// The response for an outcome.
pub(super) fn respond(outcome: Outcome) -> Response {
    match outcome {
        Ok(document) => with(200, "application/json", document.to_string()),
        Err(refusal) => {
            let error = json!({"error": {
                "code": refusal.http, "message": refusal.message, "status": refusal.code,
            }});
            with(refusal.http, "application/json", error.to_string())
        }
    }
}

/// A response with anything in it.
pub(super) fn with(status: u16, content_type: &str, body: String) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .body(Body::from(body))
        .expect("a status, a header and a body make a response")
}
