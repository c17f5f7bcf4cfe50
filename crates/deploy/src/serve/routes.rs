//! The routes of Vertex AI's container contract.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::TryStreamExt;
use serde_json::{Value, json};

use super::config::Routes;
use super::instances;
use super::rejection::Rejection;
use super::slot::{Served, Slot};

/// Response header with the model's name.
pub(crate) const MODEL_NAME_HEADER: &str = "x-model-name";
/// Response header with the version that predicted.
pub(crate) const MODEL_VERSION_HEADER: &str = "x-model-version";

/// Largest body of a predict request: Vertex AI's limit on shared endpoints, 1.5 MB.
const MAX_BODY: usize = 1_500_000;
/// How much of a body that is too large is read and thrown away, so that its sender sees the
/// answer instead of a broken connection.
const MAX_DISCARDED: usize = 16_000_000;
/// Rows predicted on the spot, well below a millisecond; more rows get a thread of their own so
/// that health checks are answered meanwhile.
const INLINE_ROWS: usize = 256;

#[derive(Clone)]
struct Service {
    slot: Arc<Slot>,
    routes: Arc<Routes>,
}

/// The server's routes.
pub(crate) fn router(slot: Arc<Slot>, routes: &Routes) -> Router {
    let service = Service {
        slot,
        routes: Arc::new(routes.clone()),
    };
    Router::new()
        .without_v07_checks()
        .route(&routes.health, get(health))
        .route(&routes.predict, post(predict))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
}

async fn health(State(service): State<Service>) -> Result<Response, Rejection> {
    let served = service.served()?;
    Ok(service.answer(&served, json!({ "status": "ok" })))
}

async fn predict(
    State(service): State<Service>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Rejection> {
    check_media_type(&headers)?;
    let body = read_body(body).await?;
    let served = service.served()?;
    let rows = instances::read(&body, &served.model)?;
    let is_small = rows.len() <= INLINE_ROWS * served.model.inputs().len();
    let predictions = if is_small {
        served.model.predict(&rows)
    } else {
        tokio::task::block_in_place(|| served.model.predict(&rows))
    };
    // Finite inputs can still be too far out for the label's inverse.
    if let Some(index) = predictions.iter().position(|value| !value.is_finite()) {
        return Err(Rejection::Malformed(format!(
            "instances[{index}]: its prediction is not a finite number"
        )));
    }
    Ok(service.answer(&served, json!({ "predictions": predictions })))
}

async fn not_found(State(service): State<Service>, path: Uri) -> Rejection {
    Rejection::not_found(&path, &service.routes.predict)
}

async fn wrong_method(State(service): State<Service>, request: Request) -> Rejection {
    let path = request.uri().path();
    Rejection::Method {
        path: path.to_owned(),
        allowed: match (
            path == service.routes.health,
            path == service.routes.predict,
        ) {
            (true, true) => "GET, HEAD, POST",
            (true, false) => "GET, HEAD",
            _ => "POST",
        },
    }
}

impl Service {
    fn served(&self) -> Result<Arc<Served>, Rejection> {
        self.slot.served().ok_or_else(|| Rejection::NotServed {
            model_name: self.slot.model_name().to_owned(),
        })
    }

    fn answer(&self, served: &Served, body: Value) -> Response {
        let name = [(MODEL_NAME_HEADER, self.slot.model_name().to_owned())];
        match served.version {
            None => (name, Json(body)).into_response(),
            Some(version) => {
                let version = [(MODEL_VERSION_HEADER, version.number.to_string())];
                (name, version, Json(body)).into_response()
            }
        }
    }
}

/// JSON has to be declared: a form's or a text's bytes are not guessed at.
fn check_media_type(headers: &HeaderMap) -> Result<(), Rejection> {
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

async fn read_body(body: Body) -> Result<Vec<u8>, Rejection> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut received) = (Vec::new(), 0);
    while received <= MAX_DISCARDED {
        let chunk = chunks
            .try_next()
            .await
            .map_err(|_| Rejection::Malformed("the body ended early".to_owned()))?;
        let Some(chunk) = chunk else { break };
        received += chunk.len();
        if received <= MAX_BODY {
            bytes.extend_from_slice(&chunk);
        }
    }
    if received > MAX_BODY {
        return Err(Rejection::TooLarge { limit: MAX_BODY });
    }
    Ok(bytes)
}
