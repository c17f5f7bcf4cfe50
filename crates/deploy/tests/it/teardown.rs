//! Taking a model down again.

use std::fs;

use crate::fixture::Fixture;
use crate::process::{Sandbox, TARGET};

fn teardown(sandbox: &Sandbox, more: &[&str]) -> crate::process::Run {
    sandbox.run(&[&["teardown"], &TARGET[..], more].concat())
}

#[test]
fn a_teardown_removes_the_model_and_repeating_it_is_fine() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox.deploy(&["--model", "model"]).succeeds();
    for _ in 0..2 {
        assert_eq!(teardown(&sandbox, &["--yes"]).succeeds()["deployed"], false);
        assert_eq!(sandbox.list("repo"), [".btc.lock"]);
    }
    let run = sandbox.deploy(&["--model", "model"]);
    assert_eq!(run.succeeds()["model_version"], "1");
}

#[test]
fn a_teardown_nobody_confirmed_removes_nothing() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox.deploy(&["--model", "model"]).succeeds();
    teardown(&sandbox, &[]).fails(
        2,
        "error: nothing was removed: the teardown of `btc` was not confirmed. \
         Next step: answer y, or give --yes",
    );
    assert_eq!(sandbox.list("repo/btc"), ["1", "current.json"]);
}

#[test]
fn a_dry_run_says_what_would_be_removed() {
    let sandbox = Sandbox::new();
    assert_eq!(
        teardown(&sandbox, &["--dry-run"]).stdout,
        "does nothing: there is no repo/btc\n"
    );
    for bias in [0.1, 0.2] {
        sandbox.deploy_fixture(Fixture::with_bias(bias)).succeeds();
    }
    assert_eq!(
        teardown(&sandbox, &["--dry-run"]).stdout,
        "does removes the model `btc` with versions 1, 2 from repo/btc\n"
    );
    assert_eq!(sandbox.list("repo/btc"), ["1", "2", "current.json"]);
}

#[test]
fn what_a_killed_teardown_left_is_removed_by_the_next_run() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox.deploy(&["--model", "model"]).succeeds();
    let removed = sandbox.path("repo/.btc.removed");
    fs::rename(sandbox.path("repo/btc"), &removed).unwrap();
    teardown(&sandbox, &["--yes"]).succeeds();
    assert_eq!(sandbox.list("repo"), [".btc.lock"]);
    fs::create_dir(&removed).unwrap();
    sandbox.deploy(&["--model", "model"]).succeeds();
    assert_eq!(sandbox.list("repo"), [".btc.lock", "btc"]);
}

#[test]
fn a_damaged_pointer_does_not_keep_a_model_up() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox.deploy(&["--model", "model"]).succeeds();
    fs::write(sandbox.path("repo/btc/current.json"), "{").unwrap();
    teardown(&sandbox, &["--yes"]).succeeds();
    assert_eq!(sandbox.list("repo"), [".btc.lock"]);
}
