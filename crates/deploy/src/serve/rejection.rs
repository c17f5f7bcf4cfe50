//! Answers to requests that cannot be served: `{"error": "…"}` with the fitting status.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::Uri};
use serde_json::json;

/// Why a request is not answered with predictions.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    /// 400: the body is not what the contract asks for.
    #[error("{0}")]
    Malformed(String),
    /// 404: no such path.
    #[error("there is nothing at {path}; predictions are at {predict}")]
    NotFound { path: String, predict: String },
    /// 405: the path exists, for another method.
    #[error("{path} answers {allowed} only")]
    Method { path: String, allowed: &'static str },
    /// 413: the body is too big.
    #[error("the body is larger than {limit} bytes; send fewer instances at a time")]
    TooLarge { limit: usize },
    /// 415: the body is not declared as JSON.
    #[error("the Content-Type is {found}; send application/json")]
    MediaType { found: String },
    /// 503: there is no model.
    #[error("no version of `{model_name}` is served at the moment")]
    NotServed { model_name: String },
}

impl Rejection {
    /// The rejection of a path that does not exist.
    pub(crate) fn not_found(path: &Uri, predict: &str) -> Self {
        Self::NotFound {
            path: path.path().to_owned(),
            predict: predict.to_owned(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotServed { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.to_string() }));
        let mut response = (self.status(), body).into_response();
        if let Self::Method { allowed, .. } = self {
            let allowed = HeaderValue::from_static(allowed);
            response.headers_mut().insert(header::ALLOW, allowed);
        }
        response
    }
}
