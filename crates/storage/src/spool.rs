//! Unnamed files: what a source or an object holds, before it is known how much that is or while it
//! is read in another order.

use std::fs::File;
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use crate::tally::Tally;
use crate::{Error, FileSource, Reader, Result, Source, SourceError, Uri};

/// All that a source gave, in an unnamed file: the system removes it with the process, however
/// that ends.
#[derive(Debug)]
pub(crate) struct Spool {
    file: FileSource,
    crc32c: u32,
}

impl Spool {
    /// Reads `source` to its end. The file lies in the folder for temporary files (`TMPDIR`).
    pub(crate) async fn fill(uri: &Uri, source: impl Source) -> Result<Self> {
        let mut file = Unnamed::new()?;
        let mut source = Tally::new(source);
        while let Some(piece) = source.next_for(uri).await? {
            file.write(&piece).await?;
        }
        let (file, folder) = file.finish().await?;
        let file = FileSource::from_file(file).map_err(|error| failed(&folder, error))?;
        let crc32c = source.crc32c;
        Ok(Self { file, crc32c })
    }
}

impl Source for Spool {
    fn size(&self) -> Option<u64> {
        self.file.size()
    }

    fn crc32c(&self) -> Option<u32> {
        Some(self.crc32c)
    }

    async fn next(&mut self) -> Option<Result<bytes::Bytes, SourceError>> {
        self.file.next().await
    }

    async fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
        self.file.seek(offset).await
    }
}

/// Copies all that is left of `reader` to an unnamed file, from whose beginning it can be read then;
/// `seen` is shown each piece on its way.
pub(crate) async fn copy_to_file(
    uri: &Uri,
    mut reader: Reader,
    mut seen: impl FnMut(&[u8]),
) -> Result<File> {
    let mut file = Unnamed::new()?;
    while let Some(piece) = reader.next().await.transpose()? {
        seen(&piece);
        file.write(&piece).await?;
    }
    let (mut file, folder) = file.finish().await?;
    file.rewind().map_err(|error| failed(&folder, error))?;
    tracing::debug!("{uri} is kept in {}", folder.display());
    Ok(file)
}

/// An unnamed file that is being written.
struct Unnamed {
    folder: PathBuf,
    file: tokio::fs::File,
}

impl Unnamed {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir();
        let file = unnamed_file(&folder).map_err(|error| failed(&folder, error))?;
        let file = tokio::fs::File::from_std(file);
        Ok(Self { folder, file })
    }

    async fn write(&mut self, piece: &[u8]) -> Result<()> {
        let written = self.file.write_all(piece).await;
        written.map_err(|error| failed(&self.folder, error))
    }

    /// The file, all of it written, and the folder it lies in.
    async fn finish(mut self) -> Result<(File, PathBuf)> {
        let flushed = self.file.flush().await;
        flushed.map_err(|error| failed(&self.folder, error))?;
        Ok((self.file.into_std().await, self.folder))
    }
}

fn failed(folder: &Path, source: io::Error) -> Error {
    Error::Io {
        action: "keep the data on its way in",
        uri: Uri::local(folder.to_owned()),
        source,
    }
}

/// A file that has lost its name at once.
fn unnamed_file(folder: &Path) -> io::Result<File> {
    let path = crate::disk::unique(folder, ".storage-", ".spool");
    let mut options = File::options();
    let file = options
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
