//! Writing an object.
//!
//! Always by the resumable protocol and unbuffered: the session keeps what has arrived, and the
//! source is asked again for what has not. (The client's buffered mode resumes wrongly:
//! <https://github.com/googleapis/google-cloud-rust/issues/6683>.) Nothing appears before the
//! last byte has arrived.

use std::sync::Arc;

use bytes::Bytes;
use google_cloud_storage::error::WriteError;
use google_cloud_storage::model::Object;
use google_cloud_storage::streaming_source::{Seek, SizeHint, StreamingSource};
use tokio::sync::Mutex;

use super::client::Client;
use super::failure::{Attempt, Failure};
use super::objects::parts;
use super::progress::{Policy, Progress};
use crate::tally::Tally;
use crate::{Error, ObjectMeta, Precondition, PutOptions, Result, Source, Uri};

/// A source as Google's client wants it, watched.
struct Payload<S> {
    uri: Uri,
    source: Arc<Mutex<Tally<S>>>,
    size: u64,
    progress: Progress,
}

/// Stands for the error of a source, which [`Progress`] holds.
#[derive(Debug, thiserror::Error)]
#[error("the source of the upload failed")]
struct SourceFailed;

impl<S: Source> StreamingSource for Payload<S> {
    type Error = SourceFailed;

    async fn next(&mut self) -> Option<Result<Bytes, SourceFailed>> {
        let mut source = self.source.lock().await;
        self.progress.ask_source();
        let piece = source.next_for(&self.uri).await;
        self.progress.reach(source.bytes);
        match piece {
            Ok(piece) => piece.map(Ok),
            Err(error) => {
                self.progress.fail_source(error);
                Some(Err(SourceFailed))
            }
        }
    }

    async fn size_hint(&self) -> Result<SizeHint, SourceFailed> {
        Ok(SizeHint::with_exact(self.size))
    }
}

impl<S: Source> Seek for Payload<S> {
    type Error = SourceFailed;

    async fn seek(&mut self, offset: u64) -> Result<(), SourceFailed> {
        let mut source = self.source.lock().await;
        self.progress.ask_source();
        let sought = source.seek(offset).await;
        self.progress.reach(0);
        sought.map_err(|source| {
            self.progress.fail_source(Error::Source {
                uri: self.uri.clone(),
                source,
            });
            SourceFailed
        })
    }
}

/// How one upload session ended.
enum Outcome {
    Stored(Box<Object>),
    /// Stored, but with another checksum.
    Mismatch(Box<Object>),
    Stalled,
}

