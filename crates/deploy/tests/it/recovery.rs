//! Checks that fail, and runs that are killed: the served version always loads, and the same run
//! again ends as if nothing had happened.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};

use serde_json::{Value, json};
use test_support::interruption::{kill, kill_at_moments, signal};
use test_support::place::Place;

use crate::fixture::Fixture;
use crate::process::{FileFacts, Sandbox, TARGET, snapshot};

/// A sandbox that serves version 1, with another model to deploy.
fn served_and_next() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deploy_fixture(Fixture::with_bias(0.1)).succeeds();
    Fixture::with_bias(0.2).write(&sandbox.path("model"));
    sandbox
}

/// What a deployment that nothing disturbed leaves: pointer, versions, record.
fn undisturbed(flags: &[&str]) -> Vec<FileFacts> {
    let sandbox = served_and_next();
    sandbox.deploy(flags).succeeds();
    snapshot(&sandbox.path("repo"))
}

/// Serves the pointer's version: fails unless it loads.
fn assert_served_version_loads(sandbox: &Sandbox) -> String {
    let server = sandbox.serve(&TARGET);
    let response = server.predict(r#"{"instances": [[100, 110, 90]]}"#);
    assert_eq!(response.status, 200);
    response.header("x-model-version").unwrap().to_owned()
}

const DEPLOY: [&str; 4] = ["--model", "model", "--deployment", "repo/deployment.json"];

/// Flags of a deployment that checks at this endpoint, once.
fn checked_at(endpoint: &str) -> [&str; 6] {
    [
        "--model",
        "model",
        "--check-timeout",
        "0",
        "--endpoint",
        endpoint,
    ]
}

/// A deployment that waits for a server which takes the connection and never answers.
fn waiting(sandbox: &Sandbox) -> (Child, TcpStream) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/predict", silent.local_addr().unwrap());
    let flags = [&TARGET[..], &DEPLOY, &["--endpoint", &endpoint]].concat();
    let child = sandbox.command(&flags).spawn().unwrap();
    (child, silent.accept().unwrap().0)
}

#[test]
fn a_server_that_does_not_answer_undoes_the_switch() {
    let sandbox = served_and_next();
    let before = sandbox.pointer();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/predict", free.local_addr().unwrap());
    drop(free);
    let run = sandbox.deploy(&checked_at(&endpoint));
    let line = run.last_line().to_owned();
    let start = format!(
        "error: version 2 of `btc` failed its check over HTTP, version 1 is served again: \
         {endpoint} did not answer within 0 s: error sending request: "
    );
    let end = "Next step: check that --endpoint is the predict address of a 'deploy serve' that \
               follows this repository and model name";
    assert!(line.starts_with(&start) && line.ends_with(end), "{line}");
    run.fails(1, &line);
    let mut expected = before;
    expected["last_version"] = json!(2);
    assert_eq!(sandbox.pointer(), expected);
    assert_eq!(assert_served_version_loads(&sandbox), "1");
    // The number is not given to other bytes, and the same bytes have it still.
    assert_eq!(
        sandbox.deploy(&["--model", "model"]).succeeds()["model_version"],
        "2"
    );
}

#[test]
fn a_server_of_another_model_undoes_the_switch() {
    let sandbox = served_and_next();
    let server = sandbox.serve(&["--model", "model", "--model-name", "eth"]);
    let endpoint = format!("http://{}/predict", server.address);
    sandbox.deploy(&checked_at(&endpoint)).fails(
        1,
        &format!(
            "error: version 2 of `btc` failed its check over HTTP, version 1 is served again: \
             {endpoint} still answers from `eth` without a version after 0 s, not from version \
             2 of `btc`. Next step: check that --endpoint is the predict address of a 'deploy \
             serve' that follows this repository and model name"
        ),
    );
}

#[test]
fn an_answer_that_is_no_prediction_undoes_the_first_deployment() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let server = sandbox.serve(&["--model", "model"]);
    let endpoint = format!("http://{}/elsewhere", server.address);
    sandbox.deploy(&checked_at(&endpoint)).fails(
        1,
        &format!(
            "error: version 1 of `btc` failed its check over HTTP, no version is served: \
             {endpoint} answers 404 Not Found: {{\"error\":\"there is nothing at /elsewhere; \
             predictions are at /predict\"}}. Next step: read the server's log; it may be of \
             another build than this one"
        ),
    );
    assert_eq!(sandbox.pointer(), json!({"history": [], "last_version": 1}));
}

#[test]
fn a_failing_check_of_what_was_served_already_changes_nothing() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox.deploy(&["--model", "model"]).succeeds();
    let before = snapshot(&sandbox.path("repo"));
    let other = sandbox.serve(&["--model", "model", "--model-name", "eth"]);
    let endpoint = format!("http://{}/predict", other.address);
    let run = sandbox.deploy(&checked_at(&endpoint));
    assert!(
        run.last_line().starts_with(
            "error: version 1 of `btc` failed its check over HTTP, it was served before this \
             run and still is: "
        ),
        "{}",
        run.last_line()
    );
    assert_eq!(snapshot(&sandbox.path("repo")), before);
}

