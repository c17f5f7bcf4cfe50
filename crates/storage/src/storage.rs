//! The one interface over all stores.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;

use crate::meta::Depth;
use crate::{
    BucketOptions, BucketOutcome, ByteRange, BytesSource, Error, FileSource, GcsOptions,
    ObjectMeta, Precondition, PutOptions, Reader, Result, Source, Uri, disk, gcs::Gcs, glob,
    memory::Memory, spool, tally,
};

/// Reads and writes objects wherever they are. Cheap to clone; clones share connections.
///
/// Local addresses are always files of this machine.
#[derive(Clone, Debug)]
pub struct Storage {
    remote: Remote,
}

/// What serves `gs://` addresses.
#[derive(Clone, Debug)]
enum Remote {
    Memory(Memory),
    Gcs(Gcs),
}

impl Storage {
    /// Cloud Storage for `gs://` addresses, with the credentials the environment offers. Does no
    /// I/O: the client is made when the first `gs://` address is used.
    pub fn from_env() -> Self {
        Self::with_gcs(GcsOptions::from_env())
    }

    /// Cloud Storage for `gs://` addresses, reached as `options` say. Does no I/O.
    pub fn with_gcs(options: GcsOptions) -> Self {
        Self {
            remote: Remote::Gcs(Gcs::new(options)),
        }
    }

    /// `gs://` addresses live in memory, for tests.
    pub fn memory() -> Self {
        Self {
            remote: Remote::Memory(Memory::default()),
        }
    }

    /// Opens an object.
    pub async fn open(&self, uri: &Uri, range: ByteRange) -> Result<Reader> {
        match (uri.local_path(), &self.remote) {
            (Some(path), _) => disk::open(uri, path, &range).await,
            (None, Remote::Memory(memory)) => memory.open(object(uri)?, &range),
            (None, Remote::Gcs(gcs)) => gcs.open(object(uri)?, &range).await,
        }
    }

    /// Reads a whole, small object.
    pub async fn read(&self, uri: &Uri) -> Result<Bytes> {
        self.open(uri, ByteRange::All).await?.collect().await
    }

    /// Copies a whole object to an unnamed file in the folder for temporary files (`TMPDIR`), and
    /// gives that file, to be read from its beginning; the system removes it with the process,
    /// however that ends. `seen` is shown each piece on its way, in order.
    pub async fn read_to_file(&self, uri: &Uri, seen: impl FnMut(&[u8])) -> Result<std::fs::File> {
        let reader = self.open(uri, ByteRange::All).await?;
        spool::copy_to_file(uri, reader, seen).await
    }

    /// Writes an object from a stream. The object appears, or changes, at once and whole, after
    /// its length and checksum were found right; on an error everything stays as it was.
    pub async fn put(
        &self,
        uri: &Uri,
        source: impl Source,
        options: PutOptions,
    ) -> Result<ObjectMeta> {
        match (uri.local_path(), &self.remote) {
            (Some(path), _) => disk::put(uri, path, source, options).await,
            (None, Remote::Memory(memory)) => memory.put(object(uri)?, source, options).await,
            (None, Remote::Gcs(gcs)) => gcs.put(object(uri)?, source, &options).await,
        }
    }

    /// Writes a small object, with the promises of [`Self::put`].
    pub async fn write(
        &self,
        uri: &Uri,
        content: impl Into<Bytes>,
        options: PutOptions,
    ) -> Result<ObjectMeta> {
        self.put(uri, BytesSource::new(content), options).await
    }

    /// Writes the content of a local file, with the promises of [`Self::put`].
    pub async fn put_file(
        &self,
        uri: &Uri,
        path: &Path,
        options: PutOptions,
    ) -> Result<ObjectMeta> {
        self.put(uri, FileSource::open(path).await?, options).await
    }

    /// Writes an object, with the promises of [`Self::put`], unless these very bytes are there:
    /// then it is not touched, for somebody may be reading it. A store that keeps no checksum is
    /// always written to.
    ///
    /// # Errors
    ///
    /// Those of [`Self::put`], and [`Error::Exists`] or [`Error::Changed`] when somebody else
    /// writes it meanwhile; try again then, for it may have been the same bytes.
    pub async fn put_if_different(
        &self,
        uri: &Uri,
        mut source: impl Source,
        options: PutOptions,
    ) -> Result<ObjectMeta> {
        let precondition = match self.stat(uri).await? {
            None => Precondition::Absent,
            Some(there) => {
                if source.size() == Some(there.size)
                    && there.crc32c.is_some()
                    && there.crc32c == Some(tally::crc32c(&mut source, uri).await?)
                {
                    return Ok(there);
                }
                there
                    .generation
                    .map_or(Precondition::None, Precondition::Generation)
            }
        };
        let options = PutOptions {
            precondition,
            ..options
        };
        self.put(uri, source, options).await
    }

