//! The suite, run against each store that is always at hand.

use storage::Storage;
use tempfile::TempDir;
use test_support::gcs::FakeGcs;

use crate::conformance::{Store, holds};

#[tokio::test]
async fn memory() {
    let store = Store {
        storage: Storage::memory(),
        folder: "gs://bucket/folder".parse().unwrap(),
        is_exact: true,
    };
    holds(&store).await;
}

#[tokio::test]
async fn disk() {
    let folder = TempDir::new().unwrap();
    let store = Store {
        storage: Storage::memory(),
        folder: storage::Uri::local(folder.path()).join("store"),
        is_exact: true,
    };
    holds(&store).await;
}

#[tokio::test]
async fn the_wire_fake() {
    let fake = FakeGcs::start().await;
    fake.create_bucket("bucket");
    let store = Store {
        storage: Storage::with_gcs(crate::cloud_faults::options(&fake)),
        folder: "gs://bucket/some folder".parse().unwrap(),
        is_exact: true,
    };
    holds(&store).await;
}
