//! `KServe`'s first protocol:
//! <https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol>.

use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;

use super::app::App;
use super::predict::{self, answer};
use super::rejection::Rejection;

/// `GET /v1/models`
pub(crate) fn models(app: &App) -> Result<Response, Rejection> {
    let served = app.served()?;
    let names = json!({ "models": [app.slot.model_name()] });
    Ok(answer(app, &served, 0, names.to_string()))
}

/// `GET /v1/models/{model}`
pub(crate) fn model(app: &App, model: &str) -> Result<Response, Rejection> {
    let served = app.named(model, "")?;
    app.ready()?;
    let state = json!({ "name": model, "ready": true });
    Ok(answer(app, &served, 0, state.to_string()))
}

/// `POST /v1/models/{model}:predict`
pub(crate) async fn predict(
    app: &Arc<App>,
    model: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Rejection> {
    app.check_name(model)?;
    predict::predict(app, headers, body).await
}
