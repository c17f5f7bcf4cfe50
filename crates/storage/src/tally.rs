//! Counting and checksumming what a source gives.

use bytes::Bytes;

use crate::{Error, Result, Source, SourceError, Uri};

/// A source that counts and checksums the bytes passing through it, each once, however often it
/// is made to seek back.
pub(crate) struct Tally<S> {
    source: S,
    position: u64,
    /// How many bytes, from the start, `crc32c` covers.
    pub(crate) bytes: u64,
    pub(crate) crc32c: u32,
}

impl<S: Source> Tally<S> {
    pub(crate) fn new(source: S) -> Self {
        Self {
            source,
            position: 0,
            bytes: 0,
            crc32c: 0,
        }
    }

    /// The next bytes of the content of `uri`. At the end, an error if they were not as many as
    /// the source had said.
    pub(crate) async fn next_for(&mut self, uri: &Uri) -> Result<Option<Bytes>> {
        let source = |source| Error::Source {
            uri: uri.clone(),
            source,
        };
        let piece = self.next().await.transpose().map_err(source)?;
        let ended = piece.is_none();
        match self.size() {
            Some(declared) if self.bytes > declared || (ended && self.bytes < declared) => {
                Err(Error::SourceLength {
                    uri: uri.clone(),
                    declared,
                    actual: self.bytes,
                })
            }
            _ => Ok(piece),
        }
    }
}

impl<S: Source> Source for Tally<S> {
    fn size(&self) -> Option<u64> {
        self.source.size()
    }

    fn crc32c(&self) -> Option<u32> {
        self.source.crc32c()
    }

    async fn next(&mut self) -> Option<std::result::Result<Bytes, SourceError>> {
        let piece = match self.source.next().await? {
            Ok(piece) => piece,
            Err(error) => return Some(Err(error)),
        };
        let seen = (self.bytes - self.position).min(piece.len() as u64);
        self.crc32c = crc32c::crc32c_append(self.crc32c, &piece[seen as usize..]);
        self.position += piece.len() as u64;
        self.bytes = self.bytes.max(self.position);
        Some(Ok(piece))
    }

    async fn seek(&mut self, offset: u64) -> std::result::Result<(), SourceError> {
        self.source.seek(offset).await?;
        self.position = offset;
        Ok(())
    }
}

/// The checksum of all that a source gives, which is then at its beginning again.
pub(crate) async fn crc32c(source: &mut impl Source, uri: &Uri) -> Result<u32> {
    if let Some(known) = source.crc32c() {
        return Ok(known);
    }
    let failed = |source| Error::Source {
        uri: uri.clone(),
        source,
    };
    let mut crc32c = 0;
    while let Some(piece) = source.next().await.transpose().map_err(failed)? {
        crc32c = crc32c::crc32c_append(crc32c, &piece);
    }
    source.seek(0).await.map_err(failed)?;
    Ok(crc32c)
}
