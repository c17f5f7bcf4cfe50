//! Connections that are kept: plain requests, what comes between them, and requests in pieces.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{Fixture, ROWS};
use crate::http;
use crate::process::{Sandbox, Server, TARGET};

const ROW: &str = r#"{"instances": [[100, 110, 90]]}"#;

/// A kept connection.
struct Kept(BufReader<TcpStream>);

/// An answer: status, headers by lower-case name, body.
#[derive(Debug, PartialEq)]
struct Answer {
    status: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value)
    }
}

impl Kept {
    fn to(server: &Server) -> Self {
        Self(BufReader::new(http::connect(&server.address)))
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    fn answer(&mut self) -> Answer {
        let mut lines = std::iter::from_fn(|| {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            let line = line.strip_suffix("\r\n").unwrap().to_owned();
            (!line.is_empty()).then_some(line)
        });
        let status = lines.next().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                (name.to_lowercase(), value.to_owned())
            })
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.unwrap().1.parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        Answer {
            status,
            headers,
            body: String::from_utf8(body).unwrap(),
        }
    }

    fn ask(&mut self, request: &[u8]) -> Answer {
        self.send(request);
        self.answer()
    }
}

fn request(head: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /predict HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n{head}\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn serve(more: &[&str]) -> (Sandbox, Server) {
    let sandbox = Sandbox::with_model(Fixture::default());
    let server = sandbox.serve(&[&["--model", "model", "--model-name", "btc"], more].concat());
    (sandbox, server)
}

/// What hyper answers: a connection that is asked for anything else first is hyper's.
fn by_hyper(server: &Server) -> Kept {
    let mut kept = Kept::to(server);
    let health = kept.ask(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(health.status, "HTTP/1.1 200 OK");
    kept
}

#[test]
fn a_plain_request_is_answered_as_any_other() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox.deploy(&["--model", "model"]).succeeds();
    let server = sandbox.serve(&TARGET);
    let rows = json!({ "instances": ROWS }).to_string();
    let named = json!({"instances": [{"high": 2.5, "open": 2, "low": 1e0}, "3,4,2"]}).to_string();
    for body in [ROW, &rows, &named, "{\"instances\": []}"] {
        for head in [
            "X-Request-Id: r-1\r\n",
            "x-request-id: r-2\r\nConnection: keep-alive\r\n",
        ] {
            let request = request(head, body);
            let mut plain = Kept::to(&server).ask(&request);
            let mut other = by_hyper(&server).ask(&request);
            // The second may have changed between them.
            let date = |answer: &mut Answer| {
                let at = answer.headers.iter().position(|(name, _)| name == "date");
                answer.headers.remove(at.unwrap()).1
            };
            let (plain_date, other_date) = (date(&mut plain), date(&mut other));
            assert_eq!(plain_date.len(), other_date.len());
            assert_eq!(plain_date[..17], other_date[..17]);
            assert_eq!(plain, other);
            assert_eq!(plain.header("x-model-version"), Some("1"));
        }
    }
}

#[test]
fn requests_that_come_together_are_answered_in_turn() {
    let (_sandbox, server) = serve(&[]);
    let mut kept = Kept::to(&server);
    let together: Vec<u8> = (0..300)
        .flat_map(|id| request(&format!("X-Request-Id: r-{id}\r\n"), ROW))
        .collect();
    // Written while the answers are read: both sides' buffers are smaller than this.
    let mut writing = kept.0.get_ref().try_clone().unwrap();
    let writer = std::thread::spawn(move || writing.write_all(&together).unwrap());
    for id in 0..300 {
        let answer = kept.answer();
        assert_eq!(answer.status, "HTTP/1.1 200 OK");
        assert_eq!(answer.header("x-request-id"), Some(&*format!("r-{id}")));
    }
    writer.join().unwrap();
}

#[test]
fn requests_of_all_kinds_share_a_connection() {
    let (_sandbox, server) = serve(&[]);
    let mut kept = Kept::to(&server);
    assert_eq!(kept.ask(&request("", ROW)).status, "HTTP/1.1 200 OK");
    let refused = kept.ask(&request("", "{}"));
    assert_eq!(refused.status, "HTTP/1.1 400 Bad Request");
    assert_eq!(kept.ask(&request("", ROW)).status, "HTTP/1.1 200 OK");
    let gone = kept.ask(b"GET /gone HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(gone.status, "HTTP/1.1 404 Not Found");
    assert_eq!(kept.ask(&request("", ROW)).status, "HTTP/1.1 200 OK");
    // What comes with a plain request is not lost, either.
    let mut kept = Kept::to(&server);
    let both = [request("", ROW), request("", "{}"), request("", ROW)].concat();
    kept.send(&both);
    let statuses = [(); 3].map(|()| kept.answer().status);
    assert_eq!(
        statuses,
        [
            "HTTP/1.1 200 OK",
            "HTTP/1.1 400 Bad Request",
            "HTTP/1.1 200 OK"
        ]
    );
}

#[test]
fn a_request_may_come_in_any_pieces() {
    let (_sandbox, server) = serve(&[]);
    let whole = request("", ROW);
    // In the head, between head and body, in the body; soon and late.
    for pause in [1, 60] {
        for at in [1, 3, 30, whole.len() - ROW.len(), whole.len() - 1] {
            let mut kept = Kept::to(&server);
            kept.send(&whole[..at]);
            std::thread::sleep(Duration::from_millis(pause));
            let answer = kept.ask(&whole[at..]);
            assert_eq!(answer.status, "HTTP/1.1 200 OK", "{at} {pause}");
            assert_eq!(kept.ask(&whole).body, answer.body);
        }
    }
}

#[test]
fn lengths_that_could_hide_a_request_are_not_guessed_at() {
    let (_sandbox, server) = serve(&[]);
    let length = ROW.len();
    for (head, status) in [
        (format!("Content-Length: {length}\r\n"), "HTTP/1.1 200 OK"),
        (
            format!("Content-Length: {}\r\n", length - 1),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            format!("Content-Length: +{length}\r\n"),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            "Transfer-Encoding: chunked\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
        ),
        ("Content-Length:\r\n".to_owned(), "HTTP/1.1 400 Bad Request"),
    ] {
        let mut kept = Kept::to(&server);
        let request = request(&head, ROW);
        assert_eq!(kept.ask(&request).status, status, "{head}");
    }
}

#[test]
fn a_body_that_is_declared_too_large_is_refused_before_it_comes() {
    let (_sandbox, server) = serve(&["--max-body-bytes", "1000"]);
    for head in ["", "Expect: 100-continue\r\n"] {
        let request = request(head, ROW);
        let request = String::from_utf8(request).unwrap();
        let (head, _) = request.split_once("\r\n\r\n").unwrap();
        let head = head.replace(&format!("Length: {}", ROW.len()), "Length: 9000000");
        let answer = Kept::to(&server).ask(format!("{head}\r\n\r\n").as_bytes());
        assert_eq!(answer.status, "HTTP/1.1 413 Payload Too Large");
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[test]
fn an_idle_connection_ends_when_the_server_does() {
    let (_sandbox, mut server) = serve(&[]);
    let mut kept = Kept::to(&server);
    assert_eq!(kept.ask(&request("", ROW)).status, "HTTP/1.1 200 OK");
    server.signal("TERM");
    assert_eq!(kept.0.read(&mut [0]).unwrap(), 0);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn an_idle_connection_ends_after_a_while() {
    let (_sandbox, server) = serve(&["--idle-timeout", "1"]);
    let mut kept = Kept::to(&server);
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(600));
        assert_eq!(kept.ask(&request("", ROW)).status, "HTTP/1.1 200 OK");
    }
    assert_eq!(kept.0.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_plain_request_is_counted_and_logged() {
    let (_sandbox, server) = serve(&[]);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let head = format!(
        "X-Request-Id: r-7\r\nUser-Agent: test/1\r\n\
         traceparent: 00-{trace}-00f067aa0ba902b7-01\r\n"
    );
    Kept::to(&server).ask(&request(&head, ROW));
    let line: Value = server.wait_for("POST /predict");
    assert_eq!(line["message"], "POST /predict 200");
    assert_eq!(line["httpRequest"]["userAgent"], "test/1");
    assert_eq!(line["httpRequest"]["requestSize"], ROW.len().to_string());
    assert_eq!(line["request_id"], "r-7");
    assert_eq!(line["rows"], 1);
    assert_eq!(line["logging.googleapis.com/trace"], trace);
    let metrics = http::send(&server.address, &http::bare("GET", "/metrics")).body;
    assert!(metrics.contains("\ndeploy_requests_total{protocol=\"vertex\",code=\"200\"} 1\n"));
    assert!(metrics.contains("\ndeploy_predictions_total 1\n"));
}

#[test]
fn samples_are_kept_with_what_joins_them_to_the_truth() {
    let (sandbox, mut server) = serve(&["--sample-log", "samples.jsonl", "--sample-rate", "1"]);
    let plain = Kept::to(&server).ask(&request("X-Request-Id: r-1\r\n", ROW));
    by_hyper(&server).ask(&request("X-Request-Id: r-2\r\n", ROW));
    // Refused requests have no predictions.
    Kept::to(&server).ask(&request("", "{}"));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let lines = sandbox.text("samples.jsonl");
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<&Value> = lines.iter().map(|line| &line["request_id"]).collect();
    assert_eq!(ids, ["r-1", "r-2"]);
    for mut line in lines {
        let line = line.as_object_mut().unwrap();
        let time = line.remove("time").unwrap();
        assert!(time.as_str().is_some_and(|time| time.ends_with('Z')));
        line.remove("request_id");
        let predictions: Value = serde_json::from_str(&plain.body).unwrap();
        assert_eq!(
            json!(line),
            json!({
                "model_name": "btc",
                "model_version": "",
                "inputs": ["open", "high", "low"],
                "instances": [[100.0, 110.0, 90.0]],
                "predictions": predictions["predictions"],
            })
        );
    }
}

#[test]
fn a_file_for_samples_that_cannot_be_written_is_said() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let run = sandbox.run(&[
        "serve",
        "--port",
        "0",
        "--model",
        "model",
        "--sample-log",
        "gone/samples.jsonl",
    ]);
    run.fails(
        1,
        "error: cannot write samples to gone/samples.jsonl: No such file or directory (os error \
         2). Next step: give --sample-log a file in a folder this may write to",
    );
    let run = sandbox.run(&[
        "serve",
        "--port",
        "0",
        "--model",
        "model",
        "--sample-log",
        "s",
        "--sample-rate",
        "2",
    ]);
    run.fails(
        2,
        "error: --sample-rate \"2\" is not a part of the requests. Next step: give a number above \
         0 and at most 1",
    );
}

#[test]
fn inputs_unlike_those_of_the_training_show_in_the_metrics() {
    let (_sandbox, server) = serve(&["--drift-window", "100"]);
    let metrics = || http::send(&server.address, &http::bare("GET", "/metrics")).body;
    let index = |input: &str| -> f64 {
        let sample = format!("deploy_input_drift_psi{{input=\"{input}\",model_version=\"\"}} ");
        let page = metrics();
        let line = page.lines().find_map(|line| line.strip_prefix(&*sample));
        line.unwrap_or_else(|| panic!("no {sample} in {page}"))
            .parse()
            .unwrap()
    };
    // The fixture's train rows are the numbers from 1 to 1000; these are like them but for `low`.
    let rows: Vec<[f64; 3]> = (1..=100)
        .map(|row| [10.0 * f64::from(row), 10.0 * f64::from(row), 1.0])
        .collect();
    let body = json!({ "instances": rows }).to_string();
    let mut kept = Kept::to(&server);
    kept.ask(&request(
        "",
        &json!({ "instances": rows[..99] }).to_string(),
    ));
    assert!(metrics().contains("\ndeploy_input_drift_rows{model_version=\"\"} 99\n"));
    assert!(!metrics().contains("\ndeploy_input_drift_psi{"));
    kept.ask(&request("", &body));
    assert!(metrics().contains("\ndeploy_input_drift_rows{model_version=\"\"} 100\n"));
    assert!(index("open") < 0.01, "{}", index("open"));
    assert!(index("low") > 0.25, "{}", index("low"));
}
