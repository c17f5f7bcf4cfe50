//! A version that is tried out on a part of the requests.

use serde_json::json;

use crate::fixture::Fixture;
use crate::http::{self, post};
use crate::process::{Sandbox, Server, TARGET};

const ROW: &str = r#"{"instances": [[100, 110, 90]]}"#;

/// Version 1 served, version 2 tried out on 10 % of the requests.
fn trying_out() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deploy_fixture(Fixture::with_bias(0.1)).succeeds();
    Fixture::with_bias(0.2).write(&sandbox.path("model"));
    let outputs = sandbox
        .deploy(&["--model", "model", "--canary", "10"])
        .succeeds();
    assert_eq!(outputs["deployed"], false);
    assert_eq!(outputs["model_version"], "1");
    sandbox
}

/// Answers of a hundred that come from another version than 1.
fn answered_by_canary(server: &Server, path: &str, body: &str) -> usize {
    let request = post(path, "application/json", body.as_bytes());
    let versions = (0..100).map(|_| {
        let response = http::send(&server.address, &request);
        assert_eq!(response.status, 200, "{}", response.body);
        response.header("x-model-version").unwrap().to_owned()
    });
    versions.filter(|version| version != "1").count()
}

#[test]
fn a_canary_answers_its_part_of_the_requests() {
    let sandbox = trying_out();
    assert_eq!(
        sandbox.pointer(),
        json!({
            "model_version": 1, "history": [1], "last_version": 2,
            "canary": {"model_version": 2, "percent": 10},
        })
    );
    let server = sandbox.serve(&TARGET);
    assert_eq!(answered_by_canary(&server, "/predict", ROW), 10);
    assert_eq!(
        answered_by_canary(&server, "/v1/models/btc:predict", ROW),
        10
    );
    let tensor = json!({"inputs": [{
        "name": "inputs", "shape": [1, 3], "datatype": "FP32", "data": [100, 110, 90],
    }]});
    let tensor = tensor.to_string();
    assert_eq!(
        answered_by_canary(&server, "/v2/models/btc/infer", &tensor),
        10
    );
    for (version, answers) in [("1", 0), ("2", 100)] {
        let path = format!("/v2/models/btc/versions/{version}/infer");
        assert_eq!(answered_by_canary(&server, &path, &tensor), answers);
    }
}

#[test]
fn a_canary_is_promoted_or_ended_while_requests_go_on() {
    let sandbox = trying_out();
    let server = sandbox.serve(&TARGET);
    let endpoint = format!("http://{}", server.address);
    sandbox
        .deploy(&["--rollback", "--endpoint", &endpoint])
        .succeeds();
    server.wait_for("serving version 1 of `btc` now");
    // The number of the one that was ended is not given again.
    assert_eq!(answered_by_canary(&server, "/predict", ROW), 0);
    sandbox
        .deploy(&[
            "--model",
            "model",
            "--canary",
            "99",
            "--endpoint",
            &endpoint,
        ])
        .succeeds();
    assert_eq!(answered_by_canary(&server, "/predict", ROW), 99);
    let outputs = sandbox
        .deploy(&["--promote", "--endpoint", &endpoint])
        .succeeds();
    assert_eq!(outputs["model_version"], "3");
    server.wait_for("serving version 3 of `btc` now");
    assert_eq!(answered_by_canary(&server, "/predict", ROW), 100);
    assert_eq!(
        sandbox.pointer(),
        json!({"model_version": 3, "history": [3, 1], "last_version": 3})
    );
}

#[test]
fn a_canary_needs_a_served_version_and_a_promotion_a_canary() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox
        .deploy(&["--model", "model", "--canary", "5"])
        .fails(
            1,
            "error: `btc` cannot have a canary: no version of it is served. Next step: deploy the \
         model without --canary",
        );
    sandbox.deploy(&["--model", "model"]).succeeds();
    sandbox.deploy(&["--promote"]).fails(
        1,
        "error: `btc` has no canary to promote. Next step: deploy a model with --canary first",
    );
}

#[test]
fn the_canary_is_part_of_the_status() {
    let sandbox = trying_out();
    let run = sandbox.run(&[&["status"], &TARGET[..]].concat());
    let status: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(status["served"]["model_version"], 1);
    assert_eq!(status["canary"]["model_version"], 2);
    assert_eq!(status["canary"]["percent"], 10);
}
