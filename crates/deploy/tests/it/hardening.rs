//! What a server does with clients that are slow, too many, or nosy, and when it is told to stop.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::fixture::{Fixture, ROWS};
use crate::http::{self, bare};
use crate::process::{Sandbox, Server, TARGET};

const ROW: &str = r#"{"instances": [[100, 110, 90]]}"#;

fn serve(more: &[&str]) -> (Sandbox, Server) {
    let sandbox = Sandbox::with_model(Fixture::default());
    let server = sandbox.serve(&[&["--model", "model", "--model-name", "btc"], more].concat());
    (sandbox, server)
}

fn get(server: &Server, path: &str) -> http::Response {
    http::send(&server.address, &bare("GET", path))
}

/// A sample of the metrics page.
fn metric(server: &Server, sample: &str) -> Option<f64> {
    let page = get(server, "/metrics").body;
    let line = page.lines().find_map(|line| line.strip_prefix(sample))?;
    Some(line.trim().parse().unwrap())
}

#[test]
fn a_body_that_does_not_come_is_answered_408() {
    let (_sandbox, server) = serve(&["--body-timeout", "1"]);
    let mut stream = http::begin_predict(&server.address, ROW.len());
    stream.write_all(b"{").unwrap();
    let response = http::read(&mut stream);
    assert_eq!(
        response.parts(),
        (408, r#"{"error":"the body did not arrive within 1 s"}"#)
    );
    assert_eq!(response.header("connection"), Some("close"));
}

#[test]
fn a_head_that_does_not_come_ends_the_connection() {
    let (_sandbox, server) = serve(&["--idle-timeout", "1"]);
    for begun in ["", "P", "POST /predict HTTP/1.1\r\nHost:", "PRI"] {
        let mut stream = http::connect(&server.address);
        stream.write_all(begun.as_bytes()).unwrap();
        let mut rest = Vec::new();
        // What was not read makes the end a reset.
        let is_end = match stream.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        assert!(is_end, "{begun}");
    }
    assert_eq!(server.predict(ROW).status, 200);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let (_sandbox, server) = serve(&[]);
    let mut request = format!("GET /health HTTP/1.1\r\nX: {}", "x".repeat(100_000));
    request.push_str("\r\n\r\n");
    assert_eq!(http::send(&server.address, request.as_bytes()).status, 431);
}

#[test]
fn connections_beyond_the_limit_are_told_to_come_back() {
    let (_sandbox, server) = serve(&["--max-connections", "2"]);
    let held: Vec<TcpStream> = (0..2)
        .map(|_| http::begin_predict(&server.address, ROW.len()))
        .collect();
    let response = server.predict(ROW);
    assert_eq!(
        response.parts(),
        (503, r#"{"error":"too many requests; try again in 1 s"}"#)
    );
    assert_eq!(response.header("retry-after"), Some("1"));
    for mut stream in held {
        stream.write_all(ROW.as_bytes()).unwrap();
        assert_eq!(http::read(&mut stream).status, 200);
    }
    // The answered connections are closed, which the server notices in its own time.
    while server.predict(ROW).status != 200 {}
}

#[test]
fn readiness_goes_off_while_requests_are_still_answered() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let mut server = sandbox.serve(&["--model", "model", "--drain-delay", "2"]);
    assert_eq!(get(&server, "/health").status, 200);
    server.signal("TERM");
    server.wait_for("not ready any more; stopping in 2 s");
    let response = get(&server, "/health");
    assert_eq!(
        response.parts(),
        (503, r#"{"error":"the server is stopping"}"#)
    );
    assert_eq!(response.header("retry-after"), Some("1"));
    assert_eq!(server.predict(ROW).status, 200);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn requests_are_counted_by_protocol_status_and_cause() {
    let (_sandbox, server) = serve(&[]);
    server.predict(ROW);
    server.predict(&serde_json::json!({ "instances": ROWS }).to_string());
    server.predict("{}");
    get(&server, "/elsewhere");
    let count = |sample: &str| metric(&server, sample);
    assert_eq!(
        count("deploy_requests_total{protocol=\"vertex\",code=\"200\"}"),
        Some(2.0)
    );
    assert_eq!(
        count("deploy_requests_total{protocol=\"vertex\",code=\"400\"}"),
        Some(1.0)
    );
    assert_eq!(count("deploy_errors_total{cause=\"malformed\"}"), Some(1.0));
    assert_eq!(count("deploy_errors_total{cause=\"not_found\"}"), Some(1.0));
    assert_eq!(count("deploy_predictions_total"), Some(4.0));
    assert_eq!(
        count("deploy_request_duration_seconds_count{protocol=\"vertex\"}"),
        Some(3.0)
    );
    assert_eq!(count("deploy_ready"), Some(1.0));
    assert_eq!(
        count("deploy_model_info{model_name=\"btc\",model_version=\"\"}"),
        Some(1.0)
    );
    // The request that asks.
    assert_eq!(count("deploy_in_flight_requests"), Some(1.0));
}

#[test]
fn a_client_that_goes_away_is_counted_too() {
    let (_sandbox, server) = serve(&[]);
    drop(http::begin_predict(&server.address, ROW.len()));
    let given_up = "deploy_requests_total{protocol=\"vertex\",code=";
    while metric(&server, &format!("{given_up}\"499\"}}"))
        .or_else(|| metric(&server, &format!("{given_up}\"400\"}}")))
        != Some(1.0)
    {}
}

#[test]
fn switches_are_counted() {
    let sandbox = Sandbox::with_model(Fixture::with_bias(0.1));
    sandbox.deploy(&["--model", "model"]).succeeds();
    let server = sandbox.serve(&TARGET);
    sandbox.deploy_fixture(Fixture::with_bias(0.2)).succeeds();
    server.wait_for("serving version 2 of `btc` now");
    assert_eq!(metric(&server, "deploy_model_switches_total"), Some(1.0));
    assert_eq!(
        metric(
            &server,
            "deploy_model_info{model_name=\"btc\",model_version=\"2\"}"
        ),
        Some(1.0)
    );
}

#[test]
fn every_request_has_a_line_in_the_log_with_its_id_and_trace() {
    let (_sandbox, server) = serve(&[]);
    let request = format!(
        "POST /predict?x HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
         Content-Type: application/json\r\nX-Request-Id: r-7\r\nUser-Agent: test/1\r\n\
         traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
         Content-Length: {}\r\n\r\n{ROW}",
        ROW.len()
    );
    let response = http::send(&server.address, request.as_bytes());
    assert_eq!(response.header("x-request-id"), Some("r-7"));
    get(&server, "/health");
    let line: Value = server.wait_for("POST /predict");
    assert_eq!(line["message"], "POST /predict 200");
    assert_eq!(line["severity"], "INFO");
    assert_eq!(line["httpRequest"]["status"], 200);
    assert_eq!(line["httpRequest"]["userAgent"], "test/1");
    assert_eq!(line["httpRequest"]["requestSize"], ROW.len().to_string());
    assert_eq!(line["request_id"], "r-7");
    assert_eq!(line["rows"], 1);
    assert_eq!(
        line["logging.googleapis.com/trace"],
        "4bf92f3577b34da6a3ce929d0e0e4736"
    );
    // Health checks that go well are no news: the next line is the next refusal's.
    get(&server, "/gone");
    assert_eq!(server.wait_for("GET ")["message"], "GET /gone 404");
}

#[test]
fn the_log_can_be_kept_to_errors() {
    let (_sandbox, server) = serve(&["--access-log", "errors"]);
    let response = server.predict(ROW);
    assert_eq!(response.header("x-request-id").map(str::len), Some(32));
    server.predict("{}");
    let line = server.wait_for("POST ");
    assert_eq!(line["message"], "POST /predict 400");
    assert_eq!(line["severity"], "WARNING");
    assert_eq!(line["cause"], "malformed");
}
