//! gRPC by hand: framing, trailers and status codes; real clients are tried elsewhere.

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;

use crate::fixture::{Fixture, ROWS};
use crate::process::{Sandbox, Server};

/// As many fields of the messages as are needed here.
#[derive(Clone, PartialEq, prost::Message)]
struct InferRequest {
    #[prost(string, tag = "1")]
    model_name: String,
    #[prost(message, repeated, tag = "5")]
    inputs: Vec<Tensor>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    raw: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct InferResponse {
    #[prost(string, tag = "1")]
    model_name: String,
    #[prost(message, repeated, tag = "5")]
    outputs: Vec<Tensor>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    raw: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Tensor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    datatype: String,
    #[prost(int64, repeated, tag = "3")]
    shape: Vec<i64>,
    #[prost(message, optional, tag = "5")]
    contents: Option<Contents>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Contents {
    #[prost(float, repeated, tag = "6")]
    fp32: Vec<f32>,
}

/// The status of a call, and its message if it went well.
#[derive(Debug, PartialEq)]
struct Answer {
    status: String,
    message: String,
    body: Bytes,
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], message].concat()
}

async fn call(server: &Server, method: &str, body: Vec<u8>) -> Answer {
    let stream = tokio::net::TcpStream::connect(&server.address)
        .await
        .unwrap();
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("http://{}/{method}", server.address))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::from(body))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let head = response.headers().clone();
    let collected = response.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or(head);
    let text = |headers: &HeaderMap, name| {
        let value = headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    };
    Answer {
        status: text(&trailers, "grpc-status"),
        message: text(&trailers, "grpc-message"),
        body: collected.to_bytes(),
    }
}

const INFER: &str = "inference.GRPCInferenceService/ModelInfer";

fn serving() -> (Sandbox, Server) {
    let sandbox = Sandbox::with_model(Fixture::default());
    let server = sandbox.serve(&["--model", "model", "--model-name", "btc"]);
    (sandbox, server)
}

fn rows() -> Vec<f32> {
    ROWS.iter().flatten().map(|cell| *cell as f32).collect()
}

fn request(contents: Option<Contents>, raw: Vec<Vec<u8>>) -> InferRequest {
    InferRequest {
        model_name: "btc".to_owned(),
        inputs: vec![Tensor {
            name: "inputs".to_owned(),
            datatype: "FP32".to_owned(),
            shape: vec![3, 3],
            contents,
        }],
        raw,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_and_raw_contents_are_answered_in_kind() {
    let (_sandbox, server) = serving();
    let fp32 = rows();
    let raw = fp32.iter().flat_map(|value| value.to_le_bytes()).collect();
    let infer = async |request: InferRequest| {
        let answer = call(&server, INFER, framed(&request.encode_to_vec())).await;
        assert_eq!(answer.status, "0", "{}", answer.message);
        InferResponse::decode(&answer.body[5..]).unwrap()
    };
    let plain = infer(request(Some(Contents { fp32 }), vec![])).await;
    let values = plain.outputs[0].contents.clone().unwrap().fp32;
    assert_eq!(plain.outputs[0].shape, [3, 1]);
    assert!((values[0] / (100.0 * f32::exp(0.5)) - 1.0).abs() < 1e-5);
    let raw = infer(request(None, vec![raw])).await;
    assert_eq!(raw.outputs[0].contents, None);
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    assert_eq!(raw.raw, [bytes]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_fitting_code() {
    let (_sandbox, server) = serving();
    let other = InferRequest {
        model_name: "eth".to_owned(),
        ..request(None, vec![])
    };
    for (method, body, status, message) in [
        (
            INFER,
            framed(&other.encode_to_vec()),
            "5",
            "model `eth` is not served; model `btc` is",
        ),
        (
            INFER,
            framed(&request(None, vec![]).encode_to_vec()),
            "3",
            "`inputs` has no contents",
        ),
        (INFER, vec![0, 0], "3", "the body is not one gRPC message"),
        (
            "inference.GRPCInferenceService/Other",
            framed(&[]),
            "12",
            "there is nothing at /inference.GRPCInferenceService/Other; predictions are at \
             /inference.GRPCInferenceService/ModelInfer",
        ),
        (
            INFER,
            vec![0; 1_500_001],
            "8",
            "the body is larger than 1500000 bytes; send fewer instances at a time",
        ),
    ] {
        let answer = call(&server, method, body).await;
        assert_eq!((&*answer.status, &*answer.message), (status, message));
        assert!(answer.body.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_as_grpc_does() {
    let (_sandbox, server) = serving();
    let check = async |service: &[u8]| {
        let mut message = vec![];
        if !service.is_empty() {
            message = [&[10, service.len() as u8], service].concat();
        }
        call(&server, "grpc.health.v1.Health/Check", framed(&message)).await
    };
    // Field 1, value 1: SERVING.
    assert_eq!(&check(b"").await.body[5..], [8, 1]);
    assert_eq!(
        &check(b"inference.GRPCInferenceService").await.body[5..],
        [8, 1]
    );
    assert_eq!(check(b"other").await.status, "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_answers_question_by_question() {
    let (_sandbox, server) = serving();
    // Field 7, an empty text: list the services; twice in one call.
    let question = framed(&[58, 0]);
    let method = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let answer = call(&server, method, [&question[..], &question].concat()).await;
    assert_eq!(answer.status, "0");
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(text.matches("inference.GRPCInferenceService").count(), 2);
}
