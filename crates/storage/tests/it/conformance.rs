//! What holds for every store.

use std::collections::BTreeMap;
use std::io::Read as _;

use bytes::Bytes;
use futures::StreamExt as _;
use storage::{
    ByteRange, BytesSource, Error, ObjectMeta, Precondition, PutOptions, Source, SourceError,
    Storage, Uri,
};

/// A store under test: where it may write, and what it cannot do.
pub(crate) struct Store {
    pub(crate) storage: Storage,
    /// An empty folder.
    pub(crate) folder: Uri,
    /// Whether it does all that the service's documentation says. The public emulator ignores
    /// preconditions of uploads, drops their media types, and empties metadata it should remove.
    pub(crate) is_exact: bool,
}

/// Holds `store` to every sentence of the crate's documentation.
pub(crate) async fn holds(store: &Store) {
    contents_come_back(store).await;
    a_whole_object_comes_into_a_file(store).await;
    ranges_are_clamped(store).await;
    descriptions_are_kept(store).await;
    metadata_is_replaced(store).await;
    absence_is_no_error_where_it_is_an_answer(store).await;
    lists_are_whole_and_sorted(store).await;
    globs_match_the_last_part(store).await;
    failed_sources_change_nothing(store).await;
    the_same_bytes_are_left_alone(store).await;
    a_reader_keeps_what_it_opened_or_says_so(store).await;
    if store.is_exact {
        preconditions_hold(store).await;
    }
}

/// Bytes that differ everywhere, so that a wrong offset shows.
pub(crate) fn content(size: usize) -> Bytes {
    let word = |n: u64| {
        n.wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(23)
            .to_le_bytes()
    };
    let words = (0..size.div_ceil(8) as u64).flat_map(word);
    words.take(size).collect::<Vec<_>>().into()
}

/// A source in pieces, of known length or not, that may break off.
pub(crate) struct Pieces {
    pub(crate) content: Bytes,
    pub(crate) size: Option<u64>,
    pub(crate) position: usize,
    pub(crate) breaks_at: Option<usize>,
}

impl Pieces {
    pub(crate) fn of(content: &Bytes) -> Self {
        Self {
            content: content.clone(),
            size: Some(content.len() as u64),
            position: 0,
            breaks_at: None,
        }
    }
}

impl Source for Pieces {
    fn size(&self) -> Option<u64> {
        self.size
    }

    async fn next(&mut self) -> Option<Result<Bytes, SourceError>> {
        if self.breaks_at.is_some_and(|end| self.position >= end) {
            return Some(Err("the line went dead".into()));
        }
        let end = self.content.len().min(self.position + 50_000);
        let piece = self.content.slice(self.position..end);
        self.position = end;
        (!piece.is_empty()).then_some(Ok(piece))
    }

    async fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
        self.position = offset as usize;
        Ok(())
    }
}

async fn write(store: &Store, uri: &Uri, content: &'static str) -> ObjectMeta {
    let written = store
        .storage
        .write(uri, content, PutOptions::default())
        .await;
    written.unwrap()
}

async fn contents_come_back(store: &Store) {
    for size in [0, 1, 255, 256 * 1024, 1_000_003] {
        let uri = store
            .folder
            .join(&format!("sizes/a file, {size} bytes+ü%.bin"));
        let sent = content(size);
        let put = store
            .storage
            .put(&uri, Pieces::of(&sent), PutOptions::default())
            .await;
        let put = put.unwrap();
        assert_eq!(
            (put.size, put.crc32c),
            (size as u64, Some(crc32c::crc32c(&sent)))
        );
        assert_eq!(put.uri, uri);
        assert_eq!(store.storage.read(&uri).await.unwrap(), sent, "{uri}");

        let unknown = Pieces {
            size: None,
            ..Pieces::of(&sent)
        };
        store
            .storage
            .put(&uri, unknown, PutOptions::default())
            .await
            .unwrap();
        assert_eq!(
            store.storage.read(&uri).await.unwrap(),
            sent,
            "{uri}, unknown size"
        );
    }
    let uri = store.folder.join("replaced");
    write(store, &uri, "a long first content").await;
    write(store, &uri, "short").await;
    assert_eq!(store.storage.read(&uri).await.unwrap(), "short");
}

async fn ranges_are_clamped(store: &Store) {
    let uri = store.folder.join("ranges");
    write(store, &uri, "0123456789").await;
    for (range, expected) in [
        (ByteRange::All, "0123456789"),
        (ByteRange::From(0), "0123456789"),
        (ByteRange::From(7), "789"),
        (ByteRange::From(10), ""),
        (ByteRange::From(99), ""),
        (ByteRange::Range(2..5), "234"),
        (ByteRange::Range(8..99), "89"),
        (ByteRange::Range(5..5), ""),
    ] {
        let reader = store.storage.open(&uri, range.clone()).await.unwrap();
        assert_eq!(reader.meta().size, 10);
        assert_eq!(reader.collect().await.unwrap(), expected, "{range:?}");
    }
}

