//! Deployments that succeed.

use std::process::Stdio;

use serde_json::json;

use crate::fixture::{Fixture, ROWS};
use crate::process::{Sandbox, snapshot};

#[test]
fn a_deployment_installs_the_folder_and_records_what_it_did() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let run = sandbox.deploy(&["--model", "model", "--deployment", "out/deployment.json"]);
    assert_eq!(
        run.succeeds(),
        json!({"deployed": true, "model_version": "1", "served_endpoint": ""})
    );
    assert_eq!(
        sandbox.pointer(),
        json!({"model_version": 1, "history": [1], "last_version": 1})
    );
    assert_eq!(sandbox.list("repo"), [".btc.lock", "btc"]);
    assert_eq!(sandbox.list("repo/btc"), ["1", "current.json"]);
    assert_eq!(
        snapshot(&sandbox.path("repo/btc/1")),
        snapshot(&sandbox.path("model"))
    );
    let record = sandbox.json("out/deployment.json");
    assert_eq!(
        record["gate"],
        json!({
            "passed": true,
            "baseline": "naive_open",
            "baseline_root_mean_squared_error": 600.0,
            "model_root_mean_squared_error": 220.0,
            "improvement": 1.0 - 220.0 / 600.0,
            "min_improvement": 0.0,
        })
    );
    assert_eq!(record["golden_rows"], ROWS.len());
    assert_eq!(record["provenance"]["inputs"][2]["name"], "model.onnx");
    assert!(record.get("previous_version").is_none());
}

#[test]
fn the_same_bytes_again_change_nothing() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let flags = ["--model", "model", "--deployment", "deployment.json"];
    let first = sandbox.deploy(&flags);
    let before = snapshot(&sandbox.path("."));
    let second = sandbox.deploy(&flags);
    assert_eq!(second.succeeds(), first.succeeds());
    assert_eq!(snapshot(&sandbox.path(".")), before);
}

#[test]
fn another_model_becomes_the_next_version_and_old_ones_go() {
    let sandbox = Sandbox::new();
    for version in 1..=4 {
        Fixture::with_bias(version as f32 / 10.0).write(&sandbox.path("model"));
        let run = sandbox.deploy(&["--model", "model", "--keep", "1"]);
        assert_eq!(run.succeeds()["model_version"], version.to_string());
    }
    assert_eq!(
        sandbox.pointer(),
        json!({"model_version": 4, "history": [4, 3], "last_version": 4})
    );
    assert_eq!(sandbox.list("repo/btc"), ["3", "4", "current.json"]);
}

#[test]
fn two_deployments_at_once_both_take_place_one_after_the_other() {
    let sandbox = Sandbox::new();
    let names: Vec<String> = (0..6).map(|i| format!("model-{i}")).collect();
    let mut running = Vec::new();
    for (i, name) in (0..).zip(&names) {
        Fixture::with_bias(i as f32 / 10.0).write(&sandbox.path(name));
        let flags = ["--model", name, "--keep", "9"];
        let mut command = sandbox.command([&crate::process::TARGET[..], &flags].concat());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        running.push(command.spawn().unwrap());
    }
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    let pointer = sandbox.pointer();
    assert_eq!(pointer["history"], json!([6, 5, 4, 3, 2, 1]));
    assert_eq!(pointer["model_version"], 6);
    // Every model is there once, whole.
    let mut found: Vec<_> = (1..=6)
        .map(|version| snapshot(&sandbox.path(&format!("repo/btc/{version}"))))
        .collect();
    let mut expected: Vec<_> = names
        .iter()
        .map(|name| snapshot(&sandbox.path(name)))
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn models_of_one_repository_do_not_touch_each_other() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox.deploy(&["--model", "model"]).succeeds();
    let before = snapshot(&sandbox.path("repo/btc"));
    let flags = [
        "--model",
        "model",
        "--model-repository",
        "repo",
        "--model-name",
        "eth",
    ];
    sandbox.run(&flags).succeeds();
    assert_eq!(snapshot(&sandbox.path("repo/btc")), before);
    assert_eq!(
        sandbox.list("repo"),
        [".btc.lock", ".eth.lock", "btc", "eth"]
    );
}
