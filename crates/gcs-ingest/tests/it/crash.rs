//! Killed or asked to stop at any point, and run again.

use std::process::Child;

use test_support::http_source::{Fault, HttpSource, Resource};
use test_support::interruption::{kill, signal};

use crate::harness::{Run, Sandbox};

const PATH: &str = "/data.csv";
const SIZE: u64 = 1_000_000;

/// Points of a transfer: before anything came, early, in the middle, and with only the end
/// missing.
const POINTS: [u64; 4] = [0, 1, 400_000, SIZE - 1];

/// A transfer that stands still after `point` bytes.
fn started(point: u64, flags: &[&str]) -> (Sandbox, HttpSource, Child) {
    let sandbox = Sandbox::new();
    let source = HttpSource::serving(PATH, Resource::generated(SIZE));
    source.script(PATH, [Fault::Stall(point)]);
    let url = source.url(PATH);
    let mut args = vec!["--source", &url, "--destination", "out/raw.csv"];
    args.extend_from_slice(flags);
    let child = sandbox.spawn(args);
    source.wait_for_faults(1);
    (sandbox, source, child)
}

/// What a user sees below `out`.
fn published(sandbox: &Sandbox) -> Vec<String> {
    sandbox.files("out").into_keys().collect()
}

#[test]
fn a_killed_transfer_leaves_nothing_to_see_and_the_next_run_completes_it() {
    for point in POINTS {
        let (sandbox, source, mut child) = started(point, &[]);
        kill(&mut child);
        assert!(published(&sandbox).is_empty(), "killed after {point} bytes");

        let url = source.url(PATH);
        sandbox
            .run(["--source", &url, "--destination", "out/raw.csv"])
            .outputs();
        assert!(sandbox.read("out/raw.csv") == Resource::generated(SIZE).body.to_vec());
        assert_eq!(published(&sandbox), ["raw.csv"]);
        let mut left = std::fs::read_dir(sandbox.path("out")).unwrap();
        let partial = left.find(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains("partial")
        });
        assert!(partial.is_none(), "killed after {point} bytes: {partial:?}");
    }
}

#[test]
fn a_killed_transfer_leaves_the_object_before_it() {
    let (sandbox, source, mut child) = started(SIZE - 1, &[]);
    kill(&mut child);
    let url = source.url(PATH);
    let args = ["--source", &url, "--destination", "out/raw.csv"];
    sandbox.run(args).outputs();
    source.put(PATH, Resource::new("new\n").etag(Some("\"v2\"")));
    source.script(PATH, [Fault::None, Fault::Stall(2)]);
    let mut child = sandbox.spawn(args);
    source.wait_for_faults(2);
    kill(&mut child);
    assert!(sandbox.read("out/raw.csv") == Resource::generated(SIZE).body.to_vec());
}

#[test]
fn a_stopped_transfer_fails_and_publishes_nothing() {
    for (short, code, name) in [("TERM", 143, "SIGTERM"), ("INT", 130, "SIGINT")] {
        let (sandbox, _source, child) = started(400_000, &[]);
        signal(&child, short);
        let run = Run::of(child.wait_with_output().unwrap());
        assert_eq!(
            run.error(code),
            format!(
                "error: gcs-ingest was cancelled by {name}; outputs are as they were before, or \
                 complete. Next step: run it again to finish"
            )
        );
        let left = std::fs::read_dir(sandbox.path("out")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "nothing is left behind, visible or not");
    }
}
