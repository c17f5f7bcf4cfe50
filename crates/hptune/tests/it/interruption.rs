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

/// Numbers of the trials a log tells of as they end.
fn trials(log: &str) -> Vec<usize> {
    let ends = log.lines().filter_map(|line| {
        let (_, rest) = line.split_once("trial ")?;
        rest.split_once('/')?.0.parse().ok()
    });
    let mut numbers: Vec<usize> = ends.collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_study_with_a_journal_goes_on_and_repeats_no_finished_trial() {
    let workspace = Workspace::new();
    let journal = ["--journal", "journal.json", "--max-trial-count", "30"];
    workspace.succeed("whole", &["--max-trial-count", "30"]);
    let mut child = start(&workspace, &journal);
    while !workspace.path("journal.json").exists() {
        std::thread::sleep(Duration::from_millis(1));
        assert!(
            child.try_wait().unwrap().is_none(),
            "it outlives its first trial"
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = workspace.json("journal.json");
    let finished = before["trials"].as_array().unwrap().len();
    assert!((1..30).contains(&finished), "{finished}");

    // Another number of workers, to the same end.
    let flags = [&journal[..], &["--parallel-trial-count", "1"]].concat();
    workspace.succeed("out", &flags);
    assert_eq!(
        files(&workspace.path("out")),
        files(&workspace.path("whole"))
    );
    let after = workspace.json("journal.json");
    assert_eq!(after["trials"].as_array().unwrap().len(), 30);
    // What was finished is told from the journal: a changed result there is believed.
    let changed = std::fs::read_to_string(workspace.path("journal.json")).unwrap();
    let value = &after["trials"][0]["finalMeasurement"]["metrics"][0]["value"];
    let changed = changed.replace(&format!("\"value\": {value}"), "\"value\": 0.125");
    workspace.write("journal.json", &changed);
    let output = workspace.run("again", &journal);
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(trials(&log)[0], 1, "{log}");
    assert_eq!(workspace.json("again/best.json")["metric_value"], 0.125);
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
