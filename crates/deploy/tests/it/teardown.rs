//! Taking a model down again.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

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

/// Runs a teardown on a terminal of its own and answers its question.
#[expect(clippy::print_stdout, reason = "a skip has to be seen")]
fn teardown_on_a_terminal(sandbox: &Sandbox, answer: &str) -> Option<Output> {
    let deploy = sandbox.command([&["teardown"], &TARGET[..]].concat());
    let words = std::iter::once(deploy.get_program()).chain(deploy.get_args());
    let line: Vec<&str> = words.map(|word| word.to_str().unwrap()).collect();
    let child = Command::new("script")
        .args([
            "--quiet",
            "--return",
            "--command",
            &line.join(" "),
            "/dev/null",
        ])
        .current_dir(sandbox.path("."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("SKIPPED: there is no `script` to make a terminal with");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(answer.as_bytes()).unwrap();
    Some(child.wait_with_output().unwrap())
}

#[test]
fn on_a_terminal_it_asks_and_does_as_it_is_told() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox.deploy(&["--model", "model"]).succeeds();
    let Some(output) = teardown_on_a_terminal(&sandbox, "n\n") else {
        return;
    };
    let question = "Remove the model `btc` with version 1 from repo/btc? [y/N]";
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains(question), "{shown}");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(sandbox.list("repo/btc"), ["1", "current.json"]);
    let output = teardown_on_a_terminal(&sandbox, "y\n").unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(sandbox.list("repo"), [".btc.lock"]);
}

#[test]
fn a_dry_run_says_what_would_be_removed() {
    let sandbox = Sandbox::new();
    assert_eq!(
        teardown(&sandbox, &["--dry-run"]).stdout,
        "then does nothing: there is no repo/btc\n"
    );
    for bias in [0.1, 0.2] {
        sandbox.deploy_fixture(Fixture::with_bias(bias)).succeeds();
    }
    assert_eq!(
        teardown(&sandbox, &["--dry-run"]).stdout,
        "then removes the model `btc` with versions 1, 2 from repo/btc\n"
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
