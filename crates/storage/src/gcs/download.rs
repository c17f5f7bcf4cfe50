//! Reading the bytes of an object.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_storage::model_ext::ReadRange;
use google_cloud_storage::read_object::ReadObjectResponse;
use google_cloud_storage::read_resume_policy::NeverResume;

use super::client::Client;
use super::failure::{Attempt, Failure};
use super::objects::{parts, plain};
use crate::{Error, ObjectMeta, Precondition, Result};

/// A read under way. It resumes broken and standing connections itself, since Google's client
/// notices no standstill, and counts only failures in a row.
pub(super) struct Download {
    client: Arc<Client>,
    meta: ObjectMeta,
    left: Range<u64>,
    /// Checksum so far, where the whole object is read and there is one to compare with.
    crc32c: Option<u32>,
    response: Option<ReadObjectResponse>,
    failed: u32,
    renewed: bool,
}

/// Why one attempt ended.
enum Trouble {
    Stalled,
    Failed(Failure),
}

impl Download {
    pub(super) fn new(client: Arc<Client>, meta: ObjectMeta, range: Range<u64>) -> Self {
        let whole = range == (0..meta.size);
        Self {
            client,
            crc32c: meta.crc32c.filter(|_| whole).map(|_| 0),
            left: range,
            meta,
            response: None,
            failed: 0,
            renewed: false,
        }
    }

    /// The next bytes; `None` at the end of the range.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.left.is_empty() {
            return self.verify().map(|()| None);
        }
        loop {
            let stall = self.client.options.stall_timeout;
            let trouble = match tokio::time::timeout(stall, self.attempt()).await {
                Ok(Ok(piece)) => {
                    self.failed = 0;
                    self.renewed = false;
                    self.left.start += piece.len() as u64;
                    self.crc32c = self.crc32c.map(|crc| crc32c::crc32c_append(crc, &piece));
                    return Ok(Some(piece));
                }
                Ok(Err(failure)) => Trouble::Failed(failure),
                Err(_) => Trouble::Stalled,
            };
            self.response = None;
            self.recover(trouble, stall).await?;
        }
    }

    /// Waits until the next attempt, or gives up.
    async fn recover(&mut self, trouble: Trouble, stall: Duration) -> Result<()> {
        if let Trouble::Failed(failure) = &trouble
            && failure.status == Some(401)
            && !self.renewed
        {
            self.renewed = true;
            self.client.credentials.invalidate();
            return Ok(());
        }
        self.failed += 1;
        let delay = self.client.options.backoff.delay(self.failed);
        let uri = &self.meta.uri;
        match (trouble, delay) {
            (Trouble::Failed(failure), _) if failure.status == Some(404) => {
                // This generation was there when the read began.
                let changed = Attempt {
                    precondition: Precondition::None,
                    ..plain("read", uri)
                };
                let status = Some(412);
                Err(Failure { status, ..failure }.into_error(changed))
            }
            (Trouble::Failed(failure), delay) if delay.is_none() || !failure.is_transient() => {
                Err(failure.into_error(plain("read", uri)))
            }
            (Trouble::Stalled, None) => Err(Error::Stalled {
                action: "read",
                uri: uri.clone(),
                seconds: stall.as_secs(),
                attempts: self.failed,
            }),
            (_, delay) => {
                tracing::debug!(%uri, offset = self.left.start, "resuming a broken read");
                tokio::time::sleep(delay.unwrap_or_default()).await;
                Ok(())
            }
        }
    }

    async fn attempt(&mut self) -> Result<Bytes, Failure> {
        if self.response.is_none() {
            self.response = Some(self.open().await?);
        }
        let response = self.response.as_mut().expect("just opened");
        match response.next().await {
            Some(Ok(piece)) => Ok(piece),
            Some(Err(error)) => Err(Failure::of_client(&error)),
            None => Err(Failure {
                status: None,
                reason: format!(
                    "the answer ended {} bytes early",
                    self.left.end - self.left.start
                ),
            }),
        }
    }

    /// Asks for what is left of this very generation.
    async fn open(&mut self) -> Result<ReadObjectResponse, Failure> {
        let (bucket, object) = parts(&self.meta.uri);
        let Range { start, end } = self.left;
        let range = match (start, end) {
            (0, end) if end == self.meta.size => ReadRange::all(),
            (start, end) => ReadRange::segment(start, end - start),
        };
        let request = self
            .client
            .data
            .read_object(format!("projects/_/buckets/{bucket}"), object)
            .set_read_range(range)
            .compute_crc32c(false)
            .with_retry_policy(NeverRetry)
            .with_read_resume_policy(NeverResume);
        let request = match self.meta.generation {
            Some(generation) => request.set_generation(generation),
            None => request,
        };
        request
            .send()
            .await
            .map_err(|error| Failure::of_client(&error))
    }

    fn verify(&self) -> Result<()> {
        match (self.crc32c, self.meta.crc32c) {
            (Some(arrived), Some(stored)) if arrived != stored => Err(Error::Damaged {
                uri: self.meta.uri.clone(),
                problem: format!(
                    "the CRC32C of what arrived is {arrived:08x}, of what is stored {stored:08x}"
                ),
            }),
            _ => Ok(()),
        }
    }
}
