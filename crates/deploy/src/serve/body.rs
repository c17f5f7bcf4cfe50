//! Reading a request's body, within limits of size, time and memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::time::timeout;

use super::rejection::Rejection;

/// How much more of a body that is too large is read and thrown away, so that its sender sees the
/// answer instead of a broken connection.
const MAX_DISCARDED: usize = 16_000_000;
/// How long the sender of such a body may pause until it is answered.
const PAUSE: Duration = Duration::from_millis(500);
/// Bytes of bodies that are held at the same time, over all requests, whose body comes in pieces.
const MAX_HELD: usize = 32 * 1024 * 1024;

/// Limits of all bodies of a server.
#[derive(Debug)]
pub(crate) struct BodyLimits {
    /// Largest body.
    pub(crate) max_bytes: usize,
    timeout: Duration,
    held: AtomicUsize,
}

/// A body, whole.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    /// Its bytes.
    pub(crate) bytes: Bytes,
    _held: Option<Held<'a>>,
}

impl BodyLimits {
    pub(crate) fn new(max_bytes: usize, timeout: Duration) -> Self {
        Self {
            max_bytes,
            timeout,
            held: AtomicUsize::new(0),
        }
    }

    /// Reads a body to its end.
    pub(crate) async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Received<'_>, Rejection> {
        if let Some(found) = headers.get(header::CONTENT_ENCODING)
            && found != "identity"
        {
            return Err(Rejection::Encoding {
                found: String::from_utf8_lossy(found.as_bytes()).into_owned(),
            });
        }
        if body.size_hint().lower() > self.max_bytes as u64 {
            // Nobody who asks first has to send it.
            if !headers.contains_key(header::EXPECT) {
                let _ = timeout(self.timeout, discard(body)).await;
            }
            let limit = self.max_bytes;
            return Err(Rejection::TooLarge { limit });
        }
        match timeout(self.timeout, self.collect(body)).await {
            Ok(received) => received,
            Err(_) => Err(Rejection::Slow {
                seconds: self.timeout.as_secs(),
            }),
        }
    }

    async fn collect(&self, body: Body) -> Result<Received<'_>, Rejection> {
        let mut chunks = body.into_data_stream();
        let mut next = async || match chunks.next().await.transpose() {
            Ok(chunk) => Ok(chunk),
            Err(_) => Err(Rejection::Malformed("the body ended early".to_owned())),
        };
        let first = next().await?.unwrap_or_default();
        let Some(second) = next().await? else {
            // The usual request: one piece, which is not copied.
            self.check(first.len())?;
            return Ok(Received {
                bytes: first,
                _held: None,
            });
        };
        let mut held = Held::none(&self.held);
        let mut bytes = BytesMut::new();
        let mut received = 0;
        let mut chunk = Some(first);
        let mut second = Some(second);
        while let Some(piece) = chunk {
            received += piece.len();
            if received > self.max_bytes + MAX_DISCARDED {
                break;
            }
            if received <= self.max_bytes {
                held.grow(piece.len())?;
                bytes.extend_from_slice(&piece);
            } else {
                bytes = BytesMut::new();
                held = Held::none(&self.held);
            }
            chunk = match second.take() {
                Some(second) => Some(second),
                None => next().await?,
            };
        }
        self.check(received)?;
        Ok(Received {
            bytes: bytes.freeze(),
            _held: Some(held),
        })
    }

    fn check(&self, received: usize) -> Result<(), Rejection> {
        if received > self.max_bytes {
            let limit = self.max_bytes;
            return Err(Rejection::TooLarge { limit });
        }
        Ok(())
    }
}

/// Reads what comes of a body that is declared too large, until its sender pauses: one that waits
/// for an answer gets it.
async fn discard(body: Body) {
    let mut chunks = body.into_data_stream();
    let mut received = 0;
    while let Ok(Some(Ok(chunk))) = timeout(PAUSE, chunks.next()).await {
        received += chunk.len();
        if received > MAX_DISCARDED {
            return;
        }
    }
}

/// A share of the memory for bodies, given back when dropped.
#[derive(Debug)]
struct Held<'a> {
    total: &'a AtomicUsize,
    bytes: usize,
}

impl<'a> Held<'a> {
    fn none(total: &'a AtomicUsize) -> Self {
        Self { total, bytes: 0 }
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Rejection> {
        self.bytes += bytes;
        if self.total.fetch_add(bytes, Ordering::Relaxed) + bytes > MAX_HELD {
            return Err(Rejection::Overloaded { retry_after: 1 });
        }
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(sizes: &[usize]) -> Body {
        let pieces: Vec<Result<Bytes, std::io::Error>> = sizes
            .iter()
            .map(|size| Ok(Bytes::from(vec![b'x'; *size])))
            .collect();
        Body::from_stream(futures::stream::iter(pieces))
    }

    async fn read(limits: &BodyLimits, body: Body) -> Result<usize, Rejection> {
        let received = limits.read(&HeaderMap::new(), body).await;
        received.map(|received| received.bytes.len())
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_put_together_up_to_the_limit() {
        let limits = BodyLimits::new(10, Duration::from_secs(5));
        assert_eq!(read(&limits, Body::empty()).await, Ok(0));
        assert_eq!(read(&limits, pieces(&[10])).await, Ok(10));
        assert_eq!(read(&limits, pieces(&[3, 3, 4])).await, Ok(10));
        let refused = Err(Rejection::TooLarge { limit: 10 });
        assert_eq!(read(&limits, pieces(&[11])).await, refused);
        assert_eq!(read(&limits, pieces(&[3, 3, 5])).await, refused);
        assert_eq!(limits.held.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn bodies_that_fill_the_memory_are_refused() {
        let limits = BodyLimits::new(MAX_HELD, Duration::from_secs(5));
        let half = limits
            .read(&HeaderMap::new(), pieces(&[MAX_HELD / 2, 1]))
            .await
            .unwrap();
        let refused = Err(Rejection::Overloaded { retry_after: 1 });
        assert_eq!(read(&limits, pieces(&[MAX_HELD / 2, 1])).await, refused);
        drop(half);
        assert!(read(&limits, pieces(&[MAX_HELD / 2, 1])).await.is_ok());
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let limits = BodyLimits::new(10, Duration::ZERO);
        let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let refused = Err(Rejection::Slow { seconds: 0 });
        assert_eq!(read(&limits, never).await, refused);
    }

    #[tokio::test]
    async fn a_compressed_body_is_refused() {
        let limits = BodyLimits::new(10, Duration::from_secs(5));
        let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, "gzip".parse().unwrap())]);
        let refused = limits.read(&headers, Body::empty()).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the Content-Encoding is gzip; send the body as it is"
        );
    }
}
