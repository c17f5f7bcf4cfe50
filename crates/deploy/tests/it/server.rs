//! The server's life: start, switches while it runs, stop.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use crate::fixture::Fixture;
use crate::http::{self, bare, post};
use crate::process::{Run, Sandbox, Server, TARGET};

const ROW: &str = r#"{"instances": [[100, 110, 90]]}"#;

fn serving(sandbox: &Sandbox) -> Server {
    sandbox.serve(&TARGET)
}

fn version(server: &Server) -> Option<String> {
    let response = server.predict(ROW);
    response.header("x-model-version").map(str::to_owned)
}

#[test]
fn a_running_server_follows_deployments_and_rollbacks() {
    let sandbox = Sandbox::with_model(Fixture::with_bias(0.1));
    sandbox.deploy(&["--model", "model"]).succeeds();
    let server = serving(&sandbox);
    assert_eq!(version(&server).as_deref(), Some("1"));
    let endpoint = format!("http://{}", server.address);
    Fixture::with_bias(0.2).write(&sandbox.path("model"));
    let outputs = sandbox
        .deploy(&["--model", "model", "--endpoint", &endpoint])
        .succeeds();
    assert_eq!(outputs["served_endpoint"], format!("{endpoint}/predict"));
    assert_eq!(version(&server).as_deref(), Some("2"));
    sandbox
        .deploy(&["--rollback", "--endpoint", &endpoint])
        .succeeds();
    assert_eq!(version(&server).as_deref(), Some("1"));
}

#[test]
fn no_request_fails_or_mixes_versions_while_they_are_switched() {
    let sandbox = Sandbox::with_model(bias_of(1));
    sandbox.deploy(&["--model", "model"]).succeeds();
    let server = serving(&sandbox);
    let server_address = server.address.clone();
    let endpoint = format!("http://{server_address}");
    let request = post("/predict", "application/json", ROW.as_bytes());
    let done = AtomicBool::new(false);
    let (begun, has_begun) = mpsc::channel();
    let (seen, runs) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            // Dropped when this thread ends, so that nobody waits for one that failed.
            let begun = begun;
            let mut seen = BTreeSet::new();
            loop {
                // One more request after the last switch.
                let is_last = done.load(Ordering::SeqCst);
                let response = http::send(&server_address, &request);
                assert_eq!(response.status, 200, "{}", response.body);
                let version: u16 = response.header("x-model-version").unwrap().parse().unwrap();
                let prediction = response.json()["predictions"][0].as_f64().unwrap();
                let expected = 100.0 * f64::from(bias_of(version).bias).exp();
                assert!((prediction / expected - 1.0).abs() < 1e-5, "{version}");
                if seen.insert(version) && seen.len() == 1 {
                    begun.send(()).unwrap();
                }
                if is_last {
                    break seen;
                }
            }
        });
        has_begun.recv().unwrap();
        // Nothing may fail before the other thread is told to end.
        let runs: Vec<Run> = (2..=5)
            .map(|version| {
                bias_of(version).write(&sandbox.path("model"));
                sandbox.deploy(&["--model", "model", "--endpoint", &endpoint])
            })
            .collect();
        done.store(true, Ordering::SeqCst);
        (asking.join().unwrap(), runs)
    });
    for run in runs {
        run.succeeds();
    }
    assert!(seen.contains(&1) && seen.contains(&5), "{seen:?}");
}

/// The model that is version `version` of a repository filled in order.
fn bias_of(version: u16) -> Fixture {
    Fixture::with_bias(f32::from(version) / 10.0)
}

#[test]
fn a_version_that_cannot_be_loaded_leaves_the_one_before_in_place() {
    let sandbox = Sandbox::with_model(Fixture::with_bias(0.1));
    sandbox.deploy(&["--model", "model"]).succeeds();
    let server = serving(&sandbox);
    let changed = sandbox
        .text("repo/btc/current.json")
        .replace("\"model_version\": 1", "\"model_version\": 9");
    // As a deployment does it: the server must not see half a file.
    fs::write(sandbox.path("changed.json"), changed).unwrap();
    let pointer = sandbox.path("repo/btc/current.json");
    fs::rename(sandbox.path("changed.json"), pointer).unwrap();
    let said = server.wait_for("still serving");
    assert_eq!(
        said["message"],
        "still serving version 1 of `btc`: cannot read the model repo/btc/9: cannot read \
         repo/btc/9/model.onnx: No such file or directory (os error 2)"
    );
    assert_eq!(version(&server).as_deref(), Some("1"));
}

