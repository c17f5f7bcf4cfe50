//! One source to one object.

use component::{Context, Unit};
use jiff::Timestamp;
use storage::{ObjectMeta, PutOptions, Storage};
use tokio::time::Instant;
use tracing::{debug, info};

use crate::download::Download;
use crate::inspect::Expectation;
use crate::origin::Origin;
use crate::plan::Transfer;
use crate::record::Record;
use crate::retry::{Retries, RetryPolicy};
use crate::{Error, ReadError};

/// What the transfers of a run have in common.
pub(crate) struct Setup<'a> {
    pub(crate) storage: &'a Storage,
    pub(crate) context: &'a Context,
    pub(crate) retry: RetryPolicy,
    /// Transfer even what is there already.
    pub(crate) force: bool,
}

/// An object that holds its source's content, and where that came from.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) meta: ObjectMeta,
    pub(crate) record: Record,
}

impl Setup<'_> {
    /// Makes the destination hold the source, with as little traffic as that takes. Whatever
    /// happens, the destination holds either what it held before or all of the source.
    pub(crate) async fn transfer(
        &self,
        transfer: &Transfer,
        origin: &Origin,
        deadline: Instant,
    ) -> Result<Stored, Error> {
        let read_error = |source| Error::Read {
            address: transfer.source.to_string(),
            source,
        };
        let stored = self.stored(transfer).await?;
        if let Some(stored) = &stored {
            if stored.record.sha256() == transfer.sha256.as_deref() {
                info!(
                    "{} is up to date: it has the SHA-256 asked for",
                    stored.meta.uri
                );
                return Ok(stored.clone());
            }
            match origin.probe().await {
                Ok(entity) if stored.record.describes(&entity, stored.meta.size) => {
                    info!(
                        "{} is up to date: the source has not changed",
                        stored.meta.uri
                    );
                    return Ok(stored.clone());
                }
                Ok(_) => {}
                // Not every server answers HEAD; the transfer itself will tell.
                Err(error) => debug!(%error, "the source does not say whether it has changed"),
            }
        }
        let mut restarts = Retries::new(self.retry, deadline);
        loop {
            match self
                .attempt(transfer, origin, stored.as_ref(), deadline)
                .await
            {
                Err(Attempt::Read(error)) => {
                    restarts.recover(error).await.map_err(read_error)?;
                }
                Err(Attempt::Storage(error)) => return Err(error.into()),
                Ok(stored) => return Ok(stored),
            }
        }
    }

    /// What an earlier run stored from the same source.
    async fn stored(&self, transfer: &Transfer) -> Result<Option<Stored>, Error> {
        if self.force {
            return Ok(None);
        }
        let meta = self.storage.stat(&transfer.destination).await?;
        let stored = meta.and_then(|meta| {
            Some(Stored {
                record: Record::of(&meta)?,
                meta,
            })
        });
        let source = transfer.source.to_string();
        Ok(stored.filter(|stored| stored.record.source() == Some(&source)))
    }

    async fn attempt(
        &self,
        transfer: &Transfer,
        origin: &Origin,
        stored: Option<&Stored>,
        deadline: Instant,
    ) -> Result<Stored, Attempt> {
        let expectation = Expectation {
            sha256: transfer.sha256.clone(),
            html: transfer.source.promises_html(),
        };
        let retries = Retries::new(self.retry, deadline);
        let mut download = Download::open(origin.clone(), expectation, retries).await?;
        let entity = download.entity();
        if let Some(stored) = stored
            && transfer.sha256.is_none()
            && stored.record.describes(entity, stored.meta.size)
        {
            info!(
                "{} is up to date: the source has not changed",
                stored.meta.uri
            );
            return Ok(stored.clone());
        }
        info!(
            bytes = entity.bytes,
            "transferring {} to {}", transfer.source, transfer.destination
        );
        let mut record = Record::new(transfer.source.to_string(), entity, Timestamp::now());
        if let Some(sha256) = &transfer.sha256 {
            record.set_sha256(sha256);
        }
        let options = PutOptions {
            metadata: record.pairs(),
            content_type: entity.content_type.clone(),
            ..PutOptions::default()
        };
        let label = transfer.destination.file_name().unwrap_or("transfer");
        let progress = self.context.progress(label, Unit::Bytes, entity.bytes);
        download.count_on(progress.clone());
        let sha256 = download.sha256();
        let mut meta = self
            .storage
            .put(&transfer.destination, download, options)
            .await?;
        progress.finish();
        // Without a digest the record counts as incomplete, so being killed right here costs
        // another transfer and nothing else.
        let sha256 = sha256
            .get()
            .expect("a source that was read to its end has a digest");
        if record.set_sha256(sha256) {
            meta = self.storage.set_metadata(&meta, record.pairs()).await?;
        }
        Ok(Stored { meta, record })
    }
}

/// Why one attempt failed: only the source's faults can pass.
enum Attempt {
    Read(ReadError),
    Storage(storage::Error),
}

impl From<ReadError> for Attempt {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<storage::Error> for Attempt {
    /// Takes the source's own error out of the storage error it arrives in.
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::Source { uri, source } => match source.downcast() {
                Ok(error) => Self::Read(*error),
                Err(source) => Self::Storage(storage::Error::Source { uri, source }),
            },
            error => Self::Storage(error),
        }
    }
}
