//! Models that are not valid, and stores that cannot be read. Whatever it is, what is served
//! stays.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::process::{Run, Sandbox, TARGET, snapshot};

const RETRAIN: &str = "Next step: run 'train' again and deploy the folder it writes, unchanged";

/// Deploys a good model, then a damaged copy of another one.
fn deploy_damaged(damage: impl FnOnce(&Sandbox)) -> Run {
    let sandbox = Sandbox::new();
    sandbox.deploy_fixture(Fixture::default()).succeeds();
    let before = snapshot(&sandbox.path("repo"));
    Fixture::with_bias(0.7).write(&sandbox.path("model"));
    damage(&sandbox);
    let run = sandbox.deploy(&["--model", "model"]);
    assert_eq!(snapshot(&sandbox.path("repo")), before);
    run
}

fn edit(sandbox: &Sandbox, name: &str, change: impl FnOnce(&mut Value)) {
    let path = format!("model/{name}");
    let mut document = sandbox.json(&path);
    change(&mut document);
    fs::write(sandbox.path(&path), document.to_string()).unwrap();
}

#[test]
fn a_folder_without_a_model_is_refused() {
    let run = deploy_damaged(|sandbox| {
        fs::remove_file(sandbox.path("model/model.onnx")).unwrap();
    });
    run.fails(
        1,
        "error: cannot read the model model: model/model.onnx does not exist. Next step: give \
         the folder that 'train' wrote; its model.onnx is written last, so without it the \
         training did not finish",
    );
}

#[test]
fn a_corrupt_model_is_refused() {
    let run = deploy_damaged(|sandbox| {
        fs::write(sandbox.path("model/model.onnx"), "not a model").unwrap();
    });
    let line = run.last_line().to_owned();
    let start = "error: the model model is not valid: model.onnx cannot be loaded: ";
    assert!(line.starts_with(start) && line.ends_with(RETRAIN), "{line}");
    run.fails(1, &line);
}

#[test]
fn golden_rows_of_other_inputs_are_refused() {
    deploy_damaged(|sandbox| {
        edit(sandbox, "golden.json", |golden| {
            golden["inputs"] = json!(["open", "low", "high"]);
        });
    })
    .fails(
        1,
        &format!(
            "error: the model model is not valid: golden.json has the inputs [open, low, high], \
             the model takes [open, high, low]. {RETRAIN}"
        ),
    );
}

#[test]
fn a_model_that_does_not_reproduce_its_golden_rows_is_refused() {
    deploy_damaged(|sandbox| {
        edit(sandbox, "golden.json", |golden| {
            golden["predictions"][1] = json!(5000.0);
        });
    })
    .fails(
        1,
        &format!(
            "error: the model model is not valid: the model does not reproduce its own \
             predictions: golden row 1 predicts 5035.388671875, golden.json says 5000 \
             (relative tolerance 0.00001). {RETRAIN}"
        ),
    );
}

#[test]
fn golden_rows_that_prove_nothing_are_refused() {
    deploy_damaged(|sandbox| {
        edit(sandbox, "golden.json", |golden| {
            golden["instances"] = json!([]);
            golden["predictions"] = json!([]);
        });
    })
    .fails(
        1,
        &format!(
            "error: the model model is not valid: golden.json proves nothing: it has 0 rows and \
             0 predictions. {RETRAIN}"
        ),
    );
    deploy_damaged(|sandbox| {
        edit(sandbox, "golden.json", |golden| {
            golden["relative_tolerance"] = json!(0.5);
        });
    })
    .fails(
        1,
        &format!(
            "error: the model model is not valid: golden.json proves nothing: its relative \
             tolerance is 0.5, not above 0 and at most 0.01. {RETRAIN}"
        ),
    );
}

