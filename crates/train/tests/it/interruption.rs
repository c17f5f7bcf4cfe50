//! Runs that are killed or cancelled.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use test_support::interruption::{outlive_kills, signal};
use test_support::place::Place;

use crate::Workspace;

/// Runs from this place to this place, long enough that kills fall into the training.
fn outlives_kills(place: &Place) {
    let workspace = Workspace::new();
    place.put("examples", workspace.files("examples"));
    let examples = place.address("examples");
    outlive_kills(place, 10, "model/model.onnx", |folder| {
        let flags = [
            "--examples",
            &examples,
            "--train-steps",
            "3000",
            "--patience",
            "0",
        ];
        let mut command = workspace.command(&place.address(folder), &flags);
        place.connect(&mut command);
        command
    });
}

#[test]
fn a_killed_run_leaves_nothing_half_and_its_rerun_the_same_files() {
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
fn a_cancelled_run_fails_and_publishes_nothing() {
    let workspace = Workspace::new();
    // A run that would take minutes.
    let mut command = workspace.command("out", &["--train-steps", "100000000", "--patience", "0"]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    lines
        .find(|line| line.contains("examples read"))
        .expect("the work begins");
    signal(&child, "TERM");
    assert_eq!(
        lines.last().as_deref(),
        Some(
            "error: train was cancelled by SIGTERM; outputs are as they were before, or \
             complete. Next step: run it again to finish"
        )
    );
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(!workspace.path("out").exists());
}
