//! Where the bytes of a write come from.

use std::future::Future;
use std::io::{Seek as _, SeekFrom};
use std::path::Path;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::{Error, Uri};

/// Why a source cannot go on; becomes the cause of [`crate::Error::Source`].
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Bytes to be written, which can be had again from any offset.
///
/// A write that loses its connection continues where the store says it stopped: it calls
/// [`seek`](Self::seek) and reads on. An error ends the write, so a source that can try again does
/// so inside [`next`](Self::next).
pub trait Source: Send + 'static {
    /// The exact number of bytes from offset 0 to the end, if known. A source that turns out
    /// longer or shorter fails the write.
    fn size(&self) -> Option<u64>;

    /// The CRC32C of all the bytes, where it is known beforehand: a store that can then refuses a
    /// damaged transfer before it replaces anything.
    fn crc32c(&self) -> Option<u32> {
        None
    }

    /// The next bytes; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, SourceError>>> + Send;

    /// Makes [`next`](Self::next) continue at `offset`, which is never beyond what it has given.
    fn seek(&mut self, offset: u64) -> impl Future<Output = Result<(), SourceError>> + Send;
}

/// Bytes in memory.
#[derive(Clone, Debug)]
pub struct BytesSource {
    bytes: Bytes,
    position: usize,
}

impl BytesSource {
    /// All of `bytes`.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            position: 0,
        }
    }
}

impl Source for BytesSource {
    fn size(&self) -> Option<u64> {
        Some(self.bytes.len() as u64)
    }

    fn crc32c(&self) -> Option<u32> {
        Some(crc32c::crc32c(&self.bytes))
    }

    async fn next(&mut self) -> Option<Result<Bytes, SourceError>> {
        let rest = self.bytes.slice(self.position..);
        self.position = self.bytes.len();
        (!rest.is_empty()).then_some(Ok(rest))
    }

    async fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
        self.position = self.bytes.len().min(offset as usize);
        Ok(())
    }
}

/// A file on this machine, which must not change while it is read.
#[derive(Debug)]
pub struct FileSource {
    file: tokio::fs::File,
    size: u64,
}

impl FileSource {
    /// How much is read at a time, bytes.
    const CHUNK: usize = 256 * 1024;

    /// Opens the file at `path`.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io("read", &Uri::local(path), error);
        let file = tokio::fs::File::open(path).await.map_err(failed)?;
        let size = file.metadata().await.map_err(failed)?.len();
        Ok(Self { file, size })
    }

    /// A file that is open for reading, from its beginning wherever its position is; it need not
    /// have a name.
    pub fn from_file(mut file: std::fs::File) -> std::io::Result<Self> {
        file.rewind()?;
        let size = file.metadata()?.len();
        let file = tokio::fs::File::from_std(file);
        Ok(Self { file, size })
    }
}

impl Source for FileSource {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    async fn next(&mut self) -> Option<Result<Bytes, SourceError>> {
        let mut chunk = BytesMut::with_capacity(Self::CHUNK);
        match self.file.read_buf(&mut chunk).await {
            Ok(0) => None,
            Ok(_) => Some(Ok(chunk.freeze())),
            Err(error) => Some(Err(error.into())),
        }
    }

    async fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
        self.file.seek(SeekFrom::Start(offset)).await?;
        Ok(())
    }
}
