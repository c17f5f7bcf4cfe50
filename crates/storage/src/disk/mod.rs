//! Objects as files of this machine.
//!
//! A write goes to a hidden, locked [`partial`] file in the same folder, which is synced and then
//! renamed: the commit. What a file system cannot hold (media type, key-value pairs, checksum)
//! lies beside the file in a hidden [`record`].
//!
//! Commits in one folder wait for each other, also those of other processes, by a lock on the
//! folder: between the look at a precondition and the rename nobody else changes the object. A file
//! system without such locks (some network ones) leaves a moment there.

mod partial;
mod record;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use self::partial::Partial;
use self::record::Records;
use crate::meta::Depth;
use crate::tally::Tally;
use crate::{ByteRange, Error, ObjectMeta, Precondition, PutOptions, Reader, Result, Source, Uri};

/// How much is read at a time, bytes.
const CHUNK: usize = 256 * 1024;

pub(crate) async fn open(uri: &Uri, path: &Path, range: &ByteRange) -> Result<Reader> {
    let failed = |error| Error::io("read", uri, error);
    let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
    let attributes = file.metadata().await.map_err(failed)?;
    if attributes.is_dir() {
        return Err(Error::IsFolder { uri: uri.clone() });
    }
    let meta = describe(uri, path, &attributes);
    let range = range.within(meta.size);
    if range.start > 0 {
        file.seek(io::SeekFrom::Start(range.start))
            .await
            .map_err(failed)?;
    }
    let pieces = ReaderStream::with_capacity(file.take(range.end - range.start), CHUNK);
    let uri = uri.clone();
    let pieces = futures::StreamExt::map(pieces, move |piece| {
        piece.map_err(|error| Error::io("read", &uri, error))
    });
    Ok(Reader::new(meta, pieces))
}

pub(crate) async fn put(
    uri: &Uri,
    path: &Path,
    source: impl Source,
    options: PutOptions,
) -> Result<ObjectMeta> {
    if uri.is_dir_like() || path.is_dir() {
        return Err(Error::IsFolder { uri: uri.clone() });
    }
    let target = path.to_owned();
    let partial = blocking("write", uri, move || {
        let folder = folder_of(&target);
        fs::create_dir_all(folder)?;
        partial::sweep(folder)?;
        Partial::create(folder)
    })
    .await?;
    let failed = |error| Error::io("write", uri, error);
    let mut file = tokio::fs::File::from_std(partial.handle().map_err(failed)?);
    let mut source = Tally::new(source);
    while let Some(piece) = source.next_for(uri).await? {
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.sync_all().await.map_err(failed)?;
    drop(file);

    let (uri, path) = (uri.clone(), path.to_owned());
    let (size, crc32c) = (source.bytes, source.crc32c);
    let commit = move || commit(&uri, &path, partial, size, crc32c, options);
    tokio::task::spawn_blocking(commit)
        .await
        .expect("a commit does not panic")
}

/// Makes a whole partial file the object, together with its record.
fn commit(
    uri: &Uri,
    path: &Path,
    partial: Partial,
    size: u64,
    crc32c: u32,
    options: PutOptions,
) -> Result<ObjectMeta> {
    let failed = |error| Error::io("write", uri, error);
    let _exclusive = exclusive(folder_of(path)).map_err(failed)?;
    let current = existing(uri, path)?;
    options.precondition.check(uri, current.as_ref())?;
    let before = current.as_ref().and_then(|meta| meta.generation);
    let meta = ObjectMeta {
        crc32c: Some(crc32c),
        generation: Some(partial.newer_than(before).map_err(failed)?),
        content_type: options.content_type,
        metadata: options.metadata,
        ..ObjectMeta::new(uri.clone(), size)
    };
    // The record of the new object lies beside that of the old one until the rename decides
    // which of them describes the file.
    let records = Records::of(current.as_ref(), &meta);
    records.write(path).map_err(failed)?;
    match options.precondition {
        Precondition::Absent => partial.link(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists { uri: uri.clone() },
            _ => failed(error),
        })?,
        _ => partial.rename(path).map_err(failed)?,
    }
    Ok(meta)
}

pub(crate) async fn stat(uri: &Uri, path: &Path) -> Result<Option<ObjectMeta>> {
    let (uri, path) = (uri.clone(), path.to_owned());
    let stat = move || existing(&uri, &path);
    tokio::task::spawn_blocking(stat)
        .await
        .expect("a look-up does not panic")
}

pub(crate) async fn list(folder: &Uri, path: &Path, depth: Depth) -> Result<Vec<ObjectMeta>> {
    let root = path.to_owned();
    let mut found = blocking("list", folder, move || {
        let mut found = Vec::new();
        walk(&root, depth, &mut |path, attributes| {
            if !partial::is_partial(path) && !record::is_record(path) {
                found.push(describe(&Uri::local(path), path, attributes));
            }
            Ok(())
        })?;
        Ok(found)
    })
    .await?;
    found.sort_by_cached_key(|meta| meta.uri.to_string());
    Ok(found)
}