#[test]
fn a_golden_row_that_cannot_be_predicted_is_refused() {
    deploy_damaged(|sandbox| {
        edit(sandbox, "golden.json", |golden| {
            golden["instances"][2][0] = json!(0.0);
        });
    })
    .fails(
        1,
        &format!(
            "error: the model model is not valid: golden row 2 cannot be predicted: `open` is 0; \
             it must be above 0. {RETRAIN}"
        ),
    );
}

#[test]
fn metrics_of_another_model_are_refused() {
    deploy_damaged(|sandbox| {
        edit(sandbox, "metrics.json", |metrics| {
            metrics["test"]["model"]["root_mean_squared_error"] = json!(1.0);
        });
    })
    .fails(
        1,
        &format!(
            "error: the model model is not valid: metrics.json is not the record inside \
             model.onnx: the folder mixes files of two models. {RETRAIN}"
        ),
    );
}

#[test]
fn a_document_of_another_version_is_refused() {
    deploy_damaged(|sandbox| {
        edit(sandbox, "golden.json", |golden| {
            golden["version"] = json!(2);
        });
    })
    .fails(
        1,
        &format!(
            "error: the model model is not valid: golden.json has format version 2, this build \
             reads version 1. {RETRAIN}"
        ),
    );
}

#[test]
fn an_unreadable_pointer_is_refused() {
    let sandbox = Sandbox::with_model(Fixture::default());
    fs::create_dir_all(sandbox.path("repo/btc")).unwrap();
    fs::write(sandbox.path("repo/btc/current.json"), "3").unwrap();
    sandbox.deploy(&["--model", "model"]).fails(
        1,
        "error: cannot tell which version is served from repo/btc: current.json is not valid: \
         invalid type: integer `3`, expected struct Pointer at line 1 column 1. Next step: \
         restore current.json from a copy, or remove it and deploy the model again",
    );
}

#[test]
fn a_lost_pointer_loses_no_version() {
    let sandbox = Sandbox::new();
    for bias in [0.1, 0.2] {
        sandbox.deploy_fixture(Fixture::with_bias(bias)).succeeds();
    }
    fs::remove_file(sandbox.path("repo/btc/current.json")).unwrap();
    let run = sandbox.deploy_fixture(Fixture::with_bias(0.3));
    assert_eq!(run.succeeds()["model_version"], "3");
    assert_eq!(
        sandbox.pointer(),
        json!({"model_version": 3, "history": [3, 2, 1], "last_version": 3})
    );
}

#[test]
fn a_repository_that_is_a_file_is_refused() {
    let sandbox = Sandbox::with_model(Fixture::default());
    fs::write(sandbox.path("repo"), "").unwrap();
    sandbox.deploy(&["--model", "model"]).fails(
        1,
        "error: cannot create repo: File exists (os error 17). Next step: make the directory \
         readable and writable for the user this runs as",
    );
}

#[test]
fn an_unreadable_repository_is_refused() {
    let sandbox = Sandbox::with_model(Fixture::default());
    sandbox.deploy(&["--model", "model"]).succeeds();
    // A folder where a file should be fails for every user, root too; permissions do not.
    fs::remove_file(sandbox.path("repo/btc/current.json")).unwrap();
    fs::create_dir(sandbox.path("repo/btc/current.json")).unwrap();
    sandbox.deploy(&["--model", "model"]).fails(
        1,
        "error: cannot read repo/btc/current.json: Is a directory (os error 21). Next step: \
         make the directory readable and writable for the user this runs as",
    );
}

#[test]
fn a_repository_without_permission_is_refused() {
    let sandbox = Sandbox::with_model(Fixture::default());
    let repo = sandbox.path("repo");
    fs::create_dir(&repo).unwrap();
    fs::set_permissions(&repo, fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = sandbox.unprivileged([&TARGET[..], &["--model", "model"]].concat());
    Run::of(command.output().unwrap()).fails(
        1,
        "error: cannot lock repo/.btc.lock: Permission denied (os error 13). Next step: make \
         the directory readable and writable for the user this runs as",
    );
}