#[test]
fn a_model_taken_down_is_served_no_more_until_it_is_deployed_again() {
    let sandbox = Sandbox::with_model(Fixture::with_bias(0.1));
    sandbox.deploy(&["--model", "model"]).succeeds();
    let server = serving(&sandbox);
    sandbox
        .run(&[&["teardown", "--yes"], &TARGET[..]].concat())
        .succeeds();
    server.wait_for("`btc` was taken down");
    let expected = r#"{"error":"no version of `btc` is served at the moment"}"#;
    assert_eq!(server.predict(ROW).parts(), (503, expected));
    let health = http::send(&server.address, &bare("GET", "/health"));
    assert_eq!(health.parts(), (503, expected));
    sandbox.deploy(&["--model", "model"]).succeeds();
    server.wait_for("serving version 1 of `btc` now");
    assert_eq!(version(&server).as_deref(), Some("1"));
}

#[test]
fn a_stopped_server_finishes_its_requests_and_exits_with_success() {
    let sandbox = Sandbox::with_model(Fixture::default());
    for signal in ["TERM", "INT"] {
        let mut server = sandbox.serve(&["--model", "model"]);
        let mut stream = http::begin_predict(&server.address, ROW.len());
        server.signal(signal);
        server.wait_for(&format!("SIG{signal} received"));
        stream.write_all(ROW.as_bytes()).unwrap();
        assert_eq!(http::read(&mut stream).status, 200);
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn a_request_that_never_ends_does_not_hold_the_server_and_is_no_success() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let mut server = sandbox.serve(&["--model", "model", "--drain-timeout", "0"]);
    let _unfinished = http::begin_predict(&server.address, ROW.len());
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(143));
    server.wait_for("1 connections had unfinished requests 0 s after the stop");
    assert_eq!(
        server.last_line(),
        "error: deploy was cancelled by SIGTERM; outputs are as they were before, or complete. \
         Next step: run it again to finish"
    );
}

#[test]
fn a_server_without_a_model_does_not_start() {
    let sandbox = Sandbox::new();
    let serve = ["serve", "--port", "0"];
    sandbox.run(&serve).fails(
        2,
        "error: there is no model to serve: neither --model, --model-repository nor \
         AIP_STORAGE_URI. Next step: give --model DIR, or --model-repository DIR with \
         --model-name NAME",
    );
    sandbox.run(&[&serve[..], &TARGET[..]].concat()).fails(
        1,
        "error: no version of `btc` is served from repo/btc. Next step: deploy a model first: \
         deploy --model DIR --model-repository DIR --model-name NAME",
    );
    sandbox.run(&[&serve[..], &["--model", "gone"]].concat()).fails(
        1,
        "error: cannot read the model gone: gone/model.onnx does not exist. Next step: give the \
         folder that 'train' wrote; its model.onnx is written last, so without it the training \
         did not finish",
    );
}

#[test]
fn a_server_refuses_a_model_that_is_not_valid() {
    let sandbox = Sandbox::with_model(Fixture::default());
    Fixture::with_bias(0.9).write(&sandbox.path("other"));
    fs::copy(
        sandbox.path("other/golden.json"),
        sandbox.path("model/golden.json"),
    )
    .unwrap();
    let run = sandbox.run(&["serve", "--port", "0", "--model", "model"]);
    let start = "error: the model model is not valid: the model does not reproduce its own \
                 predictions: golden row 0 predicts 164.872";
    assert!(run.last_line().starts_with(start), "{}", run.last_line());
    assert!(
        run.last_line().ends_with(
            "(relative tolerance 0.00001). Next step: run 'train' again and deploy the folder it \
             writes, unchanged"
        ),
        "{}",
        run.last_line()
    );
    assert_eq!(run.code, Some(1));
}

#[test]
fn a_taken_port_is_said() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let port = address.port().to_string();
    sandbox
        .run(&[
            "serve",
            "--model",
            "model",
            "--host",
            "127.0.0.1",
            "--port",
            &port,
        ])
        .fails(
            1,
            &format!(
                "error: cannot listen on {address}: Address already in use (os error 98). \
                 Next step: choose another --port, or 0 for a free one"
            ),
        );
}
