//! gRPC on the same port as HTTP: the Open Inference Protocol's service
//! (<https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_grpc.md>),
//! health checks and reflection.

mod framing;
mod infer;
mod messages;
mod reflection;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Extensions, HeaderMap, Request, Response, header};
use bytes::Bytes;
use model::onnx::{INPUT, OUTPUT};
use prost::Message;

use self::messages::{
    Empty, Flag, HealthCheckRequest, HealthCheckResponse, ModelMetadataResponse, ModelRequest,
    ServerMetadataResponse, ServingStatus, Tensor,
};
use super::app::App;
use super::rejection::Rejection;
use super::v2;

/// Whether a request is gRPC's.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Answers a call of any service.
pub(crate) async fn answer(app: &Arc<App>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if let "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" = path
    {
        return framing::converse(body, app.body.max_bytes, reflection::answer);
    }
    match call(app, path, &head.headers, body).await {
        Ok((message, told)) => framing::answer(message, told),
        Err(rejection) => framing::refuse(&rejection),
    }
}

/// Answers a call that takes one message and gives one, with what telemetry is told about it.
async fn call(
    app: &Arc<App>,
    path: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, Extensions), Rejection> {
    let body = app.body.read(headers, body).await?;
    let bytes = framing::message(&body.bytes)?;
    match path {
        "/inference.GRPCInferenceService/ModelInfer" => infer::infer(app, bytes).await,
        "/inference.GRPCInferenceService/ServerLive" => {
            unary(bytes, |_: Empty| Ok(Flag { value: true }))
        }
        "/inference.GRPCInferenceService/ServerReady" => unary(bytes, |_: Empty| {
            let value = app.ready().is_ok();
            Ok(Flag { value })
        }),
        "/inference.GRPCInferenceService/ModelReady" => unary(bytes, |model: ModelRequest| {
            app.named(&model.name, &model.version)?;
            let value = app.ready().is_ok();
            Ok(Flag { value })
        }),
        "/inference.GRPCInferenceService/ServerMetadata" => {
            unary(bytes, |_: Empty| Ok(server_metadata()))
        }
        "/inference.GRPCInferenceService/ModelMetadata" => {
            unary(bytes, |model: ModelRequest| model_metadata(app, &model))
        }
        "/grpc.health.v1.Health/Check" => unary(bytes, |request| health(app, &request)),
        _ => Err(Rejection::NotFound {
            path: path.to_owned(),
            predict: "/inference.GRPCInferenceService/ModelInfer".to_owned(),
        }),
    }
}

fn unary<Q: Message + Default, A: Message>(
    bytes: Bytes,
    method: impl FnOnce(Q) -> Result<A, Rejection>,
) -> Result<(Bytes, Extensions), Rejection> {
    let answer = method(decode(bytes)?)?;
    Ok((framing::frame(&answer), Extensions::new()))
}

fn decode<M: Message + Default>(bytes: Bytes) -> Result<M, Rejection> {
    M::decode(bytes)
        .map_err(|error| Rejection::Malformed(format!("the message cannot be read: {error}")))
}

fn server_metadata() -> ServerMetadataResponse {
    ServerMetadataResponse {
        name: v2::SERVER_NAME.to_owned(),
        version: component::version().to_owned(),
        extensions: v2::EXTENSIONS.map(str::to_owned).to_vec(),
    }
}

fn model_metadata(app: &App, wanted: &ModelRequest) -> Result<ModelMetadataResponse, Rejection> {
    let served = app.named(&wanted.name, &wanted.version)?;
    let tensor = |name: &str, width: usize| Tensor {
        name: name.to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![-1, width as i64],
        contents: None,
    };
    let versions = served.version.iter();
    Ok(ModelMetadataResponse {
        name: app.slot.model_name().to_owned(),
        versions: versions.map(|version| version.number.to_string()).collect(),
        platform: v2::PLATFORM.to_owned(),
        inputs: vec![tensor(INPUT, served.model.inputs().len())],
        outputs: vec![tensor(OUTPUT, 1)],
    })
}

/// The server as a whole (an empty name) or its inference service.
fn health(app: &App, request: &HealthCheckRequest) -> Result<HealthCheckResponse, Rejection> {
    let service = request.service.as_str();
    if !matches!(service, "" | "inference.GRPCInferenceService") {
        return Err(Rejection::OtherModel {
            wanted: format!("the service {service}"),
            served: "inference.GRPCInferenceService".to_owned(),
        });
    }
    let status = match app.ready() {
        Ok(_) => ServingStatus::Serving,
        Err(_) => ServingStatus::NotServing,
    };
    Ok(HealthCheckResponse {
        status: status.into(),
    })
}
