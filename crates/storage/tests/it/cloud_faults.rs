//! Reads and control calls while Cloud Storage misbehaves.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use gcp::{Backoff, Environment};
use storage::{BucketOptions, BucketOutcome, ByteRange, Error, GcsOptions, Storage, Uri};
use test_support::gcs::{FakeGcs, Fault, Operation};

use crate::conformance::content;

/// Impatient, so that tests end soon: four attempts, milliseconds apart.
pub(crate) fn options(fake: &FakeGcs) -> GcsOptions {
    GcsOptions {
        stall_timeout: Duration::from_millis(500),
        backoff: Backoff {
            initial: Duration::from_millis(1),
            maximum: Duration::from_millis(5),
            attempts: 4,
        },
        ..GcsOptions::emulator(&fake.endpoint())
    }
}

/// The same, with tokens from the fake's metadata server.
pub(crate) fn options_with_tokens(fake: &FakeGcs) -> GcsOptions {
    GcsOptions {
        credentials: Some(Environment {
            metadata_host: Some(fake.address().to_string()),
            ..Environment::default()
        }),
        ..options(fake)
    }
}

/// A fake with an object of 600,000 bytes, and the address of that.
async fn fake_with_object() -> (FakeGcs, Storage, Uri, Bytes) {
    let fake = FakeGcs::start().await;
    fake.create_bucket("bucket");
    let stored = content(600_000);
    fake.store("bucket", "object", stored.clone());
    let storage = Storage::with_gcs(options(&fake));
    (fake, storage, "gs://bucket/object".parse().unwrap(), stored)
}

#[tokio::test]
async fn a_broken_read_resumes_where_it_broke() {
    let (fake, storage, uri, stored) = fake_with_object().await;
    // More breaks than there are attempts: those with progress do not count.
    for _ in 0..6 {
        fake.fail(Operation::ReadMedia, Fault::BreakOff(90_000));
    }
    assert_eq!(storage.read(&uri).await.unwrap(), stored);
    let reads = fake
        .calls()
        .into_iter()
        .filter(|call| *call == Operation::ReadMedia);
    assert_eq!(reads.count(), 7);
}

#[tokio::test]
async fn a_standing_read_is_taken_up_again() {
    let (fake, storage, uri, stored) = fake_with_object().await;
    fake.fail(Operation::ReadMedia, Fault::StallAfter(300_000));
    fake.fail(Operation::ReadMedia, Fault::Stall);
    assert_eq!(storage.read(&uri).await.unwrap(), stored);
}

#[tokio::test]
async fn a_read_that_stands_for_good_fails() {
    let (fake, _, uri, _) = fake_with_object().await;
    let storage = Storage::with_gcs(GcsOptions {
        stall_timeout: Duration::from_secs(1),
        ..options(&fake)
    });
    for _ in 0..4 {
        fake.fail(Operation::ReadMedia, Fault::Stall);
    }
    let error = storage.read(&uri).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read gs://bucket/object: nothing moved for 1 seconds, 4 times over"
    );
    assert_eq!(
        error.hint().unwrap(),
        "check the network, then run again: it is safe"
    );
}

#[tokio::test]
async fn a_read_fails_after_the_last_attempt() {
    let (fake, storage, uri, _) = fake_with_object().await;
    for _ in 0..4 {
        fake.fail(Operation::ReadMedia, Fault::Status(503));
    }
    let error = storage.read(&uri).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read gs://bucket/object: HTTP 503: ordered by the test"
    );
    assert_eq!(error.hint(), None);
}

#[tokio::test]
async fn damaged_bytes_are_noticed() {
    let (fake, storage, uri, stored) = fake_with_object().await;
    fake.fail(Operation::ReadMedia, Fault::Corrupt);
    let error = storage.read(&uri).await.unwrap_err();
    let mut damaged = stored.to_vec();
    damaged[0] ^= 1;
    assert_eq!(
        error.to_string(),
        format!(
            "gs://bucket/object was damaged on the way: the CRC32C of what arrived is {:08x}, of \
             what is stored {:08x}",
            crc32c::crc32c(&damaged),
            crc32c::crc32c(&stored)
        )
    );
    assert_eq!(
        error.hint().unwrap(),
        "run again; if it happens again, suspect the network or a proxy"
    );
}

#[tokio::test]
async fn an_object_replaced_while_it_is_read_is_not_mixed() {
    let (fake, storage, uri, _) = fake_with_object().await;
    fake.fail(Operation::ReadMedia, Fault::BreakOff(70_000));
    let mut reader = storage.open(&uri, ByteRange::All).await.unwrap();
    reader.next().await.unwrap().unwrap();
    fake.store("bucket", "object", content(600_000));
    let error = loop {
        match reader.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(
        error.to_string(),
        "gs://bucket/object was changed by someone else meanwhile"
    );
    assert_eq!(
        error.hint().unwrap(),
        "run again: it will start from the new content"
    );
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let (fake, _, uri, stored) = fake_with_object().await;
    fake.require_token();
    let storage = Storage::with_gcs(options_with_tokens(&fake));
    assert_eq!(storage.read(&uri).await.unwrap(), stored);
    fake.revoke_tokens();
    assert_eq!(storage.read(&uri).await.unwrap(), stored);

    // Between looking up and reading, too.
    let reader = storage.open(&uri, ByteRange::All).await.unwrap();
    fake.revoke_tokens();
    assert_eq!(reader.collect().await.unwrap(), stored);

    let without = Storage::with_gcs(options(&fake));
    let error = without.read(&uri).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "not allowed to look up gs://bucket/object: HTTP 401: Invalid Credentials"
    );
    assert_eq!(
        error.hint().unwrap(),
        "grant the account roles/storage.objectUser on gs://bucket"
    );
}

