//! Kubeflow's way of starting it, help and dry runs.

use std::fs;

use serde_json::json;

use crate::fixture::Fixture;
use crate::process::Sandbox;

#[test]
fn kubeflow_hands_everything_over_in_the_executor_input() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let path = |name: &str| sandbox.path(name).display().to_string();
    let input = json!({
        "inputs": {
            "parameterValues": {
                "model_repository": path("repo"), "model_name": "btc", "keep": 1.0, "endpoint": "",
            },
            "artifacts": {"model": {"artifacts": [{"name": "model", "uri": path("model")}]}},
        },
        "outputs": {
            "parameters": {
                "deployed": {"outputFile": path("out/deployed")},
                "model_version": {"outputFile": path("out/model_version")},
                "served_endpoint": {"outputFile": path("out/endpoint")},
            },
            "artifacts": {
                "deployment": {"artifacts": [{"name": "d", "uri": path("out/deployment.json")}]},
            },
            "outputFile": path("out/executor_output.json"),
        },
    });
    sandbox
        .run(&["--executor-input", &input.to_string()])
        .succeeds();
    assert_eq!(sandbox.text("out/deployed"), "true");
    assert_eq!(sandbox.text("out/model_version"), "1");
    assert_eq!(sandbox.text("out/endpoint"), "");
    let artifact = &sandbox.json("out/executor_output.json")["artifacts"]["deployment"];
    let mut metadata = artifact["artifacts"][0]["metadata"].clone();
    for file in ["model.onnx", "metrics.json", "golden.json"] {
        let digest = metadata
            .as_object_mut()
            .unwrap()
            .remove(&format!("{file}.sha256"));
        assert_eq!(digest.unwrap().as_str().unwrap().len(), 64, "{file}");
    }
    assert_eq!(
        metadata,
        json!({
            "display_name": "Deployment of btc",
            "build": format!("deploy {}", component::version()),
            "deployed": true,
            "model_name": "btc",
            "model_version": "1",
            "baseline": "naive_open",
            "improvement": 1.0 - 220.0 / 600.0,
        })
    );
}

#[test]
fn a_dry_run_says_what_would_happen_and_touches_nothing() {
    let sandbox = Sandbox::new();
    let run = sandbox.deploy(&[
        "--model",
        "gs://bucket/model",
        "--deployment",
        "d.json",
        "--dry-run",
    ]);
    assert_eq!(
        run.stdout,
        "reads the model gs://bucket/model\n\
         then checks the model, and that it removes more than 0 % of the error of the naive baseline\n\
         then asks a server of its own to predict its golden rows\n\
         writes repo/btc (versions, and which of them is served)\n\
         writes d.json\n"
    );
    assert_eq!(run.code, Some(0));
    let run = sandbox.deploy(&["--to-version", "2", "--endpoint", "http://h:1", "--dry-run"]);
    assert_eq!(
        run.stdout,
        "reads repo/btc/2\n\
         then goes back to version 2\n\
         then asks http://h:1/predict to predict its golden rows\n\
         writes repo/btc (versions, and which of them is served)\n"
    );
    let run = sandbox.run(&[
        "serve",
        "--model",
        "gs://bucket/m",
        "--port",
        "0",
        "--dry-run",
    ]);
    assert_eq!(
        run.stdout,
        "reads gs://bucket/m\nthen answers GET /health and POST /predict on 0.0.0.0:0\n"
    );
    assert_eq!(sandbox.list("."), ["tmp"]);
}

#[test]
fn flags_that_cannot_be_used_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.run(&["--model", "m"]).fails(
        2,
        "error: --model-repository is missing. Next step: give --model-repository; \
         see 'deploy --help'",
    );
    sandbox.deploy(&[]).fails(
        2,
        "error: --model is missing. Next step: give --model; see 'deploy --help'",
    );
    sandbox
        .run(&["--model", "m", "--model-repository", "gs://bucket/repo"])
        .fails(
            2,
            "error: --model-repository \"gs://bucket/repo\" is not a local directory, and \
             versions are switched by renaming files. Next step: name a directory that the \
             server sees too, for example a mounted volume",
        );
    sandbox
        .run(&[
            "--model",
            "m",
            "--model-repository",
            "repo",
            "--model-name",
            "../x",
        ])
        .fails(
            2,
            "error: --model-name \"../x\" is not a name for a model. Next step: use 1 to 63 \
             lower-case letters, digits, `-` and `_`, a letter or digit first",
        );
    sandbox
        .deploy(&["--model", "m", "--min-improvement", "5"])
        .fails(
            2,
            "error: --min-improvement \"5\" is not a fraction below 1. Next step: give 0.05 for 5 %",
        );
    sandbox
        .deploy(&["--model", "m", "--endpoint", "ftp://localhost/predict"])
        .fails(
            2,
            "error: --endpoint \"localhost\" is neither http nor https. Next step: give \
             the predict address, for example http://127.0.0.1:8080/predict",
        );
    sandbox.deploy(&["--model", "m", "--versoin", "1"]).fails(
        2,
        "error: unexpected argument '--versoin' found. Next step: see 'deploy --help'",
    );
}

#[test]
fn the_version_names_the_build() {
    let run = Sandbox::new().run(&["--version"]);
    assert_eq!(run.stdout, format!("deploy {}\n", component::version()));
}

#[test]
fn a_record_that_cannot_be_written_is_said_with_what_stands() {
    let sandbox = Sandbox::with_model(Fixture::default());
    fs::write(sandbox.path("file"), "").unwrap();
    sandbox
        .deploy(&["--model", "model", "--deployment", "file/deployment.json"])
        .fails(
            1,
            "error: the deployment is complete but file/deployment.json cannot be written: \
             cannot write file/deployment.json: File exists (os error 17)",
        );
    assert_eq!(sandbox.pointer()["model_version"], 1);
}
