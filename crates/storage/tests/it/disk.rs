//! Files: killed writers, left-overs, other programs, and the messages of the system.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use storage::{ByteRange, Error, Precondition, PutOptions, Storage, Uri, blocking_reader};
use tempfile::TempDir;
use test_support::gcs::FakeGcs;

use crate::copier::{copy, make_file};

/// Names in a folder, hidden ones too, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// How much a writer has written so far into its partial file in `folder`, bytes.
fn partial_size(folder: &Path) -> Option<u64> {
    let name = names(folder)
        .into_iter()
        .find(|name| name.ends_with(".partial"))?;
    Some(fs::metadata(folder.join(name)).ok()?.len())
}

#[tokio::test]
async fn a_killed_writer_leaves_the_old_object_and_nothing_that_shows() {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("source");
    make_file(&source, 128);
    let target = folder.path().join("out");
    fs::create_dir(&target).unwrap();
    let storage = Storage::memory();
    let uri = Uri::local(target.join("object"));
    storage
        .write(&uri, "old", PutOptions::default())
        .await
        .unwrap();

    let mut killed_half_way = 0;
    for threshold in [0, 1, 10 << 20, 60 << 20, 127 << 20] {
        let mut writer = copy(&source.display().to_string(), &uri.to_string(), None);
        while writer.try_wait().unwrap().is_none() {
            if partial_size(&target).is_some_and(|size| size >= threshold) {
                writer.kill().unwrap();
            }
        }
        let size = storage.stat(&uri).await.unwrap().unwrap().size;
        assert!(
            size == 3 || size == 128 << 20,
            "neither the old object nor the new: {size}"
        );
        let listed = storage.list(&Uri::local(&target)).await.unwrap();
        assert_eq!(listed.len(), 1, "nothing else shows");
        killed_half_way += usize::from(size == 3);
        if size != 3 {
            storage
                .write(&uri, "old", PutOptions::default())
                .await
                .unwrap();
        }
    }
    assert!(killed_half_way > 0, "no writer was caught writing");

    let mut writer = copy(&source.display().to_string(), &uri.to_string(), None);
    assert!(writer.wait().unwrap().success());
    assert!(fs::read(&source).unwrap() == fs::read(target.join("object")).unwrap());
    assert_eq!(names(&target), ["object"], "left-overs are cleared away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_upload_leaves_nothing() {
    let fake = FakeGcs::start().await;
    fake.create_bucket("bucket");
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("source");
    make_file(&source, 64);
    let source = source.display().to_string();
    let upload = || copy(&source, "gs://bucket/object", Some(&fake.endpoint()));
    let mut writer = upload();
    while fake.received() < 10 << 20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert_eq!(fake.object_names("bucket"), [""; 0]);
    assert!(upload().wait().unwrap().success());
    assert_eq!(
        fake.object("bucket", "object").unwrap().content.len(),
        64 << 20
    );
}

#[tokio::test]
async fn only_the_partial_files_of_dead_writers_are_removed() {
    let folder = TempDir::new().unwrap();
    let dead = folder.path().join(".storage-0123456789abcdef.partial");
    let alive = folder.path().join(".storage-fedcba9876543210.partial");
    let foreign = folder.path().join(".storage-notes.partial");
    for path in [&dead, &alive, &foreign] {
        fs::write(path, "half").unwrap();
    }
    let lock = fs::File::open(&alive).unwrap();
    lock.lock().unwrap();
    let storage = Storage::memory();
    let root = Uri::local(folder.path());
    let listed = storage.list(&root).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].uri, Uri::local(&foreign));

    storage
        .write(&root.join("object"), "x", PutOptions::default())
        .await
        .unwrap();
    assert!(!dead.exists() && alive.exists() && foreign.exists());
    drop(lock);
    assert_eq!(storage.remove_stale(&root).await.unwrap(), 1);
    assert_eq!(names(folder.path()), [".storage-notes.partial", "object"]);
}

fn described() -> PutOptions {
    PutOptions {
        metadata: [("key".to_owned(), "value".to_owned())].into(),
        ..PutOptions::default()
    }
}