impl Client {
    /// Uploads `size` bytes. A session that stands still is given up for a new one.
    pub(super) async fn upload<S: Source>(
        &self,
        uri: &Uri,
        source: S,
        size: u64,
        options: &PutOptions,
    ) -> Result<ObjectMeta> {
        let known_crc32c = source.crc32c();
        let source = Arc::new(Mutex::new(Tally::new(source)));
        let mut failed = 0;
        loop {
            let session = self.session(uri, &source, size, known_crc32c, options);
            match session.await {
                Ok(Outcome::Stored(object)) => {
                    let crc32c = source.lock().await.crc32c;
                    return self.verified(uri, *object, size, crc32c, options).await;
                }
                Ok(Outcome::Mismatch(object)) => {
                    let crc32c = source.lock().await.crc32c;
                    return Err(self.discard(uri, &object, size, crc32c).await);
                }
                Ok(Outcome::Stalled) => {
                    failed += 1;
                    let Some(delay) = self.options.backoff.delay(failed) else {
                        return Err(Error::Stalled {
                            action: "write",
                            uri: uri.clone(),
                            seconds: self.options.stall_timeout.as_secs(),
                            attempts: failed,
                        });
                    };
                    tracing::debug!(%uri, "an upload stands still; starting it again");
                    tokio::time::sleep(delay).await;
                }
                // The session given up may have got there after all.
                Err(error @ (Error::Exists { .. } | Error::Changed { .. })) if failed > 0 => {
                    let crc32c = source.lock().await.crc32c;
                    let found = self.stat(uri).await?;
                    let ours = |meta: &ObjectMeta| meta.size == size && meta.crc32c == Some(crc32c);
                    return found.filter(ours).ok_or(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// One upload session.
    async fn session<S: Source>(
        &self,
        uri: &Uri,
        source: &Arc<Mutex<Tally<S>>>,
        size: u64,
        known_crc32c: Option<u32>,
        options: &PutOptions,
    ) -> Result<Outcome> {
        let (bucket, object) = parts(uri);
        let progress = Progress::new();
        let payload = Payload {
            uri: uri.clone(),
            source: Arc::clone(source),
            size,
            progress: progress.clone(),
        };
        let policy = || Policy {
            progress: progress.clone(),
            credentials: self.credentials.clone(),
            backoff: self.options.backoff,
        };
        let mut request = self
            .data
            .write_object(format!("projects/_/buckets/{bucket}"), object, payload)
            .with_resumable_upload_threshold(0_usize)
            .with_checksum_precomputation(false)
            .with_retry_policy(policy())
            .with_backoff_policy(policy())
            .set_metadata(options.metadata.clone());
        if let Some(content_type) = &options.content_type {
            request = request.set_content_type(content_type);
        }
        match options.precondition {
            Precondition::None => {}
            Precondition::Absent => request = request.set_if_generation_match(0),
            Precondition::Generation(wished) => request = request.set_if_generation_match(wished),
        }
        let sent = async {
            match known_crc32c {
                Some(crc32c) => request.with_known_crc32c(crc32c).send_unbuffered().await,
                None => request.send_unbuffered().await,
            }
        };
        let sent = tokio::select! {
            sent = sent => sent,
            () = progress.stalled(self.options.stall_timeout) => return Ok(Outcome::Stalled),
        };
        let error = match sent {
            Ok(object) => return Ok(Outcome::Stored(Box::new(object))),
            Err(error) => error,
        };
        if let Some(error) = progress.take_source_error() {
            return Err(error);
        }
        let cause = std::error::Error::source(&error);
        if let Some(WriteError::ChecksumMismatch { object, .. }) =
            cause.and_then(|cause| cause.downcast_ref())
        {
            return Ok(Outcome::Mismatch(object.clone()));
        }
        Err(Failure::of_client(&error).into_error(Attempt {
            action: "write",
            uri,
            precondition: options.precondition,
        }))
    }

    /// The stored object's description, if it is what was sent.
    async fn verified(
        &self,
        uri: &Uri,
        object: Object,
        size: u64,
        crc32c: u32,
        options: &PutOptions,
    ) -> Result<ObjectMeta> {
        let stored = object
            .checksums
            .as_ref()
            .and_then(|checksums| checksums.crc32c);
        if object.size as u64 != size || stored.is_some_and(|stored| stored != crc32c) {
            return Err(self.discard(uri, &object, size, crc32c).await);
        }
        Ok(ObjectMeta {
            crc32c: Some(crc32c),
            generation: Some(object.generation),
            etag: Some(object.etag).filter(|etag| !etag.is_empty()),
            content_type: options.content_type.clone(),
            metadata: options.metadata.clone(),
            ..ObjectMeta::new(uri.clone(), size)
        })
    }

    /// Deletes an object that is not what was sent, and says what differs.
    async fn discard(&self, uri: &Uri, object: &Object, size: u64, crc32c: u32) -> Error {
        let stored = object
            .checksums
            .as_ref()
            .and_then(|checksums| checksums.crc32c);
        let fate = match self.delete(uri, Some(object.generation)).await {
            Ok(()) => "it was deleted again".to_owned(),
            Err(error) => format!("it could not be deleted again ({error})"),
        };
        Error::Damaged {
            uri: uri.clone(),
            problem: format!(
                "{size} bytes with CRC32C {crc32c:08x} were sent, {} with {:08x} were stored; {fate}",
                object.size,
                stored.unwrap_or_default(),
            ),
        }
    }
}
