//! Reading a source that is a file on this machine.

use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use futures::{StreamExt as _, TryStreamExt as _};
use tokio::fs::File;
use tokio::io::AsyncSeekExt as _;
use tokio_util::io::ReaderStream;

use crate::ReadError;
use crate::entity::Entity;
use crate::origin::Body;

/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;

/// One local file.
#[derive(Clone, Debug)]
pub(crate) struct FileOrigin(pub(crate) PathBuf);

impl FileOrigin {
    /// What the file system tells about the file.
    pub(crate) async fn probe(&self) -> Result<Entity, ReadError> {
        entity(&self.0, &tokio::fs::metadata(&self.0).await?)
    }

    /// Reads the file from byte `from` on.
    pub(crate) async fn open(&self, from: u64) -> Result<Body, ReadError> {
        // Before opening it: that would wait for ever at a pipe nobody writes to.
        self.probe().await?;
        let mut file = File::open(&self.0).await?;
        let entity = entity(&self.0, &file.metadata().await?)?;
        file.seek(SeekFrom::Start(from)).await?;
        let stream = ReaderStream::with_capacity(file, CHUNK)
            .map_err(ReadError::Io)
            .boxed();
        Ok(Body {
            entity,
            start: from,
            stream,
        })
    }
}

/// Size and modification time make the entity tag, as web servers do for files.
fn entity(path: &Path, metadata: &std::fs::Metadata) -> Result<Entity, ReadError> {
    if !metadata.is_file() {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
        return Err(ReadError::Io(error));
    }
    let modified = metadata
        .modified()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    Ok(Entity {
        final_url: path.display().to_string(),
        bytes: Some(metadata.len()),
        etag: Some(format!("\"{:x}-{modified:x}\"", metadata.len())),
        ..Entity::default()
    })
}
