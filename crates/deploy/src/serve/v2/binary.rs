//! The binary tensor data extension: tensors as bytes behind the JSON.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;

use super::super::rejection::Rejection;

/// Header with the length of the JSON, the rest of the body being tensors.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// Says how long a tensor's bytes are.
#[derive(Serialize)]
pub(super) struct Size {
    binary_data_size: usize,
}

impl Size {
    pub(super) fn of(values: &[f32]) -> Self {
        Self {
            binary_data_size: size_of_val(values),
        }
    }
}

/// Length of the JSON in a body that has tensors behind it.
pub(super) fn json_length(headers: &HeaderMap) -> Result<Option<usize>, Rejection> {
    let Some(value) = headers.get(JSON_LENGTH) else {
        return Ok(None);
    };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| {
        Rejection::Malformed(format!("the header {JSON_LENGTH} is not a length in bytes"))
    })
}

/// The JSON of a body, and the tensors behind it.
pub(super) fn split(body: &[u8], json_length: Option<usize>) -> Result<(&[u8], &[u8]), Rejection> {
    let length = json_length.unwrap_or(body.len());
    body.split_at_checked(length).ok_or_else(|| {
        Rejection::Malformed(format!(
            "the header {JSON_LENGTH} says {length} bytes, the body has {}",
            body.len()
        ))
    })
}

/// Turns a JSON answer into one with a tensor behind it.
pub(super) fn append(response: &mut Response, json: String, values: &[f32]) {
    let length = json.len();
    let mut bytes = json.into_bytes();
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    *response.body_mut() = Body::from(Bytes::from(bytes));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(JSON_LENGTH, length.into());
}