#[test]
fn a_run_killed_while_it_waits_for_the_server_is_resumed() {
    let expected = undisturbed(&DEPLOY);
    let sandbox = served_and_next();
    let (mut child, _connection) = waiting(&sandbox);
    kill(&mut child);
    assert_eq!(
        sandbox.pointer(),
        json!({
            "model_version": 2,
            "history": [2, 1],
            "last_version": 2,
            "unconfirmed": {"model_version": 1, "history": [1]},
        })
    );
    assert_eq!(assert_served_version_loads(&sandbox), "2");
    sandbox.deploy(&DEPLOY).succeeds();
    assert_eq!(snapshot(&sandbox.path("repo")), expected);
}

#[test]
fn a_run_that_is_cancelled_undoes_its_switch() {
    let sandbox = served_and_next();
    let (child, _connection) = waiting(&sandbox);
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap().lines().last(),
        Some(
            "error: deploy was cancelled by SIGTERM; outputs are as they were before, or \
             complete. Next step: run it again to finish"
        )
    );
    assert_eq!(
        sandbox.pointer(),
        json!({"model_version": 1, "history": [1], "last_version": 2})
    );
}

#[test]
fn left_overs_of_killed_runs_are_used_or_replaced() {
    let expected = undisturbed(&DEPLOY);
    let sandbox = served_and_next();
    // Killed while it wrote the version, and after it was complete.
    fs::create_dir(sandbox.path("repo/btc/.incoming")).unwrap();
    fs::write(sandbox.path("repo/btc/.incoming/model.onnx"), "half").unwrap();
    fs::write(sandbox.path("repo/btc/current.next"), "half").unwrap();
    sandbox.deploy(&DEPLOY).succeeds();
    assert_eq!(snapshot(&sandbox.path("repo")), expected);
    let sandbox = served_and_next();
    fs::create_dir(sandbox.path("repo/btc/2")).unwrap();
    for name in sandbox.list("model") {
        let from = sandbox.path(&format!("model/{name}"));
        fs::copy(from, sandbox.path(&format!("repo/btc/2/{name}"))).unwrap();
    }
    sandbox.deploy(&DEPLOY).succeeds();
    assert_eq!(snapshot(&sandbox.path("repo")), expected);
}

/// Deployments of a model at this place, with the record written there, each into a repository on
/// disk that serves another version.
fn outlives_kills(place: &Place) {
    const MOMENTS: u32 = 20;
    let sandboxes: Vec<Sandbox> = (0..=MOMENTS).map(|_| served_and_next()).collect();
    let sandbox = |n: u32| &sandboxes[n as usize];
    let folder = |n: u32| format!("run-{n}");
    place.put("model", sandbox(0).files("model"));
    let command = |n: u32| -> Command {
        let record = place.address(&format!("{}/deployment.json", folder(n)));
        let model = place.address("model");
        let flags = ["--model", &model, "--deployment", &record];
        let mut command = sandbox(n).command([&TARGET[..], &flags].concat());
        place.connect(&mut command);
        command
    };
    let left = |n: u32| (snapshot(&sandbox(n).path("repo")), place.files(&folder(n)));
    kill_at_moments(MOMENTS, command, |n| {
        let undisturbed = left(0);
        assert_served_version_loads(sandbox(n));
        let record = place.files(&folder(n));
        assert!(
            record.is_empty() || record == undisturbed.1,
            "after kill {n}"
        );
        assert!(command(n).output().unwrap().status.success());
        assert_eq!(left(n), undisturbed, "run again after kill {n}");
    });
    assert_eq!(left(0).1.len(), 1, "the record is there");
}

#[test]
fn a_run_killed_at_any_moment_ends_the_same_when_repeated() {
    let folder = tempfile::tempdir().unwrap();
    outlives_kills(&Place::disk(folder.path()));
}

#[test]
fn so_does_a_run_on_an_emulator() {
    if let Some(place) = Place::bucket() {
        outlives_kills(&place);
    }
}

#[test]
fn a_run_waits_for_the_lock_only_so_long() {
    let sandbox = served_and_next();
    let lock = fs::File::open(sandbox.path("repo/.btc.lock")).unwrap();
    lock.lock().unwrap();
    sandbox
        .deploy(&["--model", "model", "--lock-timeout", "0"])
        .fails(
            1,
            "error: another deployment of `btc` did not finish within 0 s. Next step: wait for \
             it to end, or raise --lock-timeout",
        );
    lock.unlock().unwrap();
    let outputs: Value = sandbox.deploy(&["--model", "model"]).succeeds();
    assert_eq!(outputs["model_version"], "2");
}
