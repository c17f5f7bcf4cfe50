//! What is served, told.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::process::{Sandbox, TARGET};

fn status(sandbox: &Sandbox, more: &[&str]) -> Value {
    let run = sandbox.run(&[&["status"], &TARGET[..], more].concat());
    run.outputs()
}

#[test]
fn a_model_that_was_never_deployed_is_not_served() {
    assert_eq!(
        status(&Sandbox::new(), &[]),
        json!({
            "model_name": "btc",
            "served": null,
            "canary": null,
            "is_confirmed": true,
            "rollback_to": null,
            "versions": [],
        })
    );
}

#[test]
fn the_served_version_is_told_with_its_worth() {
    let sandbox = Sandbox::new();
    sandbox.deploy_fixture(Fixture::with_bias(0.1)).succeeds();
    sandbox.deploy_fixture(Fixture::with_bias(0.2)).succeeds();
    let status = status(&sandbox, &[]);
    assert_eq!(status["versions"], json!([1, 2]));
    assert_eq!(status["rollback_to"], 1);
    let served = &status["served"];
    assert_eq!(served["model_version"], 2);
    assert_eq!(served["test"]["model"]["root_mean_squared_error"], 220.0);
    assert_eq!(served["unit"], "USD");
    assert_eq!(served["files"].as_array().map(Vec::len), Some(3));
    for time in ["installed", "served_since"] {
        let time = served[time].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    }
}

#[test]
fn a_running_server_is_asked() {
    let sandbox = Sandbox::new();
    sandbox.deploy_fixture(Fixture::default()).succeeds();
    let server = sandbox.serve(&TARGET);
    let endpoint = format!("http://{}", server.address);
    let found = status(&sandbox, &["--endpoint", &endpoint]);
    assert_eq!(
        found["server"],
        json!({
            "url": format!("{endpoint}/predict"),
            "ready": true,
            "model_name": "btc",
            "model_version": "1",
        })
    );
    drop(server);
    let found = status(&sandbox, &["--endpoint", &endpoint]);
    assert_eq!(found["server"]["ready"], false);
}
