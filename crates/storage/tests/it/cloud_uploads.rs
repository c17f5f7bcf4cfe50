//! Uploads while Cloud Storage, the network or the source misbehaves.

use std::time::Duration;

use bytes::Bytes;
use storage::{
    BytesSource, GcsOptions, Precondition, PutOptions, Source, SourceError, Storage, Uri,
};
use test_support::cut_proxy::CutProxy;
use test_support::gcs::{FakeGcs, Fault, Operation};

use crate::cloud_faults::{options, options_with_tokens};
use crate::conformance::{Pieces, content};

/// What a session that broke keeps is a multiple of this.
const GRANULE: usize = 256 * 1024;

/// A fake with a bucket, and an address in it.
async fn fake() -> (FakeGcs, Storage, Uri) {
    let fake = FakeGcs::start().await;
    fake.create_bucket("bucket");
    let storage = Storage::with_gcs(options(&fake));
    (fake, storage, "gs://bucket/object".parse().unwrap())
}

fn stored(fake: &FakeGcs) -> Option<Bytes> {
    fake.object("bucket", "object").map(|object| object.content)
}

async fn upload(storage: &Storage, uri: &Uri, sent: &Bytes) -> Result<(), storage::Error> {
    let put = storage
        .put(uri, Pieces::of(sent), PutOptions::default())
        .await?;
    assert_eq!(
        (put.size, put.crc32c),
        (sent.len() as u64, Some(crc32c::crc32c(sent)))
    );
    Ok(())
}

#[tokio::test]
async fn what_was_not_kept_is_sent_again() {
    let (fake, storage, uri) = fake().await;
    let sent = content(GRANULE * 8 + 17);
    // More interruptions than attempts: those with progress do not count.
    for granules in 1..=6 {
        fake.fail(Operation::Upload, Fault::Keep((granules * GRANULE) as u64));
    }
    upload(&storage, &uri, &sent).await.unwrap();
    assert_eq!(stored(&fake).unwrap(), sent);
    let last = sent.len() - 1;
    let total = sent.len();
    let expected = (0..=6).map(|granules| format!("bytes {}-{last}/{total}", granules * GRANULE));
    assert_eq!(fake.content_ranges(), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_loses_nothing() {
    let (fake, _, uri) = fake().await;
    let proxy = CutProxy::start(fake.address()).await;
    let storage = Storage::with_gcs(GcsOptions {
        endpoint: Some(format!("http://{}", proxy.address())),
        ..options(&fake)
    });
    let sent = content(GRANULE * 8 + 17);
    for bytes in [
        1,
        700,
        100_000,
        GRANULE + 1000,
        GRANULE * 7,
        sent.len() + 400,
    ] {
        let before = proxy.cuts();
        proxy.cut_after(bytes as u64);
        upload(&storage, &uri, &sent).await.unwrap();
        assert_eq!(proxy.cuts(), before + 1, "cut after {bytes}");
        assert_eq!(stored(&fake).unwrap(), sent, "cut after {bytes}");
    }
}

#[tokio::test]
async fn an_upload_whose_answer_was_lost_is_found_done() {
    let (fake, storage, uri) = fake().await;
    fake.lose_answer(Operation::Upload);
    let absent = PutOptions {
        precondition: Precondition::Absent,
        ..PutOptions::default()
    };
    let put = storage.write(&uri, "content", absent).await.unwrap();
    let object = fake.object("bucket", "object").unwrap();
    assert_eq!(
        (object.content, Some(object.generation)),
        ("content".into(), put.generation)
    );
    let uploads = fake
        .calls()
        .into_iter()
        .filter(|call| *call == Operation::Upload);
    assert_eq!(uploads.count(), 1);
}

#[tokio::test]
async fn a_known_checksum_keeps_the_old_object() {
    let (fake, storage, uri) = fake().await;
    fake.store("bucket", "object", "old");
    fake.fail(Operation::Upload, Fault::Corrupt);
    let source = BytesSource::new("new");
    let error = storage
        .put(&uri, source, PutOptions::default())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot write gs://bucket/object: HTTP 400: Provided CRC32C doesn't match calculated CRC32C."
    );
    assert_eq!(stored(&fake).unwrap(), "old");
}

#[tokio::test]
async fn a_damaged_object_is_deleted_again() {
    let (fake, storage, uri) = fake().await;
    let sent = content(300_000);
    fake.fail(Operation::Upload, Fault::Corrupt);
    let error = upload(&storage, &uri, &sent).await.unwrap_err();
    let mut damaged = sent.to_vec();
    damaged[0] ^= 1;
    assert_eq!(
        error.to_string(),
        format!(
            "gs://bucket/object was damaged on the way: 300000 bytes with CRC32C {:08x} were \
             sent, 300000 with {:08x} were stored; it was deleted again",
            crc32c::crc32c(&sent),
            crc32c::crc32c(&damaged)
        )
    );
    assert_eq!(stored(&fake), None);
}

#[tokio::test]
async fn a_damaged_object_is_noticed_when_the_answer_was_lost_too() {
    let (fake, storage, uri) = fake().await;
    let sent = content(300_000);
    fake.fail(Operation::Upload, Fault::Corrupt);
    fake.lose_answer(Operation::Upload);
    let error = upload(&storage, &uri, &sent).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("were stored; it was deleted again"),
        "{error}"
    );
    assert_eq!(stored(&fake), None);
}

