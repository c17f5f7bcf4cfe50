//! One source as a stream that survives broken connections and gives its end only when all of it
//! was found right.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use component::Progress;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use storage::SourceError;

use crate::ReadError;
use crate::entity::Entity;
use crate::inspect::{Expectation, Inspection};
use crate::origin::{Body, Origin};
use crate::retry::Retries;

/// The bytes of one entity of a source.
///
/// A broken connection is resumed where it broke, with a range request that holds only for the
/// same entity. The last piece is held back until the source has ended and everything was found
/// as expected, so that a store which commits with the last byte never commits wrong content.
pub(crate) struct Download {
    origin: Origin,
    entity: Entity,
    /// The open answer; `None` makes the next read ask again.
    stream: Option<BoxStream<'static, Result<Bytes, ReadError>>>,
    /// Offset after the last byte taken from `stream`.
    position: u64,
    /// The last piece taken, until its successor or the end is known.
    held: Option<Bytes>,
    ended: bool,
    inspection: Inspection,
    sha256: Arc<OnceLock<String>>,
    retries: Retries,
    progress: Option<Progress>,
}

impl Download {
    /// Asks the source for its bytes, again and again as far as `retries` allow.
    pub(crate) async fn open(
        origin: Origin,
        expectation: Expectation,
        mut retries: Retries,
    ) -> Result<Self, ReadError> {
        let Body { entity, stream, .. } = loop {
            match origin.open(0, None).await {
                Ok(body) => break body,
                Err(error) => retries.recover(error).await?,
            }
        };
        Ok(Self {
            origin,
            entity,
            stream: Some(stream),
            position: 0,
            held: None,
            ended: false,
            inspection: Inspection::new(expectation),
            sha256: Arc::default(),
            retries,
            progress: None,
        })
    }

    /// Which entity of the source this is.
    pub(crate) fn entity(&self) -> &Entity {
        &self.entity
    }

    /// Where the SHA-256 will be, in hex, once the last byte has been given.
    pub(crate) fn sha256(&self) -> Arc<OnceLock<String>> {
        Arc::clone(&self.sha256)
    }

    /// Counts the bytes on `progress` from now on.
    pub(crate) fn count_on(&mut self, progress: Progress) {
        self.progress = Some(progress);
    }

    /// The next piece that may be handed over.
    async fn next_piece(&mut self) -> Result<Option<Bytes>, ReadError> {
        while !self.ended {
            if let Some(piece) = self.receive().await? {
                if let Some(ready) = self.held.replace(piece) {
                    return Ok(Some(ready));
                }
            } else {
                self.origin.confirm(&self.entity).await?;
                let sha256 = self.inspection.finish()?;
                // Already there after a seek, and then the same.
                let _ = self.sha256.set(sha256);
                self.ended = true;
            }
        }
        Ok(self.held.take())
    }

    /// The next piece from the source, over as many connections as it takes.
    async fn receive(&mut self) -> Result<Option<Bytes>, ReadError> {
        loop {
            let error = match self.receive_once().await {
                Ok(piece) => return Ok(piece),
                Err(error) if error.is_transient() => error,
                Err(error) => return Err(error),
            };
            self.stream = None;
            if self.entity.validator().is_none() {
                return Err(ReadError::NotResumable {
                    received: self.position,
                    source: Box::new(error),
                });
            }
            self.retries.recover(error).await?;
        }
    }

    async fn receive_once(&mut self) -> Result<Option<Bytes>, ReadError> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(reopen(&self.origin, &mut self.entity, self.position).await?),
        };
        match stream.next().await.transpose()? {
            Some(piece) => {
                self.inspection.inspect(self.position, &piece)?;
                self.position += piece.len() as u64;
                self.retries.progressed(piece.len() as u64);
                if let Some(progress) = &self.progress {
                    progress.set(self.position);
                }
                Ok(Some(piece))
            }
            None if self.entity.bytes.is_none_or(|bytes| bytes == self.position) => Ok(None),
            None => Err(ReadError::Truncated {
                received: self.position,
            }),
        }
    }

    /// Offset of the next byte to hand over.
    fn given(&self) -> u64 {
        self.position - self.held.as_ref().map_or(0, |piece| piece.len() as u64)
    }
}

