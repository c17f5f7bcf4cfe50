//! The suite, run against a real emulator: fake-gcs-server, where `FAKE_GCS_SERVER` names its
//! binary.

use storage::{BucketOptions, BucketOutcome, GcsOptions, Storage};
use test_support::emulator::Emulator;

use crate::conformance::{Store, holds};

#[tokio::test]
async fn fake_gcs_server() {
    let Some(emulator) = Emulator::start() else {
        return;
    };
    let storage = Storage::with_gcs(GcsOptions::emulator(emulator.address()));
    let options = BucketOptions {
        project: "project".to_owned(),
        ..BucketOptions::default()
    };
    let first = storage.ensure_bucket("bucket", &options).await.unwrap();
    let second = storage.ensure_bucket("bucket", &options).await.unwrap();
    assert_eq!(
        (first, second),
        (BucketOutcome::Created, BucketOutcome::Existed)
    );
    let store = Store {
        storage,
        folder: "gs://bucket/folder".parse().unwrap(),
        is_exact: false,
    };
    holds(&store).await;
}
