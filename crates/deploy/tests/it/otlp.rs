//! Spans at the wire: a collector that answers as it is told to, and what it is sent.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use prost::Message;
use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::http::{self, bare};
use crate::process::{PATIENCE, Sandbox, Server};

const ROW: &str = r#"{"instances": [[100, 110, 90]]}"#;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// What a collector was sent.
#[derive(Debug)]
struct Sent {
    /// Request line and headers, in lower case.
    head: String,
    body: Vec<u8>,
}

impl Sent {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Answers with these statuses and bodies, the last one for ever.
struct Collector {
    url: String,
    sent: Receiver<Sent>,
}

impl Collector {
    fn start(answers: &[(&'static str, &'static [u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, sent) = mpsc::channel();
        let mut answers = VecDeque::from(answers.to_vec());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                while let Some(request) = Self::read(&mut stream) {
                    let (head, body) = answers[0];
                    if answers.len() > 1 {
                        answers.pop_front();
                    }
                    let length = body.len();
                    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n");
                    stream.get_mut().write_all(answer.as_bytes()).unwrap();
                    stream.get_mut().write_all(body).unwrap();
                    if sender.send(request).is_err() {
                        return;
                    }
                }
            }
        });
        Self { url, sent }
    }

    fn read(stream: &mut BufReader<TcpStream>) -> Option<Sent> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let head = head.to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        stream.read_exact(&mut body).ok()?;
        Some(Sent { head, body })
    }

    fn next(&self) -> Sent {
        self.sent.recv_timeout(PATIENCE).unwrap()
    }
}

fn serve(variables: &[(&str, &str)]) -> (Sandbox, Server) {
    let sandbox = Sandbox::with_model(Fixture::default());
    let mut command = sandbox.command([
        "serve",
        "--port",
        "0",
        "--host",
        "127.0.0.1",
        "--model",
        "model",
        "--drain-timeout",
        "2",
    ]);
    command.envs(variables.iter().copied());
    let server = Server::start(command);
    (sandbox, server)
}

fn predict(server: &Server, flags: &str) {
    let request = format!(
        "POST /predict HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
         Content-Type: application/json\r\nX-Request-Id: r-7\r\nUser-Agent: test/1\r\n\
         traceparent: 00-{TRACE}-{PARENT}-{flags}\r\nContent-Length: {}\r\n\r\n{ROW}",
        ROW.len()
    );
    assert_eq!(http::send(&server.address, request.as_bytes()).status, 200);
}

