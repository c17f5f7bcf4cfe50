//! Studies that are killed or cancelled.

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::{Workspace, files};

fn start(workspace: &Workspace, flags: &[&str]) -> Child {
    let mut command = workspace.command("out", flags);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_study_started_again_gives_the_same_outputs() {
    let workspace = Workspace::new();
    workspace.succeed("whole", &[]);
    let whole = files(&workspace.path("whole"));
    for delay in [1, 20, 60, 120, 250, 500] {
        let mut child = start(&workspace, &[]);
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        if workspace.path("out/best.json").exists() {
            let out = files(&workspace.path("out"));
            assert_eq!(
                out, whole,
                "killed after {delay} ms: what is there is whole"
            );
        }
    }
    workspace.succeed("out", &[]);
    assert_eq!(files(&workspace.path("out")), whole);
}

#[test]
fn a_cancelled_study_fails_and_publishes_nothing() {
    let workspace = Workspace::new();
    // A study that would take hours.
    let child = start(&workspace, &["--max-trial-count", "1000000"]);
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
            "error: hptune was cancelled by SIGTERM; outputs are as they were before, or \
             complete. Next step: run it again to finish"
        )
    );
    assert!(!workspace.path("out").exists());
}
