//! Answers to requests that cannot be served: `{"error": "…"}` with the fitting status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::telemetry::Note;

/// Why a request is not answered with predictions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    /// 400: the body is not what the contract asks for.
    #[error("{0}")]
    Malformed(String),
    /// 404: no such path.
    #[error("there is nothing at {path}; predictions are at {predict}")]
    NotFound { path: String, predict: String },
    /// 404: another model, or another version of it, is served.
    #[error("{wanted} is not served; {served} is")]
    OtherModel { wanted: String, served: String },
    /// 405: the path exists, for another method.
    #[error("{path} does not answer {method}")]
    Method { path: String, method: String },
    /// 408: the body did not come in time.
    #[error("the body did not arrive within {seconds} s")]
    Slow { seconds: u64 },
    /// 413: the body is too big.
    #[error("the body is larger than {limit} bytes; send fewer instances at a time")]
    TooLarge { limit: usize },
    /// 415: the body is not declared as JSON.
    #[error("the Content-Type is {found}; send application/json")]
    MediaType { found: String },
    /// 415: the body is compressed.
    #[error("the Content-Encoding is {found}; send the body as it is")]
    Encoding { found: String },
    /// 503: there is no model.
    #[error("no version of `{model_name}` is served at the moment")]
    NotServed { model_name: String },
    /// 503: there are more requests than cores for them.
    #[error("too many requests; try again in {retry_after} s")]
    Overloaded { retry_after: u64 },
    /// 503: the server was asked to stop.
    #[error("the server is stopping")]
    Stopping,
}

impl Rejection {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NotFound { .. } | Self::OtherModel { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType { .. } | Self::Encoding { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotServed { .. } | Self::Overloaded { .. } | Self::Stopping => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The metrics' name of the cause.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::NotFound { .. } => "not_found",
            Self::OtherModel { .. } => "other_model",
            Self::Method { .. } => "method",
            Self::Slow { .. } => "slow_body",
            Self::TooLarge { .. } => "too_large",
            Self::MediaType { .. } => "media_type",
            Self::Encoding { .. } => "encoding",
            Self::NotServed { .. } => "not_served",
            Self::Overloaded { .. } => "overloaded",
            Self::Stopping => "stopping",
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.to_string() }));
        let mut response = (self.status(), body).into_response();
        response.extensions_mut().insert(Note::rejected(&self));
        let headers = response.headers_mut();
        match self {
            Self::Overloaded { retry_after } => {
                headers.insert(header::RETRY_AFTER, retry_after.into());
            }
            Self::NotServed { .. } | Self::Stopping => {
                headers.insert(header::RETRY_AFTER, 1.into());
            }
            // The rest of the body is not read.
            Self::Slow { .. } | Self::TooLarge { .. } => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}
