//! `KServe`'s protocols over HTTP, and what describes the server.

use serde_json::{Value, json};

use crate::fixture::{Fixture, ROWS};
use crate::http::{self, Response, bare, post};
use crate::process::{Sandbox, Server, TARGET};

/// Version 1 of `btc`.
fn serving() -> (Sandbox, Server) {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox.deploy(&["--model", "model"]).succeeds();
    let server = sandbox.serve(&TARGET);
    (sandbox, server)
}

fn get(server: &Server, path: &str) -> Response {
    http::send(&server.address, &bare("GET", path))
}

fn send(server: &Server, path: &str, body: &Value) -> Response {
    let request = post(path, "application/json", body.to_string().as_bytes());
    http::send(&server.address, &request)
}

#[track_caller]
fn refused(response: &Response, status: u16, message: &str) {
    assert_eq!(response.status, status, "{}", response.body);
    assert_eq!(response.json(), json!({ "error": message }));
}

#[test]
fn kserves_first_protocol_lists_checks_and_predicts() {
    let (_sandbox, server) = serving();
    assert_eq!(
        get(&server, "/v1/models").json(),
        json!({"models": ["btc"]})
    );
    assert_eq!(
        get(&server, "/v1/models/btc").json(),
        json!({"name": "btc", "ready": true})
    );
    let body = json!({ "instances": ROWS });
    let response = send(&server, "/v1/models/btc:predict", &body);
    assert_eq!(response.status, 200);
    assert_eq!(
        response.body,
        send(&server, "/predict", &body).body,
        "the same handler"
    );
    let message = "model `eth` is not served; version 1 of model `btc` is";
    refused(&get(&server, "/v1/models/eth"), 404, message);
    refused(
        &send(&server, "/v1/models/eth:predict", &body),
        404,
        message,
    );
}

#[test]
fn the_open_inference_protocol_describes_server_and_model() {
    let (_sandbox, server) = serving();
    assert_eq!(
        get(&server, "/v2").json(),
        json!({
            "name": "deploy",
            "version": component::version(),
            "extensions": ["binary_tensor_data"],
        })
    );
    for (path, answer) in [
        ("/v2/health/live", json!({"live": true})),
        ("/v2/health/ready", json!({"ready": true})),
        (
            "/v2/models/btc/ready",
            json!({"name": "btc", "ready": true}),
        ),
        (
            "/v2/models/btc/versions/1/ready",
            json!({"name": "btc", "ready": true}),
        ),
    ] {
        let response = get(&server, path);
        assert_eq!((response.status, response.json()), (200, answer), "{path}");
    }
    assert_eq!(
        get(&server, "/v2/models/btc").json(),
        json!({
            "name": "btc",
            "versions": ["1"],
            "platform": "onnx",
            "inputs": [{"name": "inputs", "datatype": "FP32", "shape": [-1, 3]}],
            "outputs": [{"name": "predictions", "datatype": "FP32", "shape": [-1, 1]}],
        })
    );
    refused(
        &get(&server, "/v2/models/btc/versions/2/ready"),
        404,
        "version 2 of model `btc` is not served; version 1 of model `btc` is",
    );
}

#[test]
fn liveness_does_not_depend_on_the_model() {
    let (sandbox, server) = serving();
    sandbox
        .run(&[&["teardown", "--yes"], &TARGET[..]].concat())
        .succeeds();
    server.wait_for("`btc` was taken down");
    assert_eq!(get(&server, "/v2/health/live").status, 200);
    for path in ["/v2/health/ready", "/v1/models/btc", "/v2/models/btc/ready"] {
        let message = "no version of `btc` is served at the moment";
        refused(&get(&server, path), 503, message);
    }
    assert_eq!(get(&server, "/").status, 200);
    assert_eq!(get(&server, "/openapi.json").status, 200);
}

/// Predictions of the fixture for [`ROWS`], as the predict route gives them.
fn predictions(server: &Server) -> Vec<f64> {
    let answer = send(server, "/predict", &json!({ "instances": ROWS })).json();
    serde_json::from_value(answer["predictions"].clone()).unwrap()
}

