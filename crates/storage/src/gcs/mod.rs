//! Objects in Google Cloud Storage: data through Google's own client, everything else through
//! the JSON API, with the project's one set of credentials.

mod buckets;
mod client;
mod control;
mod download;
mod failure;
mod objects;
mod options;
mod progress;
mod upload;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream;
use tokio::sync::OnceCell;

use self::client::Client;
use self::download::Download;
pub use self::options::GcsOptions;
use crate::meta::Depth;
use crate::spool::Spool;
use crate::{
    BucketOptions, BucketOutcome, ByteRange, Error, ObjectMeta, PutOptions, Reader, Result, Source,
    Uri,
};

/// The store; clones share the clients, which are made at the first use.
#[derive(Clone, Debug)]
pub(crate) struct Gcs {
    options: GcsOptions,
    client: Arc<OnceCell<Arc<Client>>>,
}

impl Gcs {
    pub(crate) fn new(options: GcsOptions) -> Self {
        let client = Arc::default();
        Self { options, client }
    }

    async fn client(&self) -> Result<&Arc<Client>> {
        let make = || async { Client::new(self.options.clone()).await.map(Arc::new) };
        self.client.get_or_try_init(make).await
    }

    pub(crate) async fn open(&self, uri: &Uri, range: &ByteRange) -> Result<Reader> {
        let client = self.client().await?;
        let meta = client
            .stat(uri)
            .await?
            .ok_or_else(|| Error::not_found(uri))?;
        let range = range.within(meta.size);
        let download = Download::new(Arc::clone(client), meta.clone(), range);
        let pieces = stream::try_unfold(download, |mut download| async move {
            let piece = download.next().await?;
            Ok(piece.map(|piece| (piece, download)))
        });
        Ok(Reader::new(meta, pieces))
    }

    pub(crate) async fn put<S: Source>(
        &self,
        uri: &Uri,
        source: S,
        options: &PutOptions,
    ) -> Result<ObjectMeta> {
        let client = self.client().await?;
        // A missing credential is found before the source is read, and named clearly.
        client.credentials.token().await?;
        // The upload's state is large; it belongs on the heap, not into every caller's future.
        if let Some(size) = source.size() {
            Box::pin(client.upload(uri, source, size, options)).await
        } else {
            // The session must be told the size to resume safely.
            let spool = Spool::fill(uri, source).await?;
            let size = spool.size().unwrap_or_default();
            Box::pin(client.upload(uri, spool, size, options)).await
        }
    }

    pub(crate) async fn stat(&self, uri: &Uri) -> Result<Option<ObjectMeta>> {
        self.client().await?.stat(uri).await
    }

    pub(crate) async fn list(&self, folder: &Uri, depth: Depth) -> Result<Vec<ObjectMeta>> {
        self.client().await?.list(folder, depth).await
    }

    pub(crate) async fn delete(&self, uri: &Uri) -> Result<()> {
        self.client().await?.delete(uri, None).await
    }

    pub(crate) async fn set_metadata(
        &self,
        of: &ObjectMeta,
        metadata: BTreeMap<String, String>,
    ) -> Result<ObjectMeta> {
        self.client().await?.set_metadata(of, metadata).await
    }

    pub(crate) async fn ensure_bucket(
        &self,
        bucket: &str,
        options: &BucketOptions,
    ) -> Result<BucketOutcome> {
        self.client().await?.ensure_bucket(bucket, options).await
    }
}