fn options() -> PutOptions {
    PutOptions {
        metadata: [("source-etag", "\"abc\""), ("Sha256", "12ab")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        content_type: Some("text/csv".to_owned()),
        ..PutOptions::default()
    }
}

async fn descriptions_are_kept(store: &Store) {
    let uri = store.folder.join("described.csv");
    let put = store.storage.write(&uri, "a,b\n", options()).await.unwrap();
    assert_eq!(put.metadata, options().metadata);
    assert_eq!(put.content_type, options().content_type);

    let found = store.storage.stat(&uri).await.unwrap().unwrap();
    let reader = store.storage.open(&uri, ByteRange::All).await.unwrap();
    assert_eq!(*reader.meta(), found);
    let listed = store.storage.list(&store.folder).await.unwrap();
    assert_eq!(listed.iter().find(|meta| meta.uri == uri), Some(&found));
    let mut expected = put.clone();
    if !store.is_exact {
        expected.content_type.clone_from(&found.content_type);
    }
    assert_eq!(found, expected);

    // A new object has nothing of the old one's description, and another generation.
    let next = write(store, &uri, "c,d\n").await;
    assert!(next.generation.is_some() && next.generation != put.generation);
    let found = store.storage.stat(&uri).await.unwrap().unwrap();
    assert_eq!(
        (found.metadata, found.generation),
        (BTreeMap::new(), next.generation)
    );
}

async fn metadata_is_replaced(store: &Store) {
    let uri = store.folder.join("patched");
    let put = store
        .storage
        .write(&uri, "content", options())
        .await
        .unwrap();
    let wished = BTreeMap::from([("sha256".to_owned(), "34cd".to_owned())]);
    let patched = store
        .storage
        .set_metadata(&put, wished.clone())
        .await
        .unwrap();
    let found = store.storage.stat(&uri).await.unwrap().unwrap();
    for mut meta in [patched, found.clone()] {
        if !store.is_exact {
            meta.metadata.retain(|_, value| !value.is_empty());
        }
        assert_eq!(meta.metadata, wished);
    }
    assert_eq!((found.size, found.crc32c), (put.size, put.crc32c));
    assert_eq!(store.storage.read(&uri).await.unwrap(), "content");
}

async fn absence_is_no_error_where_it_is_an_answer(store: &Store) {
    let uri = store.folder.join("nothing/here");
    assert_eq!(store.storage.stat(&uri).await.unwrap(), None);
    assert_eq!(store.storage.list(&uri).await.unwrap(), []);
    assert_eq!(store.storage.glob(&uri).await.unwrap(), []);
    store.storage.delete(&uri).await.unwrap();
    let error = store.storage.read(&uri).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{uri} does not exist"));

    let uri = store.folder.join("deleted");
    store.storage.write(&uri, "x", options()).await.unwrap();
    store.storage.delete(&uri).await.unwrap();
    assert_eq!(store.storage.stat(&uri).await.unwrap(), None);
}

fn names(folder: &Uri, found: &[ObjectMeta]) -> Vec<String> {
    let prefix = folder.join("").to_string();
    let names = found.iter().map(|meta| meta.uri.to_string());
    names
        .map(|name| name.strip_prefix(&prefix).unwrap_or(&name).to_owned())
        .collect()
}

async fn lists_are_whole_and_sorted(store: &Store) {
    let folder = store.folder.join("list");
    for name in [
        "b.csv",
        "a.csv",
        "a/deep/er.csv",
        "a-b.csv",
        "a/1.csv",
        "c",
        "d",
        "e",
    ] {
        let written = store
            .storage
            .write(&folder.join(name), "x", options())
            .await;
        written.unwrap();
    }
    write(store, &store.folder.join("list-of-others"), "x").await;
    let expected = [
        "a-b.csv",
        "a.csv",
        "a/1.csv",
        "a/deep/er.csv",
        "b.csv",
        "c",
        "d",
        "e",
    ];
    for folder in [folder.clone(), folder.join("")] {
        let found = store.storage.list(&folder).await.unwrap();
        assert_eq!(names(&folder, &found), expected);
        assert!(
            found
                .iter()
                .all(|meta| meta.size == 1 && meta.metadata == options().metadata)
        );
    }
    assert_eq!(store.storage.list(&folder.join("b.csv")).await.unwrap(), []);
}

async fn globs_match_the_last_part(store: &Store) {
    let folder = store.folder.join("list");
    for (pattern, expected) in [
        ("*.csv", &["a-b.csv", "a.csv", "b.csv"][..]),
        ("?", &["c", "d", "e"]),
        ("?.csv", &["a.csv", "b.csv"]),
        ("*.parquet", &[]),
        ("c", &["c"]),
        ("a", &["a/1.csv", "a/deep/er.csv"]),
        ("a/", &["a/1.csv", "a/deep/er.csv"]),
        ("a/*", &["a/1.csv"]),
    ] {
        let found = store.storage.glob(&folder.join(pattern)).await.unwrap();
        assert_eq!(names(&folder, &found), expected, "{pattern}");
    }
}

async fn failed_sources_change_nothing(store: &Store) {
    let uri = store.folder.join("kept");
    let old = store.storage.write(&uri, "the old content", options());
    old.await.unwrap();
    let before = store.storage.stat(&uri).await.unwrap();
    let sent = content(600_000);
    let broken = Pieces {
        breaks_at: Some(300_000),
        ..Pieces::of(&sent)
    };
    let error = store
        .storage
        .put(&uri, broken, PutOptions::default())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("nothing was written to {uri}: its source failed")
    );
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "the line went dead");

    for declared in [599_999, 600_001] {
        let wrong = Pieces {
            size: Some(declared),
            ..Pieces::of(&sent)
        };
        let error = store
            .storage
            .put(&uri, wrong, PutOptions::default())
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "nothing was written to {uri}: its source gave 600000 bytes instead of {declared}"
            )
        );
    }
    assert_eq!(store.storage.read(&uri).await.unwrap(), "the old content");
    assert_eq!(store.storage.stat(&uri).await.unwrap(), before);
    let listed = store.storage.list(&store.folder).await.unwrap();
    assert!(listed.iter().any(|meta| meta.uri == uri));
    let temporaries = listed
        .iter()
        .filter(|meta| meta.uri.to_string().contains("partial"));
    assert_eq!(temporaries.count(), 0);
}