pub(crate) async fn delete(uri: &Uri, path: &Path) -> Result<()> {
    let path = path.to_owned();
    let remove = move || {
        let _exclusive = exclusive(folder_of(&path))?;
        absent_is_fine(fs::remove_file(&path))?;
        fs::remove_file(record::path_for(&path))
    };
    blocking("delete", uri, move || absent_is_fine(remove())).await
}

pub(crate) async fn set_metadata(
    of: &ObjectMeta,
    path: &Path,
    metadata: BTreeMap<String, String>,
) -> Result<ObjectMeta> {
    let (of, path) = (of.clone(), path.to_owned());
    let update = move || {
        let failed = |error| Error::io("write", &of.uri, error);
        let _exclusive = exclusive(folder_of(&path)).map_err(failed)?;
        let current = existing(&of.uri, &path)?.ok_or_else(|| Error::not_found(&of.uri))?;
        let unchanged = of
            .generation
            .map_or(Precondition::None, Precondition::Generation);
        unchanged.check(&of.uri, Some(&current))?;
        let meta = ObjectMeta {
            crc32c: current.crc32c.or(of.crc32c),
            metadata,
            ..current
        };
        let written = Records::of(None, &meta).write(&path);
        written.map_err(failed)?;
        Ok(meta)
    };
    tokio::task::spawn_blocking(update)
        .await
        .expect("an update does not panic")
}

pub(crate) async fn remove_stale(folder: &Uri, path: &Path) -> Result<usize> {
    let root = path.to_owned();
    blocking("clean", folder, move || {
        let mut removed = 0;
        walk(&root, Depth::All, &mut |path, _| {
            removed += usize::from(partial::is_partial(path) && partial::remove_if_stale(path)?);
            Ok(())
        })?;
        Ok(removed)
    })
    .await
}

/// Runs file-system calls off the runtime's threads.
async fn blocking<T: Send + 'static>(
    action: &'static str,
    uri: &Uri,
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let result = tokio::task::spawn_blocking(call).await;
    let result = result.expect("file-system calls do not panic");
    result.map_err(|error| Error::io(action, uri, error))
}

/// The object at `path`, if there is one; a folder is none.
fn existing(uri: &Uri, path: &Path) -> Result<Option<ObjectMeta>> {
    match fs::metadata(path) {
        Ok(attributes) if attributes.is_dir() || uri.is_dir_like() => Ok(None),
        Ok(attributes) => Ok(Some(describe(uri, path, &attributes))),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Error::io("look up", uri, error)),
    }
}

/// What the file system and the record beside the file say about it.
fn describe(uri: &Uri, path: &Path, attributes: &fs::Metadata) -> ObjectMeta {
    let meta = ObjectMeta {
        generation: Some(generation(attributes)),
        ..ObjectMeta::new(uri.clone(), attributes.len())
    };
    match Records::read(path).find(&meta) {
        Some(record) => record.complete(meta),
        None => meta,
    }
}

/// The modification time in nanoseconds since 1970; the library makes it grow with each write.
fn generation(attributes: &fs::Metadata) -> i64 {
    attributes.mtime() * 1_000_000_000 + attributes.mtime_nsec()
}

/// Calls `visit` with every file in `folder`. Links are followed to files, not to folders, so
/// that a loop of links does not matter. A `folder` that does not exist has no files.
fn walk(
    folder: &Path,
    depth: Depth,
    visit: &mut impl FnMut(&Path, &fs::Metadata) -> io::Result<()>,
) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if depth == Depth::All {
                walk(&path, depth, visit)?;
            }
            continue;
        }
        // A file may be gone by now, as another writer's partial file is once renamed.
        if let Ok(attributes) = fs::metadata(&path)
            && attributes.is_file()
        {
            visit(&path, &attributes)?;
        }
    }
    Ok(())
}

/// Keeps other commits out of `folder` until the handle returned is closed; `None` where the file
/// system has no locks for folders.
fn exclusive(folder: &Path) -> io::Result<Option<fs::File>> {
    let folder = fs::File::open(folder)?;
    Ok(folder.lock().is_ok().then_some(folder))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether nothing is there: also `x/y` where `x` is a file.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_absent(&error) => Ok(()),
        result => result,
    }
}

/// Makes a rename in `folder` outlive a power cut.
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// A path in `folder` that no other writer uses.
pub(crate) fn unique(folder: &Path, prefix: &str, suffix: &str) -> PathBuf {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let random = RandomState::new().build_hasher().finish();
    folder.join(format!("{prefix}{random:016x}{suffix}"))
}