#[tokio::test]
async fn a_description_goes_with_the_content_it_describes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("object");
    let uri = Uri::local(&path);
    let storage = Storage::memory();
    storage.write(&uri, "first", described()).await.unwrap();
    assert_eq!(names(folder.path()), [".object.meta.json", "object"]);

    // Another program writes the file: what was known about the old content is void.
    fs::write(&path, "other").unwrap();
    let later = fs::metadata(&path).unwrap().modified().unwrap() + Duration::from_secs(1);
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(later)
        .unwrap();
    let found = storage.stat(&uri).await.unwrap().unwrap();
    assert!(found.metadata.is_empty() && found.crc32c.is_none());

    // A writer that dies after the side file and before the file itself: both descriptions are
    // there, and the file decides.
    let first = storage.write(&uri, "first", described()).await.unwrap();
    let side = folder.path().join(".object.meta.json");
    let mut records: serde_json::Value = serde_json::from_slice(&fs::read(&side).unwrap()).unwrap();
    let mut next = records["records"][0].clone();
    next["generation"] = serde_json::json!(first.generation.unwrap() + 1);
    next["metadata"] = serde_json::json!({ "key": "next" });
    records["records"].as_array_mut().unwrap().push(next);
    fs::write(&side, records.to_string()).unwrap();
    assert_eq!(storage.stat(&uri).await.unwrap(), Some(first));

    storage
        .write(&uri, "plain", PutOptions::default())
        .await
        .unwrap();
    assert!(
        storage
            .stat(&uri)
            .await
            .unwrap()
            .unwrap()
            .metadata
            .is_empty()
    );
    storage.delete(&uri).await.unwrap();
    assert_eq!(names(folder.path()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_writers_who_saw_the_same_object_one_wins() {
    let folder = TempDir::new().unwrap();
    let uri = Uri::local(folder.path().join("counter"));
    let storage = Storage::memory();
    storage.write(&uri, "0", described()).await.unwrap();
    let writers = (0..4).map(|_| {
        let (storage, uri) = (storage.clone(), uri.clone());
        tokio::spawn(async move {
            let mut written = 0;
            while written < 25 {
                let reader = storage.open(&uri, ByteRange::All).await.unwrap();
                let seen = reader.meta().generation.unwrap();
                let content = reader.collect().await.unwrap();
                let count: u32 = std::str::from_utf8(&content).unwrap().parse().unwrap();
                let options = PutOptions {
                    precondition: Precondition::Generation(seen),
                    ..described()
                };
                match storage.write(&uri, (count + 1).to_string(), options).await {
                    Ok(_) => written += 1,
                    Err(Error::Changed { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(storage.read(&uri).await.unwrap(), "100");
    assert_eq!(names(folder.path()), [".counter.meta.json", "counter"]);
}

#[tokio::test]
async fn folders_are_no_objects() {
    let folder = TempDir::new().unwrap();
    let uri = Uri::local(folder.path());
    let storage = Storage::memory();
    assert_eq!(storage.stat(&uri).await.unwrap(), None);
    for error in [
        storage.read(&uri).await.unwrap_err(),
        storage
            .write(&uri, "x", PutOptions::default())
            .await
            .unwrap_err(),
        storage
            .write(&uri.join("new/"), "x", PutOptions::default())
            .await
            .unwrap_err(),
    ] {
        let named = error.to_string();
        assert!(named.ends_with(" is a folder, not an object"), "{named}");
        assert_eq!(error.hint().unwrap(), "name an object inside it");
    }
}

#[tokio::test]
async fn the_system_s_errors_are_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let below = Uri::local(file.join("below"));
    let storage = Storage::memory();
    let error = storage
        .write(&below, "x", PutOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write {below}"));
    let cause = std::error::Error::source(&error).unwrap();
    assert!(cause.to_string().contains("os error"), "{cause}");
    assert_eq!(error.hint(), None);

    let missing = Uri::local(folder.path().join("missing"));
    let target = Uri::local(folder.path().join("target"));
    let path = missing.local_path().unwrap();
    let error = storage
        .put_file(&target, path, PutOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), format!("{missing} does not exist"));
    assert_eq!(
        error.hint().unwrap(),
        "check the address and that the step before wrote it"
    );
    storage
        .put_file(&target, &file, PutOptions::default())
        .await
        .unwrap();
    assert_eq!(storage.read(&target).await.unwrap(), "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_computes_reads_through_a_blocking_reader() {
    let storage = Storage::memory();
    let uri: Uri = "gs://bucket/object".parse().unwrap();
    let sent = crate::conformance::content(600_000);
    storage
        .write(&uri, sent.clone(), PutOptions::default())
        .await
        .unwrap();
    let reader = storage.open(&uri, ByteRange::From(5)).await.unwrap();
    let runtime = tokio::runtime::Handle::current();
    let read = tokio::task::spawn_blocking(move || {
        let mut read = Vec::new();
        blocking_reader(reader, runtime)
            .read_to_end(&mut read)
            .map(|_| read)
    });
    assert_eq!(read.await.unwrap().unwrap(), sent.slice(5..));
}
