//! SIGKILL at any moment, then a rerun: the same outputs, never a part of one, never a marker
//! beside half a folder, and no temporary file. On disk and on an emulator.

use std::process::Command;

use test_support::interruption::kill_at_moments;
use test_support::market::Market;
use test_support::place::{Files, Place};

use crate::harness::Workspace;

/// A place with raw data, and a folder for temporary files.
struct Runs {
    place: Place,
    workspace: Workspace,
}

impl Runs {
    fn on_disk() -> Self {
        let workspace = Workspace::new("");
        Self::new(Place::disk(&workspace.path("out")), workspace)
    }

    fn new(place: Place, workspace: Workspace) -> Self {
        let market = Market {
            days: 20_000,
            dirt: false,
            ..Market::default()
        };
        let table = market.table(1);
        place.put("raw", Files::from([("table.csv".to_owned(), table)]));
        Self { place, workspace }
    }

    /// `transform` from this place to this place, with little memory: temporary files are used.
    fn command(&self, flags: &[&str]) -> Command {
        let address = |name: &str| self.place.address(name);
        let mut command = self.workspace.program(
            &[
                &["--raw-data", &address("raw/"), "--memory-limit", "0"],
                &["--examples", &address("run/examples")][..],
                &["--report", &address("run/report.html")],
                flags,
            ]
            .concat(),
        );
        self.place.connect(&mut command);
        command
    }

    fn run(&self, flags: &[&str]) -> Files {
        let output = self.command(flags).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        self.files()
    }

    fn files(&self) -> Files {
        self.place.files("run")
    }
}

const FLAGS: [&str; 4] = ["--lag", "1", "--rolling-window", "30"];
const MARKER: &str = "examples/schema.json";

/// The outputs of an undisturbed run, once kills at many moments have been seen to change nothing.
fn undisturbed_by_kills(runs: &Runs, moments: u32) -> Files {
    // An earlier run with other flags leaves a complete folder, of other files too.
    let before = runs.run(&["--format", "csv"]);
    let expected = runs.run(&FLAGS);
    let start = |_| {
        runs.run(&["--format", "csv"]);
        runs.command(&FLAGS)
    };
    kill_at_moments(moments, start, |moment| {
        let left = runs.files();
        for (name, content) in &left {
            let whole = [&before, &expected].map(|files| files.get(name));
            assert!(whole.contains(&Some(content)), "{name} after kill {moment}");
        }
        match left.get(MARKER) {
            Some(marker) if *marker == expected[MARKER] => assert_eq!(left, expected),
            // The earlier folder, untouched but for the report, which is no part of it.
            Some(_) => assert!(left.keys().eq(before.keys()), "after kill {moment}"),
            None => {}
        }
        assert_eq!(runs.workspace.temporary_files(), 0);
        assert_eq!(runs.run(&FLAGS), expected, "run again after kill {moment}");
    });
    expected
}

#[test]
fn a_killed_run_leaves_nothing_half_and_its_rerun_the_same_files() {
    undisturbed_by_kills(&Runs::on_disk(), 12);
}

#[test]
fn so_does_a_run_on_an_emulator_and_its_files_are_those_on_disk() {
    let Some(bucket) = Place::bucket() else {
        return;
    };
    let remote = undisturbed_by_kills(&Runs::new(bucket, Workspace::new("")), 10);
    let local = Runs::on_disk().run(&FLAGS);
    assert_eq!(remote.len(), 8);
    assert!(remote == local, "the bytes differ");
}