#[tokio::test]
async fn control_calls_are_tried_again() {
    let (fake, storage, uri, _) = fake_with_object().await;
    for operation in [
        Operation::GetObject,
        Operation::ListObjects,
        Operation::DeleteObject,
    ] {
        for status in [429, 500, 503] {
            fake.fail(operation, Fault::Status(status));
        }
    }
    assert!(storage.stat(&uri).await.unwrap().is_some());
    assert_eq!(storage.list(&uri.parent().unwrap()).await.unwrap().len(), 1);
    storage.delete(&uri).await.unwrap();
    assert_eq!(fake.object("bucket", "object"), None);

    fake.store("bucket", "object", "x");
    fake.lose_answer(Operation::DeleteObject);
    storage.delete(&uri).await.unwrap();
    assert_eq!(fake.object("bucket", "object"), None);
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let (_fake, storage, ..) = fake_with_object().await;
    let folder = "gs://missing/folder".parse().unwrap();
    let error = storage.list(&folder).await.unwrap_err();
    assert_eq!(error.to_string(), "the bucket gs://missing does not exist");
    assert_eq!(
        error.hint().unwrap(),
        "check the bucket's name, or have gcs-ingest make it with --create-bucket"
    );
}

fn wished() -> BucketOptions {
    BucketOptions {
        project: "project".to_owned(),
        location: Some("europe-west1".to_owned()),
        storage_class: Some("STANDARD".to_owned()),
        uniform_access: true,
    }
}

#[tokio::test]
async fn a_bucket_is_made_once() {
    let fake = FakeGcs::start().await;
    let storage = Storage::with_gcs(options(&fake));
    let first = storage
        .ensure_bucket("new-bucket", &wished())
        .await
        .unwrap();
    assert_eq!(first, BucketOutcome::Created);
    let resource = fake.bucket("new-bucket").unwrap();
    assert_eq!(resource["location"], "EUROPE-WEST1");
    assert_eq!(resource["storageClass"], "STANDARD");
    assert_eq!(
        resource["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"],
        true
    );
    let second = storage
        .ensure_bucket("new-bucket", &wished())
        .await
        .unwrap();
    assert_eq!(second, BucketOutcome::Existed);

    // Its answer was lost: the second attempt meets a conflict with the first.
    fake.lose_answer(Operation::CreateBucket);
    let outcome = storage
        .ensure_bucket("other-bucket", &wished())
        .await
        .unwrap();
    assert_eq!(outcome, BucketOutcome::Existed);
}

#[tokio::test]
async fn a_bucket_of_another_kind_is_not_adopted() {
    let fake = FakeGcs::start().await;
    fake.create_bucket_in("american", "1", "US");
    fake.create_bucket_in("foreign", "2", "EUROPE-WEST1");
    fake.create_bucket_in("hidden", "1", "EUROPE-WEST1");
    fake.fail(Operation::GetBucket, Fault::Status(403));
    let storage = Storage::with_gcs(options(&fake));
    for (bucket, message, hint) in [
        (
            "hidden",
            "not allowed to look up the bucket gs://hidden: HTTP 403: ordered by the test",
            "bucket names are shared by all of Google Cloud: choose another if this one is not \
             yours; otherwise grant the account roles/storage.admin on the project",
        ),
        (
            "american",
            "the bucket gs://american exists in US, not in europe-west1",
            "name the bucket's own location, or choose another bucket",
        ),
        (
            "foreign",
            "the bucket gs://foreign exists, but does not belong to the project project",
            "name the bucket's own project, or choose another bucket",
        ),
    ] {
        let error = storage.ensure_bucket(bucket, &wished()).await.unwrap_err();
        assert_eq!(
            (error.to_string(), error.hint().unwrap()),
            (message.to_owned(), hint.to_owned())
        );
    }
    // Who may not list the project's buckets is believed.
    fake.fail(Operation::ListBuckets, Fault::Status(403));
    let outcome = storage.ensure_bucket("foreign", &wished()).await.unwrap();
    assert_eq!(outcome, BucketOutcome::Existed);
    fake.fail(Operation::CreateBucket, Fault::Status(403));
    let error = storage
        .ensure_bucket("new-bucket", &wished())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "not allowed to create the bucket gs://new-bucket: HTTP 403: ordered by the test"
    );
}

#[tokio::test]
async fn a_service_that_is_not_there_is_named_without_its_query() {
    let storage = Storage::with_gcs(GcsOptions {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        backoff: Backoff {
            attempts: 1,
            ..Backoff::default()
        },
        ..GcsOptions::emulator("")
    });
    let folder = "gs://bucket/folder".parse().unwrap();
    let error = storage.list(&folder).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot list gs://bucket/folder: error sending request for url \
         (http://127.0.0.1:1/storage/v1/b/bucket/o): client error (Connect): tcp connect error: \
         Connection refused (os error 111)"
    );
    assert!(matches!(error, Error::Remote { .. }));
}