#[test]
fn tensors_whole_or_by_column_give_the_same_predictions() {
    let (_sandbox, server) = serving();
    let expected = predictions(&server);
    let column = |index: usize| ROWS.map(|row| row[index]);
    let whole = json!([{"name": "inputs", "shape": [3, 3], "datatype": "FP64", "data": ROWS}]);
    let flat: Vec<f64> = ROWS.concat();
    let flat = json!([{"name": "inputs", "shape": [3, 3], "datatype": "FP32", "data": flat}]);
    let columns = json!([
        {"name": "low", "shape": [3, 1], "datatype": "FP64", "data": column(2).map(|cell| [cell])},
        {"name": "open", "shape": [3], "datatype": "FP64", "data": column(0)},
        {"name": "high", "shape": [3], "datatype": "FP64", "data": column(1)},
    ]);
    for inputs in [whole, flat, columns] {
        let body = json!({"id": "7", "inputs": inputs, "outputs": [{"name": "predictions"}]});
        let response = send(&server, "/v2/models/btc/infer", &body);
        assert_eq!(response.header("x-model-version"), Some("1"));
        let answer = response.json();
        assert_eq!(answer["id"], "7");
        assert_eq!(answer["model_name"], "btc");
        assert_eq!(answer["model_version"], "1");
        let output = &answer["outputs"][0];
        assert_eq!(output["name"], "predictions");
        assert_eq!(output["shape"], json!([3, 1]));
        assert_eq!(output["datatype"], "FP32");
        let values: Vec<f32> = serde_json::from_value(output["data"].clone()).unwrap();
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        assert_eq!(values, expected);
    }
}

#[test]
fn binary_tensors_go_in_and_out_behind_the_json() {
    let (_sandbox, server) = serving();
    let expected = predictions(&server);
    let raw: Vec<u8> = ROWS
        .iter()
        .flatten()
        .flat_map(|cell| cell.to_le_bytes())
        .collect();
    let json = json!({
        "parameters": {"binary_data_output": true},
        "inputs": [{
            "name": "inputs", "shape": [3, 3], "datatype": "FP64",
            "parameters": {"binary_data_size": raw.len()},
        }],
    })
    .to_string();
    let request = |json_length: usize| {
        let mut request = format!(
            "POST /v2/models/btc/infer HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\
             Inference-Header-Content-Length: {json_length}\r\n\r\n{json}",
            json.len() + raw.len()
        )
        .into_bytes();
        request.extend(&raw);
        request
    };
    let mut stream = http::connect(&server.address);
    std::io::Write::write_all(&mut stream, &request(json.len())).unwrap();
    let (head, body) = http::read_bytes(&mut stream);
    assert_eq!(head.status, 200);
    assert_eq!(
        head.header("content-type"),
        Some("application/octet-stream")
    );
    let length = head.header("inference-header-content-length").unwrap();
    let (answer, values) = body.split_at(length.parse().unwrap());
    let answer: Value = serde_json::from_slice(answer).unwrap();
    assert_eq!(
        answer["outputs"][0],
        json!({
            "name": "predictions", "shape": [3, 1], "datatype": "FP32",
            "parameters": {"binary_data_size": 12},
        })
    );
    let values = values.chunks(4).map(|value| value.try_into().unwrap());
    let values: Vec<f64> = values
        .map(|value| f32::from_le_bytes(value).into())
        .collect();
    assert_eq!(values, expected);
    refused(
        &http::send(&server.address, &request(10_000)),
        400,
        &format!(
            "the header inference-header-content-length says 10000 bytes, the body has {}",
            json.len() + raw.len()
        ),
    );
}

#[test]
fn inferences_that_cannot_be_made_are_refused() {
    let (_sandbox, server) = serving();
    let infer = |inputs: Value, outputs: Value| {
        let body = json!({"inputs": inputs, "outputs": outputs});
        send(&server, "/v2/models/btc/infer", &body)
    };
    let row = json!([{"name": "inputs", "shape": [1, 3], "datatype": "FP32", "data": [0, 1, 1]}]);
    refused(
        &infer(row.clone(), json!([])),
        400,
        "row [0]: `open` is 0; it must be above 0",
    );
    refused(
        &infer(row.clone(), json!([{"name": "close"}])),
        400,
        "`close` is not an output; the model gives `predictions`",
    );
    let far = json!([{"name": "inputs", "shape": [3], "datatype": "FP32", "data": [3.4e38, 1, 1]}]);
    refused(
        &infer(far, json!([])),
        400,
        "row [0]: its prediction is not a finite number",
    );
    let form = post("/v2/models/btc/infer", "text/plain", b"{}");
    refused(
        &http::send(&server.address, &form),
        415,
        "the Content-Type is text/plain; send application/json",
    );
}

#[test]
fn the_page_and_the_description_are_the_models() {
    let (_sandbox, server) = serving();
    let page = get(&server, "/");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(page.body.contains(r#""inputs":["open","high","low"]"#));
    let document = get(&server, "/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let schema = &document["components"]["schemas"]["Instance"]["oneOf"][0];
    assert_eq!(schema["required"], json!(["open", "high", "low"]));
    assert!(document["paths"]["/predict"]["post"].is_object());
}
