//! One address type, and streams over it: `gs://` objects, local files, and memory for tests.
//!
//! [`Uri`] names an object, [`Storage`] reads and writes it. Whatever the store, the same holds:
//!
//! - Reads ([`Reader`]) and writes ([`Source`]) are streams; memory does not grow with the object.
//! - A write is atomic: a reader sees the old object or the new one, never a part. A writer that
//!   is killed leaves nothing that [`Storage::list`] shows.
//! - What was stored is what was sent: length and CRC32C are compared before a write counts.
//!
//! One conformance suite (`tests/it/conformance.rs`) holds every store to these sentences.

mod blocking;
mod disk;
mod error;
mod gcs;
mod glob;
mod memory;
mod meta;
mod reader;
mod source;
mod spool;
mod storage;
mod tally;
mod uri;

pub use blocking::{BlockingReader, blocking_reader};
pub use error::Error;
pub use gcs::GcsOptions;
pub use meta::{BucketOptions, BucketOutcome, ByteRange, ObjectMeta, Precondition, PutOptions};
pub use reader::Reader;
pub use source::{BytesSource, FileSource, Source, SourceError};
pub use storage::Storage;
pub use uri::{InvalidUri, Uri};

/// What every call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