    /// What is known about an object; `None` if there is none.
    pub async fn stat(&self, uri: &Uri) -> Result<Option<ObjectMeta>> {
        match (uri.local_path(), &self.remote) {
            (Some(path), _) => disk::stat(uri, path).await,
            (None, _) if uri.is_dir_like() => Ok(None),
            (None, Remote::Memory(memory)) => Ok(memory.stat(uri)),
            (None, Remote::Gcs(gcs)) => gcs.stat(uri).await,
        }
    }

    /// All objects below a folder, however deep, sorted by name. A folder that does not exist
    /// holds none.
    pub async fn list(&self, folder: &Uri) -> Result<Vec<ObjectMeta>> {
        self.list_to(folder, Depth::All).await
    }

    async fn list_to(&self, folder: &Uri, depth: Depth) -> Result<Vec<ObjectMeta>> {
        match (folder.local_path(), &self.remote) {
            (Some(path), _) => disk::list(folder, path, depth).await,
            (None, Remote::Memory(memory)) => Ok(memory.list(folder, depth)),
            (None, Remote::Gcs(gcs)) => gcs.list(folder, depth).await,
        }
    }

    /// The objects an address stands for, sorted by name: an object stands for itself, a folder
    /// for all objects below it, and `*` (any characters but `/`) and `?` (any one character) in
    /// the last part for the objects of that folder whose names match.
    pub async fn glob(&self, pattern: &Uri) -> Result<Vec<ObjectMeta>> {
        if !pattern.is_dir_like()
            && let Some(meta) = self.stat(pattern).await?
        {
            return Ok(vec![meta]);
        }
        match (pattern.file_name(), pattern.parent()) {
            (Some(name), Some(folder)) if glob::is_pattern(name) => {
                let mut found = self.list_to(&folder, Depth::Children).await?;
                let wanted = |meta: &ObjectMeta| {
                    let found = meta.uri.file_name();
                    found.is_some_and(|found| glob::matches(name, found))
                };
                found.retain(wanted);
                Ok(found)
            }
            _ => self.list(pattern).await,
        }
    }

    /// Deletes an object; one that does not exist is no error.
    pub async fn delete(&self, uri: &Uri) -> Result<()> {
        match (uri.local_path(), &self.remote) {
            (Some(path), _) => disk::delete(uri, path).await,
            (None, Remote::Memory(memory)) => {
                memory.delete(object(uri)?);
                Ok(())
            }
            (None, Remote::Gcs(gcs)) => gcs.delete(object(uri)?).await,
        }
    }

    /// Replaces the key-value pairs of the object that `of` describes, leaving its content alone;
    /// for what is known only once the content has passed. Fails with [`Error::Changed`] if the
    /// object is no longer that one.
    pub async fn set_metadata(
        &self,
        of: &ObjectMeta,
        metadata: BTreeMap<String, String>,
    ) -> Result<ObjectMeta> {
        match (of.uri.local_path(), &self.remote) {
            (Some(path), _) => disk::set_metadata(of, path, metadata).await,
            (None, Remote::Memory(memory)) => memory.set_metadata(of, metadata),
            (None, Remote::Gcs(gcs)) => gcs.set_metadata(of, metadata).await,
        }
    }

    /// Makes the bucket unless it is there. A bucket that is there is taken if it belongs to the
    /// project and lies in the location that `options` name.
    pub async fn ensure_bucket(
        &self,
        bucket: &str,
        options: &BucketOptions,
    ) -> Result<BucketOutcome> {
        match &self.remote {
            Remote::Memory(memory) => Ok(memory.ensure_bucket(bucket, options)),
            Remote::Gcs(gcs) => gcs.ensure_bucket(bucket, options).await,
        }
    }

    /// Removes what killed writers left below a folder, and returns how many left-overs there
    /// were. They never show, and each write clears its own folder; this is for tidying up.
    pub async fn remove_stale(&self, folder: &Uri) -> Result<usize> {
        match (folder.local_path(), &self.remote) {
            (Some(path), _) => disk::remove_stale(folder, path).await,
            // Unfinished uploads have no name; Cloud Storage forgets them after a week.
            (None, _) => Ok(0),
        }
    }
}

/// `uri`, unless it cannot be an object.
fn object(uri: &Uri) -> Result<&Uri> {
    if uri.is_dir_like() {
        return Err(Error::IsFolder { uri: uri.clone() });
    }
    Ok(uri)
}
