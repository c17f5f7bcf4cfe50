//! What can go wrong on the way and at the service.

use std::time::Duration;

use axum::response::Response;
use serde_json::{Value, json};

use super::answer::with;

/// One request's misfortune.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An error answer; nothing is done.
    Refuse(u16, &'static str, Value),
    /// An error answer with `Retry-After` in seconds; nothing is done.
    RetryAfter(u16, u64),
    /// A front end's page in HTML; nothing is done.
    Html(u16),
    /// An answer that is empty, with this status; nothing is done.
    Empty(u16),
    /// The connection breaks before anything is done.
    Reset,
    /// It is done, but the connection breaks before the answer.
    Lost,
    /// It is done, but the service answers with this status.
    DoneBut(u16),
    /// It is done, but the answer breaks off after so many bytes.
    Truncated(usize),
    /// It is done, but the answer takes this long to come.
    Slow(Duration),
}

impl Fault {
    /// A refusal with status `http`, the canonical `code` and a message, without details.
    pub fn refuse(http: u16, code: &'static str, message: &str) -> Self {
        Self::Refuse(http, code, json!({"message": message}))
    }

    /// The answer, where the fault is one; `done` says whether to do what was asked first.
    pub(super) fn answer(&self) -> Option<Response> {
        match self {
            Self::Refuse(http, code, error) => {
                let mut error = error.clone();
                error["code"] = json!(http);
                error["status"] = json!(code);
                let body = json!({"error": error}).to_string();
                Some(with(*http, "application/json", body))
            }
            Self::RetryAfter(http, seconds) => {
                let mut response = with(*http, "application/json", "{}".into());
                response
                    .headers_mut()
                    .insert("retry-after", (*seconds).into());
                Some(response)
            }
            Self::Html(http) | Self::DoneBut(http) => {
                let page = "<!DOCTYPE html>\n<html><title>Error</title></html>";
                Some(with(*http, "text/html", page.into()))
            }
            Self::Empty(http) => Some(with(*http, "text/plain", String::new())),
            Self::Reset | Self::Lost | Self::Truncated(_) | Self::Slow(_) => None,
        }
    }

    /// Whether the service does what it was asked all the same.
    pub(super) fn is_done(&self) -> bool {
        matches!(
            self,
            Self::Lost | Self::DoneBut(_) | Self::Truncated(_) | Self::Slow(_)
        )
    }

    /// After how many bytes the connection breaks.
    pub(super) fn cut(&self) -> Option<usize> {
        match self {
            Self::Reset | Self::Lost => Some(0),
            Self::Truncated(bytes) => Some(*bytes),
            _ => None,
        }
    }
}