#[tokio::test]
async fn transient_answers_are_tried_again_and_end() {
    let (fake, storage, uri) = fake().await;
    let sent = content(300_000);
    for status in [429, 500, 503] {
        fake.fail(Operation::StartUpload, Fault::Status(status));
        fake.fail(Operation::Upload, Fault::Status(status));
    }
    upload(&storage, &uri, &sent).await.unwrap();
    assert_eq!(stored(&fake).unwrap(), sent);

    for _ in 0..4 {
        fake.fail(Operation::StartUpload, Fault::Status(503));
    }
    let error = upload(&storage, &uri, &sent).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot write gs://bucket/object: HTTP 503: ordered by the test"
    );
}

#[tokio::test]
async fn refusals_are_final_and_named() {
    let (fake, storage, uri) = fake().await;
    fake.fail(Operation::StartUpload, Fault::Status(403));
    let error = upload(&storage, &uri, &content(10)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "not allowed to write gs://bucket/object: HTTP 403: ordered by the test"
    );
    let missing = "gs://missing/object".parse().unwrap();
    let error = upload(&storage, &missing, &content(10)).await.unwrap_err();
    assert_eq!(error.to_string(), "the bucket gs://missing does not exist");
}

#[tokio::test]
async fn a_precondition_is_checked_when_the_object_appears() {
    /// Someone else writes the object while this source is read.
    struct Rival<'a>(&'a FakeGcs, Pieces);
    impl Source for Rival<'static> {
        fn size(&self) -> Option<u64> {
            self.1.size()
        }
        async fn next(&mut self) -> Option<Result<Bytes, SourceError>> {
            self.0.store("bucket", "object", "theirs");
            self.1.next().await
        }
        async fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
            self.1.seek(offset).await
        }
    }
    let (fake, storage, uri) = fake().await;
    let fake: &'static FakeGcs = Box::leak(Box::new(fake));
    let absent = PutOptions {
        precondition: Precondition::Absent,
        ..PutOptions::default()
    };
    let source = Rival(fake, Pieces::of(&content(10)));
    let error = storage.put(&uri, source, absent).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "gs://bucket/object exists already and was left as it is"
    );
    assert_eq!(
        error.hint().unwrap(),
        "delete it, or write to another address"
    );
    assert_eq!(stored(fake).unwrap(), "theirs");
}

#[tokio::test]
async fn a_standing_upload_is_started_again() {
    let (fake, storage, uri) = fake().await;
    let sent = content(300_000);
    fake.fail(Operation::Upload, Fault::Stall);
    fake.fail(Operation::StartUpload, Fault::Stall);
    upload(&storage, &uri, &sent).await.unwrap();
    assert_eq!(stored(&fake).unwrap(), sent);
}

#[tokio::test]
async fn an_upload_that_stands_for_good_fails() {
    let (fake, _, uri) = fake().await;
    let storage = Storage::with_gcs(GcsOptions {
        stall_timeout: Duration::from_secs(1),
        ..options(&fake)
    });
    for _ in 0..4 {
        fake.fail(Operation::Upload, Fault::Stall);
    }
    let error = upload(&storage, &uri, &content(300_000)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot write gs://bucket/object: nothing moved for 1 seconds, 4 times over"
    );
    assert_eq!(stored(&fake), None);
}

#[tokio::test]
async fn a_slow_source_is_no_standstill() {
    struct Slow(Pieces);
    impl Source for Slow {
        fn size(&self) -> Option<u64> {
            self.0.size()
        }
        async fn next(&mut self) -> Option<Result<Bytes, SourceError>> {
            tokio::time::sleep(Duration::from_millis(700)).await;
            self.0.next().await
        }
        async fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
            self.0.seek(offset).await
        }
    }
    let (fake, storage, uri) = fake().await;
    let sent = content(60_000);
    let source = Slow(Pieces::of(&sent));
    storage
        .put(&uri, source, PutOptions::default())
        .await
        .unwrap();
    assert_eq!(stored(&fake).unwrap(), sent);
    let sessions = fake
        .calls()
        .into_iter()
        .filter(|call| *call == Operation::StartUpload);
    assert_eq!(sessions.count(), 1);
}

#[tokio::test]
async fn a_token_that_expires_on_the_way_is_renewed() {
    let (fake, _, uri) = fake().await;
    fake.require_token();
    let storage = Storage::with_gcs(options_with_tokens(&fake));
    let sent = content(GRANULE * 3);
    upload(&storage, &uri, &sent).await.unwrap();
    fake.revoke_tokens();
    upload(&storage, &uri, &sent).await.unwrap();
    fake.fail(Operation::Upload, Fault::Status(401));
    upload(&storage, &uri, &sent).await.unwrap();
    assert_eq!(stored(&fake).unwrap(), sent);
}
