//! Going back.

use serde_json::json;

use crate::fixture::Fixture;
use crate::process::Sandbox;

fn sandbox_with_versions(count: u32) -> Sandbox {
    let sandbox = Sandbox::new();
    for version in 1..=count {
        let fixture = Fixture::with_bias(version as f32 / 10.0);
        sandbox.deploy_fixture(fixture).succeeds();
    }
    sandbox
}

#[test]
fn a_rollback_serves_the_version_before_and_repeating_it_changes_nothing() {
    let sandbox = sandbox_with_versions(3);
    for _ in 0..2 {
        let run = sandbox.deploy(&["--rollback", "--deployment", "d.json"]);
        assert_eq!(
            run.succeeds(),
            json!({"deployed": true, "model_version": "2", "served_endpoint": ""})
        );
        assert_eq!(
            sandbox.pointer(),
            json!({"model_version": 2, "history": [3, 2, 1], "last_version": 3})
        );
    }
    let record = sandbox.json("d.json");
    assert_eq!(record["golden_rows"], 3);
    assert!(record.get("gate").is_none());
}

#[test]
fn any_kept_version_can_be_served_again() {
    let sandbox = sandbox_with_versions(3);
    let run = sandbox.deploy(&["--to-version", "1"]);
    assert_eq!(run.succeeds()["model_version"], "1");
    sandbox.deploy(&["--to-version", "7"]).fails(
        1,
        "error: `btc` cannot be rolled back to version 7: the versions kept are 3, 2, 1, served \
         is 1. Next step: name a kept version with --to-version",
    );
    assert_eq!(sandbox.pointer()["model_version"], 1);
    // Version 1 is further back than a rollback goes.
    sandbox.deploy(&["--rollback"]).fails(
        1,
        "error: `btc` cannot be rolled back to an earlier version: the versions kept are 3, 2, \
         1, served is 1. Next step: name a kept version with --to-version",
    );
}

#[test]
fn a_version_rolled_back_from_is_not_returned_to() {
    let sandbox = sandbox_with_versions(3);
    sandbox.deploy(&["--rollback"]).succeeds();
    sandbox.deploy_fixture(Fixture::with_bias(0.9)).succeeds();
    assert_eq!(
        sandbox.pointer(),
        json!({"model_version": 4, "history": [4, 2, 1], "last_version": 4})
    );
    assert_eq!(sandbox.list("repo/btc"), ["1", "2", "4", "current.json"]);
    let run = sandbox.deploy(&["--rollback"]);
    assert_eq!(run.succeeds()["model_version"], "2");
}

#[test]
fn without_an_earlier_version_there_is_no_way_back() {
    sandbox_with_versions(1).deploy(&["--rollback"]).fails(
        1,
        "error: `btc` cannot be rolled back to an earlier version: version 1 is the only one \
         kept. Next step: deploy the wanted model again with --model",
    );
    Sandbox::new().deploy(&["--rollback"]).fails(
        1,
        "error: `btc` cannot be rolled back to an earlier version: it has no versions. \
         Next step: deploy the wanted model again with --model",
    );
}

#[test]
fn a_damaged_version_is_not_served_again() {
    let sandbox = sandbox_with_versions(2);
    std::fs::remove_file(sandbox.path("repo/btc/1/golden.json")).unwrap();
    sandbox.deploy(&["--rollback"]).fails(
        1,
        "error: cannot read the model repo/btc/1: cannot read repo/btc/1/golden.json: No such \
         file or directory (os error 2). Next step: make the directory readable for the user \
         this runs as",
    );
    assert_eq!(sandbox.pointer()["model_version"], 2);
}
