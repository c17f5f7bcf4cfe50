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

const UNCHANGED: &str = "the source has not changed";

impl Stored {
    /// The object as it is, after telling why it stays so.
    fn up_to_date(&self, why: &str) -> Self {
        info!("{} is up to date: {why}", self.meta.uri);
        self.clone()
    }
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
            if transfer.sha256.is_some() {
                return Ok(stored.up_to_date("it has the SHA-256 asked for"));
            }
            match origin.probe().await {
                Ok(entity) if stored.record.describes(&entity, stored.meta.size) => {
                    return Ok(stored.up_to_date(UNCHANGED));
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

    /// What an earlier run stored from the same source, if it has the SHA-256 asked for.
    async fn stored(&self, transfer: &Transfer) -> Result<Option<Stored>, Error> {
        if self.force {
            return Ok(None);
        }
        let Some(meta) = self.storage.stat(&transfer.destination).await? else {
            return Ok(None);
        };
        let wanted = |record: &Record| {
            let pin = transfer.sha256.as_deref();
            record.source() == Some(&transfer.source.to_string())
                && pin.is_none_or(|pin| record.sha256() == Some(pin))
        };
        let record = Record::of(&meta).filter(wanted);
        Ok(record.map(|record| Stored { meta, record }))
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
            && stored.record.describes(entity, stored.meta.size)
        {
            return Ok(stored.up_to_date(UNCHANGED));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;
    use crate::SourceAddress;
    use crate::file::FileOrigin;

    #[tokio::test]
    async fn an_object_in_memory_is_written_once() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("data.csv");
        std::fs::write(&path, "abc").unwrap();
        let storage = Storage::memory();
        storage
            .ensure_bucket("bucket", &storage::BucketOptions::default())
            .await
            .unwrap();
        let context = Context::detached(&crate::CONTRACT);
        let setup = Setup {
            storage: &storage,
            context: &context,
            retry: RetryPolicy {
                max_attempts: 1,
                initial_delay: Duration::ZERO,
                max_delay: Duration::ZERO,
            },
            force: false,
        };
        let transfer = Transfer {
            source: SourceAddress::File(path.clone()),
            destination: "gs://bucket/raw.csv".parse().unwrap(),
            sha256: None,
        };
        let origin = Origin::File(FileOrigin(path));
        let mut generations = Vec::new();
        for _ in 0..2 {
            let deadline = Instant::now() + Duration::from_mins(1);
            let stored = setup.transfer(&transfer, &origin, deadline).await;
            let stored = stored.unwrap_or_else(|error| panic!("{error}"));
            generations.push(stored.meta.generation);
        }
        assert_eq!(generations[0], generations[1]);
        let content = storage.read(&transfer.destination).await.unwrap();
        assert_eq!(&content[..], b"abc");
    }
}
