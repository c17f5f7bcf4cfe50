//! SIGKILL at any moment, then a rerun: the same outputs, never a part of one, never a marker
//! beside half a folder, and no temporary file. On disk and on an emulator.

use std::collections::BTreeMap;
use std::process::Command;

use storage::{BucketOptions, GcsOptions, PutOptions, Storage, Uri};
use test_support::emulator::Emulator;
use test_support::interruption::kill_at_moments;
use test_support::market::Market;
use tokio::runtime::Runtime;

use crate::harness::Workspace;

type Files = BTreeMap<String, Vec<u8>>;

/// Where a run's input and outputs are.
struct Place {
    workspace: Workspace,
    storage: Storage,
    runtime: Runtime,
    emulator: Option<Emulator>,
    folder: Uri,
}

impl Place {
    fn new(emulator: Option<Emulator>) -> Self {
        let market = Market {
            days: 20_000,
            dirt: false,
            ..Market::default()
        };
        let workspace = Workspace::new(market.table(1));
        let (storage, folder) = match &emulator {
            Some(emulator) => (
                Storage::with_gcs(GcsOptions::emulator(emulator.address())),
                "gs://bucket".parse().unwrap(),
            ),
            None => (Storage::memory(), Uri::local(workspace.path("out"))),
        };
        let place = Self {
            workspace,
            storage,
            runtime: Runtime::new().unwrap(),
            emulator,
            folder,
        };
        place.runtime.block_on(async {
            if place.emulator.is_some() {
                let options = BucketOptions {
                    project: "project".to_owned(),
                    ..BucketOptions::default()
                };
                place
                    .storage
                    .ensure_bucket("bucket", &options)
                    .await
                    .unwrap();
            }
            let raw = place.workspace.read("raw.csv");
            let uri = place.folder.join("raw/table.csv");
            place
                .storage
                .write(&uri, raw, PutOptions::default())
                .await
                .unwrap();
        });
        place
    }

    /// `transform` from this place to this place, with little memory: temporary files are used.
    fn command(&self, flags: &[&str]) -> Command {
        let address = |name: &str| self.folder.join(name).to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_transform"));
        command
            .env_clear()
            .env("TMPDIR", self.workspace.path("tmp"))
            .args(["--raw-data", &address("raw/"), "--memory-limit", "0"])
            .args(["--examples", &address("run/examples")])
            .args(["--report", &address("run/report.html")])
            .args(flags);
        if let Some(emulator) = &self.emulator {
            command.env("STORAGE_EMULATOR_HOST", emulator.address());
        }
        command
    }

    fn run(&self, flags: &[&str]) -> Files {
        let output = self.command(flags).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        self.files()
    }

    /// Everything a reader sees of the outputs.
    fn files(&self) -> Files {
        let folder = self.folder.join("run/");
        self.runtime.block_on(async {
            let mut files = Files::new();
            for meta in self.storage.list(&folder).await.unwrap() {
                let name = meta.uri.to_string();
                let name = name.rsplit_once("/run/").unwrap().1.to_owned();
                let content = self.storage.read(&meta.uri).await.unwrap();
                files.insert(name, content.to_vec());
            }
            files
        })
    }
}

const FLAGS: [&str; 4] = ["--lag", "1", "--rolling-window", "30"];
const MARKER: &str = "examples/schema.json";

/// The outputs of an undisturbed run, once kills at many moments have been seen to change nothing.
fn undisturbed_by_kills(place: &Place, moments: u32) -> Files {
    // An earlier run with other flags leaves a complete folder, of other files too.
    let before = place.run(&["--format", "csv"]);
    let expected = place.run(&FLAGS);
    let start = || {
        place.run(&["--format", "csv"]);
        place.command(&FLAGS)
    };
    kill_at_moments(moments, start, |moment| {
        let left = place.files();
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
        assert_eq!(place.workspace.temporary_files(), 0);
        assert_eq!(place.run(&FLAGS), expected, "run again after kill {moment}");
    });
    expected
}

#[test]
fn a_killed_run_leaves_nothing_half_and_its_rerun_the_same_files() {
    undisturbed_by_kills(&Place::new(None), 12);
}

#[test]
fn so_does_a_run_on_an_emulator_and_its_files_are_those_on_disk() {
    let Some(emulator) = Emulator::start() else {
        return;
    };
    let remote = undisturbed_by_kills(&Place::new(Some(emulator)), 10);
    let local = Place::new(None).run(&FLAGS);
    assert_eq!(remote.len(), 8);
    assert!(remote == local, "the bytes differ");
}
