//! The Open Inference Protocol over HTTP, with its binary tensor data extension:
//! <https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md>,
//! <https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md>.
//!
//! A model takes one tensor, [`model::onnx::INPUT`] (`[n, inputs]`), or its columns as tensors of
//! their own (`[n]` or `[n, 1]`), and gives [`model::onnx::OUTPUT`] (`[n, 1]`), as its ONNX file
//! does.

mod binary;
mod request;
pub(crate) mod tensor;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use model::onnx::{INPUT, OUTPUT};
use serde::Serialize;
use serde_json::{Value, json};

use self::request::InferRequest;
use super::app::App;
use super::predict::answer;
use super::rejection::Rejection;
use super::slot::Served;

/// Name of this server in its metadata.
pub(crate) const SERVER_NAME: &str = "deploy";
/// What it speaks beyond the protocol.
pub(crate) const EXTENSIONS: [&str; 1] = ["binary_tensor_data"];
/// What runs the model.
pub(crate) const PLATFORM: &str = "onnx";

/// A model, and a version of it or an empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named<'p> {
    pub(crate) model: &'p str,
    pub(crate) version: &'p str,
}

/// What a path below `/v2` leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint<'p> {
    Server,
    Live,
    Ready,
    Metadata(Named<'p>),
    ModelReady(Named<'p>),
    Infer(Named<'p>),
}

impl<'p> Endpoint<'p> {
    /// The endpoint at this path.
    pub(crate) fn of(path: &'p str) -> Option<Self> {
        match path {
            "/v2" | "/v2/" => return Some(Self::Server),
            "/v2/health/live" => return Some(Self::Live),
            "/v2/health/ready" => return Some(Self::Ready),
            _ => {}
        }
        let parts: Vec<&str> = path.strip_prefix("/v2/models/")?.split('/').collect();
        let (named, action) = match parts[..] {
            [model, "versions", version] => (Named { model, version }, ""),
            [model, "versions", version, action] => (Named { model, version }, action),
            [model] => (Named { model, version: "" }, ""),
            [model, action] => (Named { model, version: "" }, action),
            _ => return None,
        };
        match action {
            _ if named.model.is_empty() => None,
            "" => Some(Self::Metadata(named)),
            "ready" => Some(Self::ModelReady(named)),
            "infer" => Some(Self::Infer(named)),
            _ => None,
        }
    }

    /// Whether it answers GET.
    pub(crate) fn is_read(self) -> bool {
        !matches!(self, Self::Infer(_))
    }
}

/// Answers everything but predictions.
pub(crate) fn read(app: &App, endpoint: Endpoint<'_>) -> Result<Response, Rejection> {
    match endpoint {
        // The process answers, whatever becomes of its model.
        Endpoint::Live => Ok(axum::Json(json!({ "live": true })).into_response()),
        Endpoint::Server => Ok(axum::Json(json!({
            "name": SERVER_NAME,
            "version": component::version(),
            "extensions": EXTENSIONS,
        }))
        .into_response()),
        Endpoint::Ready => {
            let served = app.ready()?;
            Ok(answer(
                app,
                &served,
                0,
                json!({ "ready": true }).to_string(),
            ))
        }
        Endpoint::ModelReady(named) => {
            let served = app.named(named.model, named.version)?;
            app.ready()?;
            let state = json!({ "name": named.model, "ready": true });
            Ok(answer(app, &served, 0, state.to_string()))
        }
        Endpoint::Metadata(named) | Endpoint::Infer(named) => {
            let served = app.named(named.model, named.version)?;
            Ok(answer(app, &served, 0, metadata(app, &served).to_string()))
        }
    }
}

fn metadata(app: &App, served: &Served) -> Value {
    let versions: Vec<String> = served
        .version
        .iter()
        .map(|v| v.number.to_string())
        .collect();
    json!({
        "name": app.slot.model_name(),
        "versions": versions,
        "platform": PLATFORM,
        "inputs": [{"name": INPUT, "datatype": "FP32", "shape": [-1, served.model.inputs().len()]}],
        "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, 1]}],
    })
}

/// The answer to an inference.
#[derive(Serialize)]
struct InferResponse<'a> {
    model_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: [Output<'a>; 1],
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'static str,
    shape: [usize; 2],
    datatype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<binary::Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a [f32]>,
}

/// `POST /v2/models/{model}/infer`
pub(crate) async fn infer(
    app: &Arc<App>,
    named: Named<'_>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Rejection> {
    let json_length = binary::json_length(headers)?;
    // Triton's client declares nothing when it sends JSON.
    if json_length.is_none() && headers.contains_key(header::CONTENT_TYPE) {
        super::predict::check_media_type(headers)?;
    }
    let body = app.body.read(headers, body).await?;
    let served = app.chosen(named.model, named.version)?;
    let (worker, model, bytes) = (app.clone(), served.clone(), body.bytes.clone());
    let work = move || {
        let (app, served) = (worker, model);
        let (json, tail) = binary::split(&bytes, json_length)?;
        let request = InferRequest::parse(json)?;
        let is_binary = request.wants_binary_output()?;
        let rows = tensor::rows(&served.model, request.tensors(tail)?)?;
        let predictions = served.predict(&rows, "row ")?;
        let sample = app.sample(&served, &rows, &predictions);
        let values: Vec<f32> = predictions.iter().map(|value| *value as f32).collect();
        let version = served.version_text();
        let response = InferResponse {
            model_name: app.slot.model_name(),
            model_version: &version,
            id: request.id.as_deref(),
            outputs: [Output {
                name: OUTPUT,
                shape: [values.len(), 1],
                datatype: "FP32",
                parameters: is_binary.then(|| binary::Size::of(&values)),
                data: (!is_binary).then_some(&values),
            }],
        };
        let json = serde_json::to_string(&response).expect("text and numbers");
        Ok((values, json, is_binary, sample))
    };
    let (values, json, is_binary, sample) = app.work(&served.model, body.bytes.len(), work).await?;
    let rows = values.len();
    let mut response = if is_binary {
        let mut response = answer(app, &served, rows, String::new());
        binary::append(&mut response, json, &values);
        response
    } else {
        answer(app, &served, rows, json)
    };
    if let Some(sample) = sample {
        response.extensions_mut().insert(sample);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_endpoints() {
        let named = |version| Named {
            model: "btc",
            version,
        };
        for (path, endpoint) in [
            ("/v2", Some(Endpoint::Server)),
            ("/v2/health/live", Some(Endpoint::Live)),
            ("/v2/models/btc", Some(Endpoint::Metadata(named("")))),
            (
                "/v2/models/btc/versions/3",
                Some(Endpoint::Metadata(named("3"))),
            ),
            (
                "/v2/models/btc/ready",
                Some(Endpoint::ModelReady(named(""))),
            ),
            (
                "/v2/models/btc/versions/3/infer",
                Some(Endpoint::Infer(named("3"))),
            ),
            ("/v2/models/btc/infer", Some(Endpoint::Infer(named("")))),
            ("/v2/models/btc/other", None),
            ("/v2/models//infer", None),
            ("/v2/models/", None),
            ("/v2x", None),
        ] {
            assert_eq!(Endpoint::of(path), endpoint, "{path}");
        }
    }
}
