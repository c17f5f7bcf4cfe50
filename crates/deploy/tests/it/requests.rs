//! What the server answers, request by request.

use std::io::Write;

use serde_json::{Value, json};

use crate::fixture::{Fixture, ROWS};
use crate::http::{self, Response, bare, post};
use crate::process::{Sandbox, Server};

struct Serving {
    _sandbox: Sandbox,
    server: Server,
}

fn serving(more: &[&str]) -> Serving {
    let sandbox = Sandbox::with_model(Fixture::default());
    let server = sandbox.serve(&[&["--model", "model", "--model-name", "btc"], more].concat());
    Serving {
        _sandbox: sandbox,
        server,
    }
}

impl Serving {
    fn send(&self, request: &[u8]) -> Response {
        http::send(&self.server.address, request)
    }

    #[track_caller]
    fn refuses(&self, body: &str, message: &str) {
        let response = self.server.predict(body);
        assert_eq!(response.status, 400, "{body}");
        assert_eq!(response.json(), json!({ "error": message }), "{body}");
    }
}

/// What the fixture predicts for a row.
fn expected(row: [f64; 3]) -> f64 {
    row[0] * f64::exp(0.5)
}

#[test]
fn objects_arrays_and_csv_rows_are_the_same_instance() {
    let serving = serving(&[]);
    let [open, high, low] = ROWS[1];
    let body = json!({
        "instances": [
            {"low": low, "open": open, "high": high},
            [open, high, low],
            format!("{open}, {high},{low}"),
        ],
        "parameters": {},
    });
    let response = serving.server.predict(&body.to_string());
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("x-model-name"), Some("btc"));
    assert_eq!(response.header("x-model-version"), None);
    let predictions: Vec<f64> =
        serde_json::from_value(response.json()["predictions"].clone()).unwrap();
    assert_eq!(predictions.len(), 3);
    for prediction in &predictions {
        assert_eq!(*prediction, predictions[0]);
    }
    let relative = predictions[0] / expected(ROWS[1]) - 1.0;
    assert!(relative.abs() < 1e-5, "{relative}");
}

#[test]
fn as_many_predictions_come_back_as_instances_were_sent() {
    let serving = serving(&[]);
    for count in [0, 1, 1_000] {
        let body = json!({ "instances": vec![ROWS[0]; count] }).to_string();
        let answer = serving.server.predict(&body).json();
        assert_eq!(answer["predictions"].as_array().map(Vec::len), Some(count));
    }
}

#[test]
fn instances_that_cannot_be_read_are_refused_by_position_and_name() {
    let serving = serving(&[]);
    serving.refuses(
        "{",
        "the body is not JSON: EOF while parsing an object at line 1 column 1",
    );
    for body in ["[]", "{}", r#"{"instances": 1}"#] {
        serving.refuses(body, "the body is not an object with a list `instances`");
    }
    serving.refuses(
        r#"{"instances": [{"open": 1, "high": 2}]}"#,
        "instances[0]: `low` is missing; the model takes open, high, low",
    );
    serving.refuses(
        r#"{"instances": [[1, 2, 3], {"open": 1, "high": 2, "low": 1, "volume": 3}]}"#,
        "instances[1]: `volume` is not an input; the model takes open, high, low",
    );
    serving.refuses(
        r#"{"instances": [{"open": "1", "high": 2, "low": 1}]}"#,
        "instances[0]: `open` is \"1\", not a number",
    );
    serving.refuses(
        r#"{"instances": [[1, null, 3]]}"#,
        "instances[0]: cell 1 is null, not a number",
    );
    serving.refuses(
        r#"{"instances": ["1,2,x"]}"#,
        "instances[0]: cell 2 is x, not a number",
    );
    serving.refuses(
        r#"{"instances": [7]}"#,
        "instances[0]: 7 is neither an object, an array nor a CSV row",
    );
    serving.refuses(
        r#"{"instances": [[1, 2]]}"#,
        "instances[0]: the row has 2 values, the model takes 3: open, high, low",
    );
}

#[test]
fn values_outside_the_models_domain_are_refused() {
    let serving = serving(&[]);
    serving.refuses(
        r#"{"instances": [[0, 1, 1]]}"#,
        "instances[0]: `open` is 0; it must be above 0",
    );
    serving.refuses(
        r#"{"instances": ["nan,1,1"]}"#,
        "instances[0]: `open` is NaN; it must be a finite number",
    );
    serving.refuses(
        r#"{"instances": [[3.4e38, 1, 1]]}"#,
        "instances[0]: its prediction is not a finite number",
    );
}

