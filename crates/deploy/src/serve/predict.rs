//! `{"instances": […]}` → `{"predictions": […]}`: the predict call of Vertex AI and of `KServe`'s
//! first protocol.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::app::App;
use super::details;
use super::instances::{self, Asked, Parameters};
use super::rejection::Rejection;
use super::slot::Served;
use super::telemetry::Note;

/// Response header with the model's name.
pub(crate) const MODEL_NAME_HEADER: &str = "x-model-name";
/// Response header with the version that predicted.
pub(crate) const MODEL_VERSION_HEADER: &str = "x-model-version";

const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[derive(Serialize)]
struct Predictions<'a> {
    predictions: &'a [f64],
}

/// Answers a predict request with the served model.
pub(crate) async fn predict(
    app: &Arc<App>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Rejection> {
    check_media_type(headers)?;
    let body = app.body.read(headers, body).await?;
    let served = app.preferred(headers)?;
    let work = || {
        let Asked { rows, parameters } = instances::read(&body.bytes, &served.model)?;
        let predictions = served.predict(&rows, "instances")?;
        let json = if parameters == Parameters::default() {
            let predictions = &predictions;
            serde_json::to_string(&Predictions { predictions })
        } else {
            let details = details::describe(&served, &rows, &predictions, parameters)?;
            serde_json::to_string(&json!({ "predictions": details }))
        };
        Ok((predictions.len(), json.expect("text and numbers")))
    };
    let (rows, json) = app.work(&served.model, body.bytes.len(), work).await?;
    Ok(answer(app, &served, rows, json))
}

/// Whether predictions are answered.
pub(crate) fn health(app: &App) -> Result<Response, Rejection> {
    let served = app.ready()?;
    Ok(answer(
        app,
        &served,
        0,
        json!({ "status": "ok" }).to_string(),
    ))
}

/// A JSON answer that says which model gave it.
pub(crate) fn answer(app: &App, served: &Served, rows: usize, json: String) -> Response {
    let mut response = json.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(MODEL_NAME_HEADER, app.slot.model_name_header());
    if let Some(version) = served.version {
        headers.insert(MODEL_VERSION_HEADER, version.number.into());
    }
    let note = Note::predicted(rows, served);
    response.extensions_mut().insert(note);
    response
}

/// JSON has to be declared: a form's or a text's bytes are not guessed at.
pub(crate) fn check_media_type(headers: &HeaderMap) -> Result<(), Rejection> {
    let found = headers.get(header::CONTENT_TYPE);
    let essence = found
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Rejection::MediaType {
        found: found.map_or_else(
            || "missing".to_owned(),
            |value| String::from_utf8_lossy(value.as_bytes()).into_owned(),
        ),
    })
}
