//! What can go wrong, and what to do about it.

use std::io;

use crate::{SourceError, Uri};

/// Why a storage call failed. The message names the object and the place; [`Error::hint`] is the
/// next step; causes are in the source chain and never repeated in a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such object.
    #[error("{uri} does not exist")]
    NotFound {
        /// The object asked for.
        uri: Uri,
    },
    /// There is no such bucket.
    #[error("the bucket gs://{bucket} does not exist")]
    BucketNotFound {
        /// The bucket's name.
        bucket: String,
    },
    /// [`crate::Precondition::Absent`] did not hold.
    #[error("{uri} exists already and was left as it is")]
    Exists {
        /// The object to be written.
        uri: Uri,
    },
    /// [`crate::Precondition::Generation`] did not hold.
    #[error("{uri} was changed by someone else meanwhile and was left as it is")]
    Changed {
        /// The object to be written.
        uri: Uri,
    },
    /// An object was asked of an address that is a folder or a bucket.
    #[error("{uri} is a folder, not an object")]
    IsFolder {
        /// The address given.
        uri: Uri,
    },
    /// The operating system refused.
    #[error("cannot {action} {uri}")]
    Io {
        /// What was tried: `read`, `write`, …
        action: &'static str,
        /// On what.
        uri: Uri,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The source of a write failed.
    #[error("nothing was written to {uri}: its source failed")]
    Source {
        /// The object to be written.
        uri: Uri,
        /// The source's own error.
        source: SourceError,
    },
    /// The source of a write gave more or fewer bytes than it had said.
    #[error("nothing was written to {uri}: its source gave {actual} bytes instead of {declared}")]
    SourceLength {
        /// The object to be written.
        uri: Uri,
        /// What [`crate::Source::size`] said.
        declared: u64,
        /// What came.
        actual: u64,
    },
}

impl Error {
    /// The next step for the person who reads the message, if there is one to name.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { .. } => "check the address and that the step before wrote it".into(),
            Self::BucketNotFound { .. } => {
                "check the bucket's name, or have gcs-ingest make it with --create-bucket".into()
            }
            Self::Exists { .. } => "delete it, or write to another address".into(),
            Self::Changed { .. } => "run again: it will start from the new content".into(),
            Self::IsFolder { .. } => "name an object inside it".into(),
            Self::Source { .. } | Self::SourceLength { .. } | Self::Io { .. } => return None,
        })
    }

    pub(crate) fn not_found(uri: &Uri) -> Self {
        Self::NotFound { uri: uri.clone() }
    }

    /// Wraps a system error, giving a missing file its own variant.
    pub(crate) fn io(action: &'static str, uri: &Uri, source: io::Error) -> Self {
        let uri = uri.clone();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { uri },
            io::ErrorKind::IsADirectory => Self::IsFolder { uri },
            _ => Self::Io {
                action,
                uri,
                source,
            },
        }
    }
}
