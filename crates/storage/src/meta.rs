//! What is known about an object, and how a write or a bucket is wished for.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::{Error, Result, Uri};

/// What a store knows about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMeta {
    /// The object's address.
    pub uri: Uri,
    /// Size in bytes.
    pub size: u64,
    /// CRC32C of the content. On disk only what this crate wrote with metadata has it.
    pub crc32c: Option<u32>,
    /// Changes with every write of the object; on disk the modification time in nanoseconds.
    pub generation: Option<i64>,
    /// The store's entity tag.
    pub etag: Option<String>,
    /// The media type it was stored with.
    pub content_type: Option<String>,
    /// The writer's own key-value pairs.
    pub metadata: BTreeMap<String, String>,
}

impl ObjectMeta {
    /// An object of `size` bytes about which nothing else is known.
    pub(crate) fn new(uri: Uri, size: u64) -> Self {
        Self {
            uri,
            size,
            crc32c: None,
            generation: None,
            etag: None,
            content_type: None,
            metadata: BTreeMap::new(),
        }
    }
}

/// How an object is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// The writer's own key-value pairs, stored with the object.
    pub metadata: BTreeMap<String, String>,
    /// The media type, for example `text/csv`.
    pub content_type: Option<String>,
    /// What must hold for the write to take place.
    pub precondition: Precondition,
}

impl PutOptions {
    /// A write of this media type, for example `text/csv`, with nothing else wished for.
    pub fn of_type(content_type: &str) -> Self {
        Self {
            content_type: Some(content_type.to_owned()),
            ..Self::default()
        }
    }
}

/// What must hold for a write to take place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: an object of that name is replaced.
    #[default]
    None,
    /// There is no object of that name.
    Absent,
    /// The object is still the one that had this [`ObjectMeta::generation`].
    Generation(i64),
}

impl Precondition {
    /// Whether a write of `uri`, now `current`, may take place.
    pub(crate) fn check(self, uri: &Uri, current: Option<&ObjectMeta>) -> Result<()> {
        let uri = || uri.clone();
        match (self, current) {
            (Self::Absent, Some(_)) => Err(Error::Exists { uri: uri() }),
            (Self::Generation(wished), current)
                if current.and_then(|meta| meta.generation) != Some(wished) =>
            {
                Err(Error::Changed { uri: uri() })
            }
            _ => Ok(()),
        }
    }
}

/// Which objects of a folder are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Those directly inside.
    Children,
    /// Those in folders inside it, too.
    All,
}

/// Which bytes of an object are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ByteRange {
    /// All of them.
    #[default]
    All,
    /// Those from this offset on; none if the object ends before.
    From(u64),
    /// Those in this half-open range, as far as the object has them.
    Range(Range<u64>),
}

impl ByteRange {
    /// The half-open range this is for an object of `size` bytes.
    pub(crate) fn within(&self, size: u64) -> Range<u64> {
        let (start, end) = match self {
            Self::All => (0, size),
            Self::From(start) => (*start, size),
            Self::Range(range) => (range.start, range.end),
        };
        let start = start.min(size);
        start..end.clamp(start, size)
    }
}

/// How a bucket is made, when it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketOptions {
    /// The project that owns the bucket.
    pub project: String,
    /// For example `US-CENTRAL1` or `EU`; `None` leaves it to Cloud Storage.
    pub location: Option<String>,
    /// For example `STANDARD`; `None` leaves it to Cloud Storage.
    pub storage_class: Option<String>,
    /// Whether access is controlled by the bucket's policy alone, without per-object lists.
    pub uniform_access: bool,
}

/// What [`crate::Storage::ensure_bucket`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketOutcome {
    /// The bucket was made.
    Created,
    /// It was there, in the wished project and location.
    Existed,
}
