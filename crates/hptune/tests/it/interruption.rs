//! Studies that are killed or cancelled.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use test_support::interruption::{kill, outlive_kills, signal};
use test_support::place::Place;

use crate::Workspace;

fn start(workspace: &Workspace, flags: &[&str]) -> Child {
    let mut command = workspace.command("out", flags);
    command.stdout(Stdio::null()).spawn().unwrap()
}

/// Studies from this place to this place, with a journal that a killed one leaves to the next.
fn outlives_kills(place: &Place) {
    let workspace = Workspace::new();
    place.put("examples", workspace.files("examples"));
    let examples = place.address("examples");
    outlive_kills(place, 10, "best.json", |folder| {
        let to = place.address(folder);
        let journal = place.address(&format!("journal-{folder}.json"));
        let flags = ["--examples", &examples, "--journal", &journal];
        let mut command = workspace.command(&to, &flags);
        place.connect(&mut command);
        command
    });
}

#[test]
fn a_killed_study_leaves_nothing_half_and_its_rerun_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    outlives_kills(&Place::disk(folder.path()));
}

#[test]
fn so_does_a_study_on_an_emulator() {
    if let Some(place) = Place::bucket() {
        outlives_kills(&place);
    }
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
    kill(&mut child);
    let before = workspace.json("journal.json");
    let finished = before["trials"].as_array().unwrap().len();
    assert!((1..30).contains(&finished), "{finished}");

    // Another number of workers, to the same end.
    let flags = [&journal[..], &["--parallel-trial-count", "1"]].concat();
    workspace.succeed("out", &flags);
    assert_eq!(workspace.files("out"), workspace.files("whole"));
    let after = workspace.json("journal.json");
    assert_eq!(after["trials"].as_array().unwrap().len(), 30);
    // What was finished is told from the journal: a changed result there is believed.
    let changed = std::fs::read_to_string(workspace.path("journal.json")).unwrap();
    let value = &after["trials"][0]["finalMeasurement"]["metrics"][0]["value"];
    let changed = changed.replace(&format!("\"value\": {value}"), "\"value\": 0.125");
    workspace.write("journal.json", &changed);
    let log = workspace.run("again", &journal).stderr;
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
    signal(&child, "TERM");
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
