//! Runs that are killed or cancelled.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Workspace, files};

// Long enough that a signal falls into the work.
const STEPS: [&str; 4] = ["--train-steps", "3000", "--patience", "0"];

fn start(workspace: &Workspace, flags: &[&str]) -> Child {
    let mut command = workspace.command("out", flags);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_run_started_again_gives_the_same_outputs() {
    let workspace = Workspace::new();
    workspace.succeed("whole", &STEPS);
    let whole = files(&workspace.path("whole"));
    for delay in [1, 20, 60, 120, 250, 500, 1000] {
        let mut child = start(&workspace, &STEPS);
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        if workspace.path("out/model/model.onnx").exists() {
            let marked = files(&workspace.path("out"));
            assert_eq!(
                marked, whole,
                "killed after {delay} ms: a marked model is whole"
            );
        }
    }
    workspace.succeed("out", &STEPS);
    assert_eq!(files(&workspace.path("out")), whole);
}

#[test]
fn a_cancelled_run_fails_and_publishes_nothing() {
    let workspace = Workspace::new();
    // A run that would take minutes.
    let mut child = start(
        &workspace,
        &["--train-steps", "100000000", "--patience", "0"],
    );
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    lines
        .find(|line| line.contains("examples read"))
        .expect("the work begins");
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
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
