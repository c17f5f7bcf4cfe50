//! Runs that are killed or cancelled.

use std::process::{Child, Stdio};
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
    let child = start(
        &workspace,
        &["--train-steps", "100000000", "--patience", "0"],
    );
    std::thread::sleep(Duration::from_millis(300));
    let pid = child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr.lines().last(),
        Some(
            "error: train was cancelled by SIGTERM; outputs are as they were before, or \
             complete. Next step: run it again to finish"
        )
    );
    assert!(!workspace.path("out").exists());
}
