//! The pipeline's exit handler.

use std::fs;

use serde_json::json;

use crate::fixture::Fixture;
use crate::process::{Run, Sandbox, TARGET};

const FAILED: &str = r#"{"state": "FAILED", "pipelineJobResourceName": "run-7",
    "error": {"code": 1, "message": "Task deploy failed."}}"#;

fn finish(sandbox: &Sandbox, status: &str) -> Run {
    let flags = ["--status", status, "--summary", "summary.md"];
    sandbox.run(&[&["finish"], &TARGET[..], &flags].concat())
}

/// A repository as a deployment leaves it that was killed after its switch: version 2 is served
/// and has not answered yet, a third one is half written.
fn killed_after_the_switch() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deploy_fixture(Fixture::with_bias(0.1)).succeeds();
    sandbox.deploy_fixture(Fixture::with_bias(0.2)).succeeds();
    let mut pointer = sandbox.json("repo/btc/current.json");
    pointer["unconfirmed"] = json!({"model_version": 1, "history": [1]});
    let path = sandbox.path("repo/btc/current.json");
    fs::write(path, pointer.to_string()).unwrap();
    fs::create_dir(sandbox.path("repo/btc/.incoming")).unwrap();
    sandbox
}

#[test]
fn a_killed_deployment_is_taken_back_once() {
    let sandbox = killed_after_the_switch();
    assert_eq!(finish(&sandbox, FAILED).succeeds()["succeeded"], false);
    let served = json!({"model_version": 1, "history": [1], "last_version": 2});
    assert_eq!(sandbox.pointer(), served);
    assert_eq!(sandbox.list("repo/btc"), ["1", "current.json"]);
    let summary = |cleaned: &str| {
        format!(
            "# The run failed\n\n| | |\n| --- | --- |\n| state | FAILED |\n| run | run-7 |\n\
             | error | Task deploy failed. |\n| served now | version 1 of `btc` |\n\
             | clean-up | {cleaned} |\n\n\
             The last line of the failed task's log is its error, with the next step. A run with \
             the same parameters takes the steps that ended well from the cache.\n"
        )
    };
    let cleaned = "an unfinished deployment was taken back: version 1 is served again";
    assert_eq!(sandbox.text("summary.md"), summary(cleaned));
    finish(&sandbox, FAILED).succeeds();
    let cleaned = "nothing was left to clean up";
    assert_eq!(sandbox.text("summary.md"), summary(cleaned));
    assert_eq!(sandbox.pointer(), served);
}

#[test]
fn a_deployment_that_ended_well_stays() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox.deploy(&["--model", "model"]).succeeds();
    let before = sandbox.pointer();
    let run = finish(&sandbox, r#"{"state": "SUCCEEDED"}"#);
    assert_eq!(run.succeeds()["succeeded"], true);
    assert_eq!(sandbox.pointer(), before);
    assert!(
        sandbox
            .text("summary.md")
            .starts_with("# The run ended well\n")
    );
}

#[test]
fn a_run_that_never_came_to_deploy_leaves_no_trace() {
    let sandbox = Sandbox::new();
    finish(&sandbox, FAILED).succeeds();
    assert!(!sandbox.path("repo").exists());
}

#[test]
fn kubeflow_hands_the_status_over_in_the_executor_input() {
    let sandbox = Sandbox::new();
    let path = |name: &str| sandbox.path(name).display().to_string();
    let input = json!({
        "inputs": {"parameterValues": {
            "status": {"state": "FAILED", "error": {"message": "Task train failed."}},
            "model_repository": path("repo"), "model_name": "btc",
        }},
        "outputs": {
            "parameters": {"succeeded": {"outputFile": path("out/succeeded")}},
            "artifacts": {
                "summary": {"artifacts": [{"name": "summary", "uri": path("out/summary")}]},
            },
            "outputFile": path("out/executor_output.json"),
        },
    });
    sandbox
        .run(&["finish", "--executor-input", &input.to_string()])
        .succeeds();
    assert_eq!(sandbox.text("out/succeeded"), "false");
    assert!(
        sandbox
            .text("out/summary")
            .contains("| error | Task train failed. |")
    );
    let written = &sandbox.json("out/executor_output.json")["artifacts"]["summary"]["artifacts"][0];
    assert_eq!(written["type"]["schemaTitle"], "system.Markdown");
}

#[test]
fn a_status_that_is_none_is_refused() {
    let sandbox = Sandbox::new();
    finish(&sandbox, "FAILED").fails(
        2,
        "error: --status \"FAILED\" is not a final status. Next step: give what Kubeflow passes: \
         {\"state\": \"SUCCEEDED\", …}",
    );
}