/// Disk and memory go on with the old object; Cloud Storage has it no longer, and says so.
async fn the_same_bytes_are_left_alone(store: &Store) {
    let uri = store.folder.join("same.bin");
    let put = async |content: &Bytes| {
        let options = PutOptions::default();
        let put = store
            .storage
            .put_if_different(&uri, Pieces::of(content), options);
        put.await.unwrap()
    };
    let (first, second) = (content(1000), content(1001));
    let old = put(&first).await;
    let again = put(&first).await;
    let there = store.storage.stat(&uri).await.unwrap().unwrap();
    if there.crc32c.is_some() {
        assert_eq!(old.generation, again.generation);
    }
    let changed = put(&second).await;
    assert_ne!(changed.generation, there.generation);
    assert_eq!(store.storage.read(&uri).await.unwrap(), second);
    // As long as it was.
    let third = Bytes::from(vec![7; 1001]);
    put(&third).await;
    assert_eq!(store.storage.read(&uri).await.unwrap(), third);
}

async fn a_reader_keeps_what_it_opened_or_says_so(store: &Store) {
    let uri = store.folder.join("swapped");
    let old = content(700_000);
    store
        .storage
        .put(&uri, BytesSource::new(old.clone()), options())
        .await
        .unwrap();
    let mut reader = store.storage.open(&uri, ByteRange::All).await.unwrap();
    write(store, &uri, "new").await;
    let mut seen = Vec::new();
    let ended = loop {
        match reader.next().await {
            Some(Ok(piece)) => seen.extend_from_slice(&piece),
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        }
    };
    match ended {
        Ok(()) => assert_eq!(seen, old),
        Err(error) => assert_eq!(
            error.to_string(),
            format!("{uri} was changed by someone else meanwhile")
        ),
    }
    assert_eq!(store.storage.read(&uri).await.unwrap(), "new");
}

async fn preconditions_hold(store: &Store) {
    let uri = store.folder.join("conditional");
    let with = |precondition| PutOptions {
        precondition,
        ..options()
    };
    let first = store
        .storage
        .write(&uri, "first", with(Precondition::Absent))
        .await
        .unwrap();
    let error = store
        .storage
        .write(&uri, "second", with(Precondition::Absent))
        .await;
    assert!(matches!(error, Err(Error::Exists { uri: of }) if of == uri));

    let generation = Precondition::Generation(first.generation.unwrap());
    let second = store
        .storage
        .write(&uri, "second", with(generation))
        .await
        .unwrap();
    let error = store.storage.write(&uri, "third", with(generation)).await;
    assert!(matches!(error, Err(Error::Changed { uri: of }) if of == uri));
    let error = store.storage.set_metadata(&first, BTreeMap::new()).await;
    assert!(matches!(error, Err(Error::Changed { uri: of }) if of == uri));

    assert_eq!(store.storage.read(&uri).await.unwrap(), "second");
    assert_eq!(store.storage.stat(&uri).await.unwrap(), Some(second));
}

async fn a_whole_object_comes_into_a_file(
    Store {
        storage, folder, ..
    }: &Store,
) {
    for size in [0, 1, 700_000] {
        let (uri, content) = (folder.join("whole/object.bin"), content(size));
        let put = storage.write(&uri, content.clone(), PutOptions::default());
        put.await.unwrap();
        let mut seen = Vec::new();
        let file = storage.read_to_file(&uri, |piece| seen.extend_from_slice(piece));
        let mut file = file.await.unwrap();
        assert!(seen == content, "{size} bytes shown");
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == content, "{size} bytes in the file");
    }
    let absent = storage
        .read_to_file(&folder.join("whole/absent"), |_| ())
        .await;
    assert!(matches!(absent, Err(Error::NotFound { .. })), "{absent:?}");
}
