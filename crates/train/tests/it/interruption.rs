//! Runs that are killed or cancelled.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use test_support::interruption::{outlive_kills, signal};
use test_support::place::Place;

use crate::Workspace;

/// Runs from this place to this place, long enough that kills fall into the training; where it is
/// kept on the way, a run goes on from there.
fn outlives_kills(place: &Place, is_kept: bool) {
    let workspace = Workspace::new();
    place.put("examples", workspace.files("examples"));
    let examples = place.address("examples");
    outlive_kills(place, 10, "model/model.onnx", |folder| {
        let kept = place.address(&format!("kept/{folder}"));
        let mut flags = vec!["--examples", &examples, "--train-steps", "3000"];
        if is_kept {
            flags.extend(["--checkpoint-dir", &kept, "--checkpoint-steps", "200"]);
            // Rows on disk are read again where they were.
            flags.extend(["--memory-limit", "0"]);
        }
        let mut command = workspace.command(&place.address(folder), &flags);
        place.connect(&mut command);
        command
    });
}

#[test]
fn a_killed_run_leaves_nothing_half_and_its_rerun_the_same_files() {
    for is_kept in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        outlives_kills(&Place::disk(folder.path()), is_kept);
    }
}

#[test]
fn so_does_a_run_on_an_emulator() {
    for is_kept in [false, true] {
        if let Some(place) = Place::bucket() {
            outlives_kills(&place, is_kept);
        }
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

#[test]
fn a_cancelled_run_that_is_kept_goes_on_to_the_same_bytes() {
    let workspace = Workspace::new();
    let flags = ["--train-steps", "60000", "--checkpoint-dir", "kept"];
    let mut command = workspace.command("out", &flags);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let kept = workspace.path("kept/training.checkpoint");
    while !kept.exists() {
        assert_eq!(child.try_wait().unwrap(), None, "it is still at work");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let again = workspace.run("out", &flags);
    assert!(
        again
            .stderr
            .contains("going on from kept/training.checkpoint at step "),
        "{}",
        again.stderr
    );
    assert!(!kept.exists(), "a run that is over keeps nothing");
    workspace.succeed("whole", &flags[..2]);
    assert_eq!(workspace.files("out"), workspace.files("whole"));
}

#[test]
fn what_was_kept_of_another_run_is_not_used() {
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path("kept")).unwrap();
    std::fs::write(workspace.path("kept/training.checkpoint"), [7; 100]).unwrap();
    let flags = ["--train-steps", "50", "--checkpoint-dir", "kept"];
    let run = workspace.run("out", &flags);
    let warning = "kept/training.checkpoint is of a run with other data, options or another \
                   version: training begins anew";
    assert!(run.stderr.contains(warning), "{}", run.stderr);
    workspace.succeed("whole", &flags[..2]);
    assert_eq!(workspace.files("out"), workspace.files("whole"));
}
