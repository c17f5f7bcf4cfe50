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
    #[error("{uri} was changed by someone else meanwhile")]
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
    /// The content that is stored, or arrived, is not the content that was sent.
    #[error("{uri} was damaged on the way: {problem}")]
    Damaged {
        /// The object.
        uri: Uri,
        /// What differs, and what became of the object.
        problem: String,
    },
    /// A transfer stood still.
    #[error("cannot {action} {uri}: nothing moved for {seconds} seconds, {attempts} times over")]
    Stalled {
        /// What was tried.
        action: &'static str,
        /// On what.
        uri: Uri,
        /// The limit.
        seconds: u64,
        /// How often it was tried.
        attempts: u32,
    },
    /// Cloud Storage refused the caller.
    #[error("not allowed to {action} {uri}: {reason}")]
    Denied {
        /// What was tried.
        action: &'static str,
        /// On what.
        uri: Uri,
        /// The service's word.
        reason: String,
    },
    /// Cloud Storage did not do it, also after further attempts where those may help.
    #[error("cannot {action} {uri}: {reason}")]
    Remote {
        /// What was tried.
        action: &'static str,
        /// On what.
        uri: Uri,
        /// The service's or the network's word.
        reason: String,
    },
    /// A bucket may not be looked at or made, or its name belongs to someone else.
    #[error("not allowed to {action} the bucket gs://{bucket}: {reason}")]
    BucketDenied {
        /// What was tried.
        action: &'static str,
        /// The bucket's name.
        bucket: String,
        /// The service's word.
        reason: String,
    },
    /// The bucket is there, in another location.
    #[error("the bucket gs://{bucket} exists in {actual}, not in {wished}")]
    BucketElsewhere {
        /// The bucket's name.
        bucket: String,
        /// Where it is.
        actual: String,
        /// Where it was wished for.
        wished: String,
    },
    /// The bucket is there, in another project.
    #[error("the bucket gs://{bucket} exists, but does not belong to the project {project}")]
    BucketOfOther {
        /// The bucket's name.
        bucket: String,
        /// The project it was wished for in.
        project: String,
    },
    /// There are no credentials, or no token for them.
    #[error(transparent)]
    Credentials(#[from] gcp::Error),
    /// The address of the service is none.
    #[error("`{endpoint}` is not the address of a storage service")]
    Endpoint {
        /// What was given.
        endpoint: String,
    },
    /// The clients could not be made.
    #[error("cannot set up the client for Cloud Storage: {reason}")]
    Client {
        /// The client's word.
        reason: String,
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
            Self::Damaged { .. } => {
                "run again; if it happens again, suspect the network or a proxy".into()
            }
            Self::Stalled { .. } => "check the network, then run again: it is safe".into(),
            Self::Denied { uri, .. } => format!(
                "grant the account roles/storage.objectUser on gs://{}",
                uri.bucket().unwrap_or_default()
            ),
            Self::BucketDenied { .. } => {
                "bucket names are shared by all of Google Cloud: choose another if this one is not \
                 yours; otherwise grant the account roles/storage.admin on the project"
                    .into()
            }
            Self::BucketElsewhere { .. } => {
                "name the bucket's own location, or choose another bucket".into()
            }
            Self::BucketOfOther { .. } => {
                "name the bucket's own project, or choose another bucket".into()
            }
            Self::Credentials(error) => return error.hint(),
            Self::Endpoint { .. } => {
                "set STORAGE_EMULATOR_HOST to host:port, or unset it for Google Cloud Storage"
                    .into()
            }
            Self::Client { .. } => {
                "check that the CA certificates are installed, or set SSL_CERT_FILE".into()
            }
            Self::Source { .. }
            | Self::SourceLength { .. }
            | Self::Io { .. }
            | Self::Remote { .. } => return None,
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
