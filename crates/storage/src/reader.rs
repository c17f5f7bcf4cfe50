//! An open object.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, Stream, StreamExt as _};

use crate::{ObjectMeta, Result};

/// An open object: a stream of its bytes, in order, each item a piece of at most a few hundred
/// kilobytes. It stays the object that was opened, even if that is replaced meanwhile.
pub struct Reader {
    meta: ObjectMeta,
    stream: BoxStream<'static, Result<Bytes>>,
}

impl Reader {
    pub(crate) fn new(
        meta: ObjectMeta,
        stream: impl Stream<Item = Result<Bytes>> + Send + 'static,
    ) -> Self {
        Self {
            meta,
            stream: stream.boxed(),
        }
    }

    /// What is known about the whole object, whichever range was opened.
    pub fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    /// Everything that is left, in one buffer.
    pub async fn collect(mut self) -> Result<Bytes> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.stream.next().await.transpose()? {
            if all.is_empty() && piece.len() as u64 == self.meta.size {
                return Ok(piece);
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

impl Stream for Reader {
    type Item = Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes>>> {
        self.stream.poll_next_unpin(context)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}