/// Waits until a sample of the metrics page has this value.
fn wait_for(server: &Server, sample: &str, value: &str) {
    let line = format!("{sample} {value}");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = http::send(&server.address, &bare("GET", "/metrics")).body;
        if page.lines().any(|found| found == line) {
            return;
        }
        assert!(Instant::now() < deadline, "no {line} in {page}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Attributes as an object of their values.
fn attributes(list: &Value) -> Value {
    let list = list.as_array().unwrap().iter();
    list.map(|entry| {
        let value = entry["value"].as_object().unwrap();
        let (kind, value) = value.iter().next().unwrap();
        (
            entry["key"].as_str().unwrap().to_owned(),
            json!({ kind: value }),
        )
    })
    .collect()
}

#[test]
fn a_sampled_request_is_a_span_of_its_callers_trace() {
    let collector = Collector::start(&[("200 OK", b"{}")]);
    let (_sandbox, server) = serve(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s%20t"),
        ("OTEL_SERVICE_NAME", "prices"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test",
        ),
    ]);
    predict(&server, "01");
    let sent = collector.next();
    assert!(
        sent.head.starts_with("post /v1/traces http/1.1\r\n"),
        "{}",
        sent.head
    );
    assert!(sent.head.contains("\r\ncontent-type: application/json\r\n"));
    assert!(sent.head.contains("\r\napi-key: s t\r\n"));
    let export = sent.json();
    let of = &export["resourceSpans"][0];
    let resource = attributes(&of["resource"]["attributes"]);
    assert_eq!(resource["service.name"], json!({"stringValue": "prices"}));
    assert_eq!(
        resource["deployment.environment.name"],
        json!({"stringValue": "test"})
    );
    assert_eq!(of["scopeSpans"][0]["scope"]["name"], "deploy.serve");
    let spans = of["scopeSpans"][0]["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 1);
    let span = &spans[0];
    assert_eq!(span["traceId"], TRACE);
    assert_eq!(span["parentSpanId"], PARENT);
    assert_eq!(span["spanId"].as_str().map(str::len), Some(16));
    assert_eq!(span["name"], "POST /predict");
    assert_eq!(span["kind"], 2);
    assert_eq!(span["flags"], 0x301);
    let nanos = |name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
    let took = nanos("endTimeUnixNano") - nanos("startTimeUnixNano");
    assert!((1..PATIENCE.as_nanos() as u64).contains(&took), "{took}");
    assert_eq!(
        attributes(&span["attributes"]),
        json!({
            "http.request.method": {"stringValue": "POST"},
            "url.scheme": {"stringValue": "http"},
            "url.path": {"stringValue": "/predict"},
            "http.response.status_code": {"intValue": "200"},
            "client.address": {"stringValue": "127.0.0.1"},
            "http.request.body.size": {"intValue": ROW.len().to_string()},
            "user_agent.original": {"stringValue": "test/1"},
            "deploy.protocol": {"stringValue": "vertex"},
            "deploy.request_id": {"stringValue": "r-7"},
            "deploy.rows": {"intValue": "1"},
        })
    );
    wait_for(&server, "deploy_spans_exported_total", "1");
    // The log's line leads to the span.
    let line = server.wait_for("POST /predict");
    assert_eq!(line["logging.googleapis.com/spanId"], span["spanId"]);
}

/// The messages of opentelemetry/proto/trace/v1/trace.proto as far as they are looked at here.
mod proto {
    #[derive(prost::Message)]
    pub(super) struct Export {
        #[prost(message, repeated, tag = "1")]
        pub(super) resource_spans: Vec<ResourceSpans>,
    }

    #[derive(prost::Message)]
    pub(super) struct ResourceSpans {
        #[prost(message, repeated, tag = "2")]
        pub(super) scope_spans: Vec<ScopeSpans>,
    }

    #[derive(prost::Message)]
    pub(super) struct ScopeSpans {
        #[prost(message, repeated, tag = "2")]
        pub(super) spans: Vec<Span>,
    }

    #[expect(clippy::struct_field_names, reason = "the published names")]
    #[derive(prost::Message)]
    pub(super) struct Span {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) trace_id: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) span_id: Vec<u8>,
        #[prost(bytes = "vec", tag = "4")]
        pub(super) parent_span_id: Vec<u8>,
        #[prost(string, tag = "5")]
        pub(super) name: String,
        #[prost(int32, tag = "6")]
        pub(super) kind: i32,
        #[prost(fixed64, tag = "7")]
        pub(super) start_time_unix_nano: u64,
        #[prost(fixed64, tag = "8")]
        pub(super) end_time_unix_nano: u64,
        #[prost(message, repeated, tag = "9")]
        pub(super) attributes: Vec<KeyValue>,
        #[prost(message, optional, tag = "15")]
        pub(super) status: Option<Status>,
    }

    #[derive(prost::Message)]
    pub(super) struct KeyValue {
        #[prost(string, tag = "1")]
        pub(super) key: String,
        #[prost(message, optional, tag = "2")]
        pub(super) value: Option<AnyValue>,
    }

    #[derive(prost::Message)]
    pub(super) struct AnyValue {
        #[prost(string, optional, tag = "1")]
        pub(super) string_value: Option<String>,
        #[prost(int64, optional, tag = "3")]
        pub(super) int_value: Option<i64>,
    }

    #[derive(prost::Message)]
    pub(super) struct Status {
        #[prost(int32, tag = "3")]
        pub(super) code: i32,
    }
}

fn spans(sent: &Sent) -> Vec<proto::Span> {
    let export = proto::Export::decode(&sent.body[..]).unwrap();
    let [resource] = <[_; 1]>::try_from(export.resource_spans).unwrap();
    let [scope] = <[_; 1]>::try_from(resource.scope_spans).unwrap();
    scope.spans
}

