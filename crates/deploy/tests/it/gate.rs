//! Models that are not good enough.

use serde_json::json;

use crate::fixture::Fixture;
use crate::process::Sandbox;

#[test]
fn a_model_that_is_not_better_than_the_naive_baseline_is_refused() {
    let sandbox = Sandbox::with_model(Fixture::with_rmse(600.0));
    sandbox.deploy(&["--model", "model"]).fails(
        1,
        "error: not deployed because its test RMSE of 600.00 USD is not below 600.00 USD \
         (baseline `naive_open` 600.00 USD, improvement 0.00 %, required more than 0.00 %). \
         Next step: train a better model, or lower --min-improvement; with --gate report this \
         run ends well",
    );
    assert!(!sandbox.path("repo").exists());
}

#[test]
fn another_baseline_and_improvement_can_be_asked_for() {
    let sandbox = Sandbox::with_model(Fixture::with_rmse(219.0));
    let flags = [
        "--model",
        "model",
        "--baseline",
        "least_squares_raw",
        "--min-improvement",
    ];
    sandbox.deploy(&[&flags[..], &["0.05"]].concat()).fails(
        1,
        "error: not deployed because its test RMSE of 219.00 USD is not below 209.42 USD \
         (baseline `least_squares_raw` 220.44 USD, improvement 0.65 %, required more than \
         5.00 %). Next step: train a better model, or lower --min-improvement; with --gate \
         report this run ends well",
    );
    sandbox
        .deploy(&[&flags[..], &["0.005"]].concat())
        .succeeds();
}

#[test]
fn a_negative_improvement_lets_a_slightly_worse_model_through() {
    let sandbox = Sandbox::with_model(Fixture::with_rmse(610.0));
    sandbox
        .deploy(&["--model", "model", "--min-improvement", "-0.05"])
        .succeeds();
}

#[test]
fn a_reporting_gate_ends_well_and_leaves_what_is_served() {
    let sandbox = Sandbox::new();
    sandbox.deploy_fixture(Fixture::default()).succeeds();
    Fixture::with_rmse(700.0).write(&sandbox.path("model"));
    let before = sandbox.pointer();
    let flags = [
        "--model",
        "model",
        "--gate",
        "report",
        "--deployment",
        "d.json",
    ];
    assert_eq!(
        sandbox.deploy(&flags).succeeds(),
        json!({"deployed": false, "model_version": "1", "served_endpoint": ""})
    );
    assert_eq!(sandbox.pointer(), before);
    let record = sandbox.json("d.json");
    assert_eq!(record["deployed"], false);
    assert_eq!(record["golden_rows"], 0);
    assert_eq!(
        record["reason"],
        "its test RMSE of 700.00 USD is not below 600.00 USD (baseline `naive_open` 600.00 USD, \
         improvement -16.67 %, required more than 0.00 %)"
    );
}

#[test]
fn a_reporting_gate_works_before_anything_is_served() {
    let sandbox = Sandbox::with_model(Fixture::with_rmse(700.0));
    assert_eq!(
        sandbox
            .deploy(&["--model", "model", "--gate", "report"])
            .succeeds(),
        json!({"deployed": false, "model_version": "", "served_endpoint": ""})
    );
    assert!(!sandbox.path("repo").exists());
}

#[test]
fn an_unknown_baseline_is_wrong_usage() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox
        .deploy(&["--model", "model", "--baseline", "persistence"])
        .fails(
            2,
            "error: the gate cannot be applied to the model model: the model's test metrics \
             have no baseline `persistence`; they have least_squares_raw, naive_open. \
             Next step: choose one of these for --baseline",
        );
}

#[test]
fn the_report_gives_the_decision_and_the_numbers_behind_it() {
    let sandbox = Sandbox::with_model(Fixture::with_rmse(700.0));
    let flags = ["--model", "model", "--gate", "report", "--report", "r.html"];
    sandbox.deploy(&flags).succeeds();
    let page = sandbox.text("r.html");
    assert!(page.contains("<p>Not deployed because its test RMSE of 700.00 USD is not below"));
    assert!(page.contains("naive_open"), "{page}");
    Fixture::default().write(&sandbox.path("model"));
    sandbox.deploy(&flags).succeeds();
    let page = sandbox.text("r.html");
    assert!(page.contains("<p>Version 1 is served.</p>"), "{page}");
    assert!(page.contains("prediction, USD"), "{page}");
}
