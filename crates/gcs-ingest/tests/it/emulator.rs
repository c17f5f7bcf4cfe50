//! Transfers into a real emulator: fake-gcs-server, where `FAKE_GCS_SERVER` names its binary.

use storage::{GcsOptions, Storage, Uri};
use test_support::emulator::Emulator;
use test_support::http_source::{Fault, HttpSource, Resource};
use test_support::interruption::kill;

use crate::harness::{Run, Sandbox};

#[tokio::test]
async fn killed_transfers_leave_nothing_and_the_next_one_completes() {
    let sandbox = Sandbox::new();
    let Some(emulator) = Emulator::start() else {
        return;
    };
    let resource = Resource::generated(20_000_000);
    let source = HttpSource::serving("/data.csv", resource.clone());
    let url = source.url("/data.csv");
    let command = |flags: &[&str]| {
        let destination = [
            "--source",
            &url,
            "--destination",
            "gs://bucket/raw/data.csv",
        ];
        let mut command = sandbox.command([&destination, flags].concat());
        command.env("STORAGE_EMULATOR_HOST", emulator.address());
        command
    };
    let storage = Storage::with_gcs(GcsOptions::emulator(emulator.address()));
    let folder: Uri = "gs://bucket/raw/".parse().unwrap();

    for (n, point) in [0, 9_000_000, 19_999_999].into_iter().enumerate() {
        source.script("/data.csv", [Fault::Stall(point)]);
        let mut child = command(&["--create-bucket", "--project", "p"])
            .spawn()
            .unwrap();
        source.wait_for_faults(n + 1);
        kill(&mut child);
        assert_eq!(
            storage.list(&folder).await.unwrap(),
            [],
            "killed after {point} bytes"
        );
    }
    let run = || Run::of(command(&[]).output().unwrap()).metadata();
    let first = run();
    let content = storage.read(&folder.join("data.csv")).await.unwrap();
    assert!(content == resource.body.to_vec(), "the content differs");
    assert_eq!(storage.list(&folder).await.unwrap().len(), 1);
    assert_eq!(run(), first);
    assert_eq!(source.count("HEAD"), 1);
}