#[test]
fn protobuf_is_the_default_and_a_request_without_a_trace_begins_one() {
    let collector = Collector::start(&[("200 OK", b"")]);
    let url = format!("{}/elsewhere", collector.url);
    let (_sandbox, server) = serve(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &url)]);
    assert_eq!(server.predict("{}").status, 400);
    let sent = collector.next();
    assert!(
        sent.head.starts_with("post /elsewhere http/1.1\r\n"),
        "{}",
        sent.head
    );
    assert!(
        sent.head
            .contains("\r\ncontent-type: application/x-protobuf\r\n")
    );
    let spans = spans(&sent);
    let [span] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
    assert_eq!(span.parent_span_id, b"");
    assert_eq!((&*span.name, span.kind), ("POST /predict", 2));
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    // A client's mistake is no error of the server.
    assert!(span.status.is_none());
    let value = |key: &str| {
        let found = span
            .attributes
            .iter()
            .find(|attribute| attribute.key == key);
        found
            .and_then(|attribute| attribute.value.as_ref())
            .unwrap()
    };
    assert_eq!(value("http.response.status_code").int_value, Some(400));
    assert_eq!(
        value("error.type").string_value.as_deref(),
        Some("malformed")
    );
}

#[test]
fn a_caller_that_does_not_record_its_trace_is_followed() {
    let collector = Collector::start(&[("200 OK", b"")]);
    let (_sandbox, mut server) = serve(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)]);
    predict(&server, "00");
    predict(&server, "01");
    // A stop sends what is left.
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(spans(&collector.next()).len(), 1);
    assert!(collector.sent.try_recv().is_err());
}

#[test]
fn a_collector_that_is_busy_is_asked_again() {
    let collector = Collector::start(&[
        ("503 Service Unavailable\r\nRetry-After: 0", b""),
        ("200 OK", b""),
    ]);
    let (_sandbox, server) = serve(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)]);
    predict(&server, "01");
    let first = collector.next();
    assert_eq!(first.body, collector.next().body);
    wait_for(&server, "deploy_spans_exported_total", "1");
    wait_for(
        &server,
        "deploy_spans_dropped_total{cause=\"not_taken\"}",
        "0",
    );
}

#[test]
fn what_a_collector_does_not_take_is_counted_and_said() {
    let collector = Collector::start(&[("400 Bad Request", b"")]);
    let (_sandbox, server) = serve(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)]);
    predict(&server, "01");
    wait_for(
        &server,
        "deploy_spans_dropped_total{cause=\"not_taken\"}",
        "1",
    );
    let said = server.wait_for("the trace collector");
    let place = collector.url.strip_prefix("http://").unwrap();
    assert_eq!(
        said["message"],
        format!(
            "the trace collector {place}/v1/traces does not take spans: it answers 400 Bad \
             Request; 1 are lost by now"
        )
    );
    assert_eq!(said["severity"], "WARNING");
}

#[test]
fn a_part_that_is_rejected_is_counted() {
    let answer = br#"{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}"#;
    let collector = Collector::start(&[("200 OK", answer)]);
    let (_sandbox, server) = serve(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
    ]);
    predict(&server, "01");
    wait_for(
        &server,
        "deploy_spans_dropped_total{cause=\"not_taken\"}",
        "1",
    );
    let said = server.wait_for("the trace collector");
    let message = said["message"].as_str().unwrap();
    assert!(
        message.contains("it rejected spans: \"too old\""),
        "{message}"
    );
}

#[test]
fn a_collector_that_is_down_or_silent_costs_nobody_anything() {
    // One port is closed again; the other takes connections and never answers.
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for place in [closed, silent.local_addr().unwrap()] {
        let url = format!("http://{place}");
        let (_sandbox, mut server) = serve(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
        predict(&server, "01");
        let stopped = Instant::now();
        server.signal("TERM");
        assert_eq!(server.wait().code(), Some(0), "{place}");
        // Less than one attempt may take.
        assert!(
            stopped.elapsed() < Duration::from_secs(9),
            "{:?}",
            stopped.elapsed()
        );
    }
}

#[test]
fn a_protocol_that_is_not_spoken_is_refused() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let mut command = sandbox.command(["serve", "--port", "0", "--model", "model"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let run = crate::process::Run::of(command.output().unwrap());
    run.fails(
        2,
        "error: OTEL_EXPORTER_OTLP_PROTOCOL \"grpc\" is not a protocol this server speaks. Next \
         step: set it to http/protobuf or http/json, and the endpoint to the collector's HTTP \
         port, usually 4318",
    );
}
