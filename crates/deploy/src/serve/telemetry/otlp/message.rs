//! The messages of OTLP's trace service that are sent here, in both of its encodings:
//! <https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto>.
//!
//! JSON is not protobuf's own: ids are hexadecimal, enumerations are numbers, and numbers of 64
//! bits are strings (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

use serde::{Deserialize, Serialize, Serializer};

use super::super::Protocol;
use super::nanos;

/// `SPAN_KIND_SERVER`
const SERVER: i32 = 2;
/// `STATUS_CODE_ERROR`
const ERROR: i32 = 2;
/// The span is sampled, and whether its parent is remote is known.
const FLAGS: u32 = 0x101;
/// The parent is remote.
const IS_REMOTE: u32 = 0x200;
/// Who writes the spans.
const SCOPE: &str = "deploy.serve";

/// `ExportTraceServiceRequest`
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Export {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

/// `InstrumentationScope`
#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the protocol's names")]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(serialize_with = "hexadecimal")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(serialize_with = "hexadecimal")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    #[serde(serialize_with = "hexadecimal", skip_serializing_if = "Vec::is_empty")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    #[serde(serialize_with = "text")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    #[serde(serialize_with = "text")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 3")]
    #[serde(flatten)]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof, Serialize)]
enum Value {
    #[prost(string, tag = "1")]
    #[serde(rename = "stringValue")]
    String(String),
    #[prost(int64, tag = "3")]
    #[serde(rename = "intValue", serialize_with = "text")]
    Int(i64),
}

/// `ExportTraceServiceResponse`
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Answer {
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<PartialSuccess>,
}

/// What a collector that took a batch did not take of it.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    #[serde(deserialize_with = "number")]
    pub(super) rejected_spans: i64,
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

fn hexadecimal<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hex::encode(bytes))
}

fn text<S: Serializer>(number: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(number)
}

/// A number of 64 bits, which may be a string.
fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    match Either::deserialize(from)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

fn string(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::String(value.into()))
}

fn int(key: &str, value: u64) -> KeyValue {
    attribute(key, Value::Int(value as i64))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
    }
}

impl Export {
    pub(super) fn new(resource: &[(String, String)], spans: &[super::Span]) -> Self {
        let attributes = resource.iter().map(|(key, value)| string(key, value));
        Self {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource {
                    attributes: attributes.collect(),
                }),
                scope_spans: vec![ScopeSpans {
                    scope: Some(Scope {
                        name: SCOPE.to_owned(),
                        version: component::version().to_owned(),
                    }),
                    spans: spans.iter().map(Span::of).collect(),
                }],
            }],
        }
    }
}

impl Span {
    fn of(span: &super::Span) -> Self {
        let trace = &span.trace;
        let end = nanos(span.ended);
        let parent = trace.parent_id.map(|id| id.to_be_bytes().to_vec());
        Self {
            trace_id: trace.trace_id.to_be_bytes().to_vec(),
            span_id: trace.span_id.to_be_bytes().to_vec(),
            flags: FLAGS | if parent.is_some() { IS_REMOTE } else { 0 },
            parent_span_id: parent.unwrap_or_default(),
            name: name(span),
            kind: SERVER,
            start_time_unix_nano: end.saturating_sub(span.elapsed.as_nanos() as u64),
            end_time_unix_nano: end,
            attributes: attributes(span),
            status: (span.status >= 500).then(|| Status {
                message: String::new(),
                code: ERROR,
            }),
        }
    }
}

/// Names have to be few: a path that leads nowhere could be anything.
fn name(span: &super::Span) -> String {
    match span.protocol {
        Protocol::Grpc => span.path.trim_start_matches('/').to_owned(),
        _ if span.status == 404 => span.method.clone(),
        _ => format!("{} {}", span.method, span.path),
    }
}

/// By the conventions for HTTP and RPC:
/// <https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span>.
fn attributes(span: &super::Span) -> Vec<KeyValue> {
    let mut attributes = vec![
        string("http.request.method", &*span.method),
        string("url.scheme", "http"),
        string("url.path", &*span.path),
        int("http.response.status_code", u64::from(span.status)),
        string("client.address", span.remote.to_string()),
        int("http.request.body.size", span.request_bytes),
        string("deploy.protocol", span.protocol.name()),
        string("deploy.request_id", &*span.request_id),
    ];
    if let (Protocol::Grpc, Some((service, method))) = (
        span.protocol,
        span.path.trim_start_matches('/').rsplit_once('/'),
    ) {
        attributes.push(string("rpc.system", "grpc"));
        attributes.push(string("rpc.service", service));
        attributes.push(string("rpc.method", method));
    }
    if !span.user_agent.is_empty() {
        attributes.push(string("user_agent.original", &*span.user_agent));
    }
    if span.rows > 0 {
        attributes.push(int("deploy.rows", span.rows as u64));
    }
    if let Some(version) = span.model_version {
        attributes.push(string("deploy.model_version", version.to_string()));
    }
    if let Some(cause) = span.cause {
        attributes.push(string("error.type", cause));
    }
    attributes
}
