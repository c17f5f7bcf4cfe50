//! `{"instances": […]}` → `{"predictions": […]}`: the predict call of Vertex AI and of `KServe`'s
//! first protocol.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
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
    let version = headers.get(MODEL_VERSION_HEADER);
    let served = app.preferred(version.and_then(|version| version.to_str().ok()))?;
    let work = {
        let (app, served, bytes) = (app.clone(), served.clone(), body.bytes.clone());
        move || {
            let Asked { rows, parameters } = instances::read(&bytes, &served.model)?;
            let predictions = served.predict(&rows, "instances")?;
            let mut json = Vec::new();
            if parameters == Parameters::default() {
                write(&mut json, &predictions);
            } else {
                let details = details::describe(&served, &rows, &predictions, parameters)?;
                json = json!({ "predictions": details }).to_string().into_bytes();
            }
            let sample = app.sample(&served, &rows, &predictions);
            Ok((predictions.len(), json, sample))
        }
    };
    let (rows, json, sample) = app.work(&served.model, body.bytes.len(), work).await?;
    let mut response = answer(app, &served, rows, json);
    if let Some(sample) = sample {
        response.extensions_mut().insert(sample);
    }
    Ok(response)
}

/// Writes predictions as the body of an answer.
pub(super) fn write(to: &mut Vec<u8>, predictions: &[f64]) {
    serde_json::to_writer(to, &Predictions { predictions }).expect("numbers, written to memory");
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
pub(crate) fn answer(app: &App, served: &Served, rows: usize, json: impl Into<Body>) -> Response {
    let mut response = Response::new(json.into());
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
    if found.is_some_and(|value| is_json(value.as_bytes())) {
        return Ok(());
    }
    Err(Rejection::MediaType {
        found: found.map_or_else(
            || "missing".to_owned(),
            |value| String::from_utf8_lossy(value.as_bytes()).into_owned(),
        ),
    })
}

/// Whether a `Content-Type` is JSON's, whatever its parameters.
pub(super) fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next();
    essence.is_some_and(|essence| {
        let essence = essence.trim_ascii();
        essence.eq_ignore_ascii_case(b"application/json")
    })
}
