//! What HTTP sources and files have in common.

use bytes::Bytes;
use futures::stream::BoxStream;

use crate::ReadError;
use crate::entity::Entity;
use crate::file::FileOrigin;
use crate::http::HttpOrigin;

/// A source that can be asked for its bytes.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    Http(HttpOrigin),
    File(FileOrigin),
}

/// An answered request for bytes.
pub(crate) struct Body {
    /// The entity the bytes belong to: not necessarily the one that was asked for.
    pub(crate) entity: Entity,
    /// Offset of the first byte of `stream`: not necessarily the one that was asked for.
    pub(crate) start: u64,
    /// The bytes.
    pub(crate) stream: BoxStream<'static, Result<Bytes, ReadError>>,
}

impl Origin {
    /// What the source is now, without its bytes.
    pub(crate) async fn probe(&self) -> Result<Entity, ReadError> {
        match self {
            Self::Http(http) => http.probe().await,
            Self::File(file) => file.probe().await,
        }
    }

    /// Asks once for the bytes from `from` on of the entity `expected`.
    pub(crate) async fn open(
        &self,
        from: u64,
        expected: Option<&Entity>,
    ) -> Result<Body, ReadError> {
        match self {
            Self::Http(http) => http.open(from, expected).await,
            Self::File(file) => file.open(from).await,
        }
    }

    /// Checks that what was read up to its end was `entity` all the way. HTTP answers are tied to
    /// one entity; a file can be written to while it is read.
    pub(crate) async fn confirm(&self, entity: &Entity) -> Result<(), ReadError> {
        match self {
            Self::Http(_) => Ok(()),
            Self::File(file) if file.probe().await?.is_same_as(entity) => Ok(()),
            Self::File(_) => Err(ReadError::Changed),
        }
    }
}
