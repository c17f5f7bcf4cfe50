//! Models and records in Cloud Storage.

use std::fs;
use std::process::Command;

use serde_json::Value;
use test_support::gcs::FakeGcs;

use crate::fixture::Fixture;
use crate::process::{Run, Sandbox, Server, TARGET};

/// A bucket with a model folder in it.
async fn bucket_with_model(sandbox: &Sandbox) -> FakeGcs {
    let gcs = FakeGcs::start().await;
    gcs.create_bucket("bucket");
    for name in sandbox.list("model") {
        let content = fs::read(sandbox.path(&format!("model/{name}"))).unwrap();
        gcs.store("bucket", &format!("runs/7/model/{name}"), content);
    }
    gcs
}

fn against(gcs: &FakeGcs, mut command: Command) -> Command {
    command.env("STORAGE_EMULATOR_HOST", gcs.endpoint());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_deployed_from_a_bucket_and_the_record_written_there() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let gcs = bucket_with_model(&sandbox).await;
    let record = "gs://bucket/runs/7/deployment.json";
    let flags = [
        "--model",
        "gs://bucket/runs/7/model",
        "--deployment",
        record,
    ];
    let command = sandbox.command([&TARGET[..], &flags].concat());
    let output = against(&gcs, command).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let outputs: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outputs["artifacts"]["deployment"]["uri"], record);
    let stored = gcs.object("bucket", "runs/7/deployment.json").unwrap();
    let stored: Value = serde_json::from_slice(&stored.content).unwrap();
    assert_eq!(stored["model_version"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn vertex_ai_hands_the_model_over_in_a_bucket() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let gcs = bucket_with_model(&sandbox).await;
    let mut command = sandbox.command(["serve", "--host", "127.0.0.1"]);
    command
        .env("AIP_HTTP_PORT", "0")
        .env("AIP_STORAGE_URI", "gs://bucket/runs/7/model");
    let server = Server::start(against(&gcs, command));
    let answer = server.predict(r#"{"instances": ["100,110,90"]}"#);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_not_in_the_bucket_is_named() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let gcs = bucket_with_model(&sandbox).await;
    let flags = ["--model", "gs://bucket/runs/8/model"];
    let command = sandbox.command([&TARGET[..], &flags].concat());
    let output = against(&gcs, command).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap().lines().last(),
        Some(
            "error: cannot read the model gs://bucket/runs/8/model: \
             gs://bucket/runs/8/model/model.onnx does not exist. Next step: give the folder that \
             'train' wrote; its model.onnx is written last, so without it the training did not \
             finish"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_predicted_from_a_bucket_to_a_bucket() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let gcs = bucket_with_model(&sandbox).await;
    gcs.store("bucket", "t.csv", b"open,high,low\n100,110,90\n".to_vec());
    let predict = |input: &str, output: &str| {
        let flags = [
            "predict",
            "--model",
            "gs://bucket/runs/7/model",
            "--input",
            input,
        ];
        let mut command = sandbox.command(flags);
        command.args(["--output", output]);
        Run::of(against(&gcs, command).output().unwrap())
    };
    predict("gs://bucket/t.csv", "gs://bucket/p.csv").succeeds();
    let predictions = gcs.object("bucket", "p.csv").unwrap().content;
    assert!(predictions.starts_with(b"open,high,low,prediction\n100,110,90,164.87"));
    predict("gs://bucket/u.csv", "gs://bucket/p.csv").fails(
        1,
        "error: cannot read the table gs://bucket/u.csv: gs://bucket/u.csv does not exist. Next \
         step: check the address and that the step before wrote it",
    );
    predict("gs://bucket/t.csv", "gs://other/p.csv").fails(
        1,
        "error: cannot write the predictions gs://other/p.csv: the bucket gs://other does not \
         exist. Next step: check the bucket's name, or have gcs-ingest make it with \
         --create-bucket",
    );
    assert_eq!(gcs.object("bucket", "p.csv").unwrap().content, predictions);
}
