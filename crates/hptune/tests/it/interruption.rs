//! Studies that are killed or cancelled.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
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
    let mut child = start(&workspace, &["--max-trial-count", "1000000"]);
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
            "error: hptune was cancelled by SIGTERM; outputs are as they were before, or \
             complete. Next step: run it again to finish"
        )
    );
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(!workspace.path("out").exists());
}
