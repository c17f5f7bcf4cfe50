//! Objects in memory: `gs://` for tests. A bucket is there as soon as it is named.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Bytes, BytesMut};

use crate::meta::Depth;
use crate::tally::Tally;
use crate::uri::Address;
use crate::{
    BucketOptions, BucketOutcome, ByteRange, Error, ObjectMeta, Precondition, PutOptions, Reader,
    Result, Source, Uri,
};

/// The store; clones share their objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, (ObjectMeta, Bytes)>,
    buckets: BTreeMap<String, BucketOptions>,
    generation: i64,
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }

    pub(crate) fn open(&self, uri: &Uri, range: &ByteRange) -> Result<Reader> {
        let (meta, bytes) = self.state().find(uri)?.clone();
        let range = range.within(meta.size);
        let piece = bytes.slice(range.start as usize..range.end as usize);
        let pieces = (!piece.is_empty()).then_some(Ok(piece));
        Ok(Reader::new(meta, futures::stream::iter(pieces)))
    }

    pub(crate) async fn put(
        &self,
        uri: &Uri,
        source: impl Source,
        options: PutOptions,
    ) -> Result<ObjectMeta> {
        let mut source = Tally::new(source);
        let mut content = BytesMut::new();
        while let Some(piece) = source.next_for(uri).await? {
            content.extend_from_slice(&piece);
        }
        let mut state = self.state();
        let current = state.objects.get(&uri.to_string());
        options
            .precondition
            .check(uri, current.map(|(meta, _)| meta))?;
        state.generation += 1;
        let meta = ObjectMeta {
            crc32c: Some(source.crc32c),
            generation: Some(state.generation),
            etag: Some(format!("\"{}\"", state.generation)),
            content_type: options.content_type,
            metadata: options.metadata,
            ..ObjectMeta::new(uri.clone(), source.bytes)
        };
        state
            .objects
            .insert(uri.to_string(), (meta.clone(), content.freeze()));
        Ok(meta)
    }

    pub(crate) fn stat(&self, uri: &Uri) -> Option<ObjectMeta> {
        self.state().find(uri).ok().map(|(meta, _)| meta.clone())
    }

    pub(crate) fn list(&self, folder: &Uri, depth: Depth) -> Vec<ObjectMeta> {
        let prefix = folder.join("").to_string();
        let state = self.state();
        let below = state.objects.range(prefix.clone()..);
        below
            .take_while(|(name, _)| name.starts_with(&prefix))
            .filter(|(name, _)| depth == Depth::All || !name[prefix.len()..].contains('/'))
            .map(|(_, (meta, _))| meta.clone())
            .collect()
    }

    pub(crate) fn delete(&self, uri: &Uri) {
        self.state().objects.remove(&uri.to_string());
    }

    pub(crate) fn set_metadata(
        &self,
        of: &ObjectMeta,
        metadata: BTreeMap<String, String>,
    ) -> Result<ObjectMeta> {
        let mut state = self.state();
        let current = state.objects.get_mut(&of.uri.to_string());
        let unchanged = of
            .generation
            .map_or(Precondition::None, Precondition::Generation);
        unchanged.check(&of.uri, current.as_ref().map(|(meta, _)| meta))?;
        let (meta, _) = current.ok_or_else(|| Error::not_found(&of.uri))?;
        meta.metadata = metadata;
        Ok(meta.clone())
    }

    pub(crate) fn ensure_bucket(&self, bucket: &str, options: &BucketOptions) -> BucketOutcome {
        let mut state = self.state();
        match state.buckets.insert(bucket.to_owned(), options.clone()) {
            None => BucketOutcome::Created,
            Some(_) => BucketOutcome::Existed,
        }
    }
}

impl State {
    fn find(&self, uri: &Uri) -> Result<&(ObjectMeta, Bytes)> {
        debug_assert!(matches!(uri.0, Address::Gcs { .. }));
        self.objects
            .get(&uri.to_string())
            .ok_or_else(|| Error::not_found(uri))
    }
}