/// Opens `entity` again at `from`. A source that ignores ranges is read, and forgotten, up to
/// there.
async fn reopen(
    origin: &Origin,
    entity: &mut Entity,
    from: u64,
) -> Result<BoxStream<'static, Result<Bytes, ReadError>>, ReadError> {
    let body = origin.open(from, Some(entity)).await?;
    if !entity.is_same_as(&body.entity) {
        return Err(ReadError::Changed);
    }
    match (entity.bytes, body.entity.bytes) {
        (Some(announced), Some(actual)) if announced != actual => {
            return Err(ReadError::SizeMismatch { announced, actual });
        }
        (None, actual) => entity.bytes = actual,
        _ => {}
    }
    let mut surplus = from
        .checked_sub(body.start)
        .ok_or(ReadError::BadRange { from })?;
    let mut stream = body.stream;
    while surplus > 0 {
        let mut piece = stream
            .next()
            .await
            .ok_or(ReadError::Truncated { received: from })??;
        let skipped = surplus.min(piece.len() as u64);
        surplus -= skipped;
        let rest = piece.split_off(skipped as usize);
        if !rest.is_empty() {
            return Ok(futures::stream::iter([Ok(rest)]).chain(stream).boxed());
        }
    }
    Ok(stream)
}

impl storage::Source for Download {
    fn size(&self) -> Option<u64> {
        self.entity.bytes
    }

    async fn next(&mut self) -> Option<Result<Bytes, SourceError>> {
        self.next_piece()
            .await
            .map_err(SourceError::from)
            .transpose()
    }

    async fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
        if offset != self.given() {
            self.stream = None;
            self.held = None;
            self.ended = false;
            self.position = offset;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use storage::Source as _;
    use tempfile::NamedTempFile;
    use tokio::time::Instant;

    use super::*;
    use crate::file::FileOrigin;
    use crate::retry::RetryPolicy;

    async fn download(file: &NamedTempFile) -> Download {
        let origin = Origin::File(FileOrigin(file.path().to_owned()));
        let policy = RetryPolicy {
            max_attempts: 1,
            initial_delay: Duration::ZERO,
            max_delay: Duration::ZERO,
        };
        let retries = Retries::new(policy, Instant::now() + Duration::from_mins(1));
        Download::open(origin, Expectation::default(), retries)
            .await
            .unwrap()
    }

    async fn rest(download: &mut Download) -> Result<Vec<u8>, SourceError> {
        let mut rest = Vec::new();
        while let Some(piece) = download.next().await {
            rest.extend_from_slice(&piece?);
        }
        Ok(rest)
    }

    fn file(content: &[u8]) -> NamedTempFile {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    /// More than one piece, none like another.
    fn content() -> Vec<u8> {
        (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect()
    }

    #[tokio::test]
    async fn seeking_back_gives_the_same_bytes_and_the_same_digest() {
        let content = content();
        let file = file(&content);
        let mut straight = download(&file).await;
        assert!(rest(&mut straight).await.unwrap() == content);

        let mut seeking = download(&file).await;
        for offset in [0, 100, 300_001] {
            seeking.next().await.unwrap().unwrap();
            seeking.next().await.unwrap().unwrap();
            seeking.seek(offset as u64).await.unwrap();
        }
        assert!(rest(&mut seeking).await.unwrap() == content[300_001..]);
        seeking.seek(content.len() as u64 - 1).await.unwrap();
        assert!(rest(&mut seeking).await.unwrap() == content[content.len() - 1..]);
        assert_eq!(seeking.sha256().get(), straight.sha256().get());
        assert!(seeking.sha256().get().is_some());
    }

    #[tokio::test]
    async fn a_file_written_to_while_it_is_read_is_refused_before_its_end() {
        let content = content();
        let file = file(&content);
        let mut download = download(&file).await;
        download.next().await.unwrap().unwrap();
        let mut changed = content.clone();
        changed[content.len() - 1] ^= 1;
        std::fs::write(file.path(), changed).unwrap();
        let error = rest(&mut download).await.unwrap_err();
        assert_eq!(error.to_string(), "the source changed while it was read");
        assert_eq!(download.sha256().get(), None);
    }
}