#[test]
fn other_paths_and_methods_are_refused() {
    let serving = serving(&[]);
    let response = serving.send(&bare("GET", "/elsewhere"));
    assert_eq!(
        response.parts(),
        (
            404,
            r#"{"error":"there is nothing at /elsewhere; predictions are at /predict"}"#
        )
    );
    let response = serving.send(&bare("GET", "/predict"));
    assert_eq!(
        response.parts(),
        (405, r#"{"error":"/predict does not answer GET"}"#)
    );
    assert_eq!(response.header("allow"), Some("POST"));
    let response = serving.send(&post("/health", "application/json", b"{}"));
    assert_eq!(
        response.parts(),
        (405, r#"{"error":"/health does not answer POST"}"#)
    );
    assert_eq!(response.header("allow"), Some("GET, HEAD"));
}

#[test]
fn only_declared_json_is_read() {
    let serving = serving(&[]);
    let body = br#"{"instances": []}"#;
    let form = "application/x-www-form-urlencoded";
    let response = serving.send(&post("/predict", form, body));
    assert_eq!(
        response.parts(),
        (
            415,
            r#"{"error":"the Content-Type is application/x-www-form-urlencoded; send application/json"}"#
        )
    );
    let response = serving.send(&bare("POST", "/predict"));
    assert_eq!(
        response.parts(),
        (
            415,
            r#"{"error":"the Content-Type is missing; send application/json"}"#
        )
    );
    let response = serving.send(&post("/predict", "Application/JSON; charset=utf-8", body));
    assert_eq!(response.parts(), (200, r#"{"predictions":[]}"#));
}

#[test]
fn a_body_up_to_the_limit_is_read_and_a_larger_one_refused() {
    let serving = serving(&[]);
    let padded = |size: usize| {
        let body = br#"{"instances":[]}"#;
        [&body[..], &vec![b' '; size - body.len()]].concat()
    };
    let response = serving.send(&post("/predict", "application/json", &padded(1_500_000)));
    assert_eq!(response.parts(), (200, r#"{"predictions":[]}"#));
    for size in [1_500_001, 8_000_000] {
        let response = serving.send(&post("/predict", "application/json", &padded(size)));
        assert_eq!(
            response.parts(),
            (
                413,
                r#"{"error":"the body is larger than 1500000 bytes; send fewer instances at a time"}"#
            )
        );
    }
}

#[test]
fn a_body_that_breaks_off_is_refused() {
    let serving = serving(&[]);
    let request = b"POST /predict HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
                    Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nno length\r\n";
    assert_eq!(
        serving.send(request).parts(),
        (400, r#"{"error":"the body ended early"}"#)
    );
}

#[test]
fn health_is_ok_while_there_is_a_model() {
    let serving = serving(&[]);
    let response = serving.send(&bare("GET", "/health"));
    assert_eq!(response.parts(), (200, r#"{"status":"ok"}"#));
    assert_eq!(serving.send(&bare("HEAD", "/health")).parts(), (200, ""));
}

#[test]
fn vertex_ai_names_the_routes_and_the_model() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let mut command = sandbox.command(["serve", "--host", "127.0.0.1"]);
    command
        .env("AIP_HTTP_PORT", "0")
        .env("AIP_STORAGE_URI", sandbox.path("model"))
        .env("AIP_ENDPOINT_ID", "12")
        .env("AIP_DEPLOYED_MODEL_ID", "34");
    let server = Server::start(command);
    let health = "/v1/endpoints/12/deployedModels/34";
    assert_eq!(
        http::send(&server.address, &bare("GET", health)).status,
        200
    );
    let predict = post(
        &format!("{health}:predict"),
        "application/json",
        br#"{"instances":["100,110,90"]}"#,
    );
    let answer = http::send(&server.address, &predict).json();
    assert!(answer["predictions"][0].is_f64(), "{answer}");
}

#[test]
fn one_connection_serves_many_requests() {
    let serving = serving(&[]);
    let mut stream = http::connect(&serving.server.address);
    let keep = String::from_utf8(post("/predict", "application/json", br#"{"instances":[]}"#))
        .unwrap()
        .replace("Connection: close\r\n", "");
    stream.write_all(keep.as_bytes()).unwrap();
    stream.write_all(&bare("GET", "/health")).unwrap();
    let both = http::read(&mut stream);
    assert_eq!(both.status, 200);
    let mut bodies = both.body.split("\r\n\r\n");
    assert!(
        bodies
            .next()
            .is_some_and(|first| first.starts_with(r#"{"predictions":[]}"#))
    );
    assert_eq!(bodies.next(), Some(r#"{"status":"ok"}"#));
}

#[test]
fn predictions_are_json_numbers() {
    let serving = serving(&[]);
    let answer: Value = serving
        .server
        .predict(r#"{"instances": [[100, 110, 90]]}"#)
        .json();
    let prediction = answer["predictions"][0].as_f64().unwrap();
    assert!((prediction / expected(ROWS[0]) - 1.0).abs() < 1e-5);
}

#[test]
fn parameters_ask_for_details() {
    let serving = serving(&[]);
    let ask = |parameters: Value| {
        let body = json!({ "instances": [ROWS[0]], "parameters": parameters });
        serving.server.predict(&body.to_string())
    };
    let answer = ask(json!({"details": true, "unknown": [1]})).json();
    let prediction = answer["predictions"][0]["prediction"].as_f64().unwrap();
    assert!((prediction / expected(ROWS[0]) - 1.0).abs() < 1e-5);
    let answer = ask(json!({"explanations": true})).json();
    let detail = &answer["predictions"][0];
    let number = |value: &Value| value.as_f64().unwrap();
    let baseline = number(&detail["baseline"]);
    assert!((baseline / expected(ROWS[1]) - 1.0).abs() < 1e-5);
    // The fixture looks at `open` alone.
    assert_eq!(number(&detail["contributions"]["high"]), 0.0);
    assert_eq!(number(&detail["contributions"]["low"]), 0.0);
    let sum = baseline + number(&detail["contributions"]["open"]);
    assert!((sum / prediction - 1.0).abs() < 1e-9, "{sum}");
}

#[test]
fn details_that_cannot_be_given_are_refused() {
    let serving = serving(&[]);
    serving.refuses(
        r#"{"instances": [[1, 2, 1]], "parameters": {"intervals": true}}"#,
        "parameters: the model has no prediction intervals",
    );
    serving.refuses(
        r#"{"instances": [[1, 2, 1]], "parameters": {"intervals": 1}}"#,
        "parameters: invalid type: integer `1`, expected a boolean",
    );
    let many = json!({ "instances": vec![ROWS[0]; 257], "parameters": {"explanations": true} });
    serving.refuses(
        &many.to_string(),
        "parameters: at most 256 instances are explained at a time",
    );
}
