//! Unnamed files: what a source or an object holds, before it is known how much that is or while it
//! is read in another order.

use std::io;

use futures::StreamExt as _;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

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
        let folder = std::env::temp_dir();
        let failed = |error| Error::Io {
            action: "keep the data on its way in",
            uri: Uri::local(folder.clone()),
            source: error,
        };
        let mut file = tokio::fs::File::from_std(unnamed_file(&folder).map_err(failed)?);
        let mut source = Tally::new(source);
        while let Some(piece) = source.next_for(uri).await? {
            file.write_all(&piece).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        let file = FileSource::from_file(file.into_std().await).map_err(failed)?;
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
) -> Result<std::fs::File> {
    let folder = std::env::temp_dir();
    let failed = |error| Error::Io {
        action: "keep the data on its way in",
        uri: Uri::local(folder.clone()),
        source: error,
    };
    let mut file = tokio::fs::File::from_std(unnamed_file(&folder).map_err(failed)?);
    while let Some(piece) = reader.next().await.transpose()? {
        seen(&piece);
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    file.rewind().await.map_err(failed)?;
    tracing::debug!("{uri} is kept in {}", folder.display());
    Ok(file.into_std().await)
}

/// A file that has lost its name at once.
fn unnamed_file(folder: &std::path::Path) -> io::Result<std::fs::File> {
    let path = crate::disk::unique(folder, ".storage-", ".spool");
    let mut options = std::fs::File::options();
    let file = options
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
