//! Memory does not grow with the object.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use test_support::gcs::FakeGcs;

use crate::copier::{copy, make_file, peak_memory};

/// How large the object is, and how much more memory it may take than a tiny one, MiB.
const OBJECT: usize = 256;
const MARGIN: u64 = 32;

/// Copies and returns the most memory that took, MiB.
async fn measure(source: &str, destination: &str, fake: &FakeGcs) -> u64 {
    let mut process = copy(source, destination, Some(&fake.endpoint()));
    let mut peak = 0;
    let status = loop {
        peak = peak.max(peak_memory(&process).unwrap_or_default());
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    assert!(status.success(), "{source} → {destination}");
    peak
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_takes_no_more_memory_than_a_small_one() {
    let fake = FakeGcs::start().await;
    fake.create_bucket("bucket");
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    make_file(Path::new(&path("small")), 1);
    make_file(Path::new(&path("large")), OBJECT);

    let routes = |size: &str| {
        [
            (path(size), path("copied")),
            (path(size), format!("gs://bucket/{size}")),
            (format!("gs://bucket/{size}"), path("fetched")),
        ]
    };
    let mut small = 0;
    for (source, destination) in routes("small") {
        small = small.max(measure(&source, &destination, &fake).await);
    }
    for (source, destination) in routes("large") {
        let large = measure(&source, &destination, &fake).await;
        println!("{source} → {destination}: {large} MiB, a small object {small} MiB");
        assert!(large <= small + MARGIN, "{large} MiB against {small} MiB");
    }
    let (sent, fetched) = (std::fs::read(path("large")), std::fs::read(path("fetched")));
    assert!(sent.unwrap() == fetched.unwrap(), "the bytes came back");
}
