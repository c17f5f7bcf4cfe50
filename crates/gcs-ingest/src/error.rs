//! What can go wrong, and what to do then.

use std::time::Duration;

use component::Exit;
use reqwest::StatusCode;

/// Why nothing, or not everything, was ingested.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A `--source` is not an address.
    #[error("source {address:?} is not an address: {reason}")]
    SourceAddress {
        /// As given, without secrets.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A `--source` is an address this component does not read.
    #[error("source {address:?} has the scheme {scheme:?}, which is none of https, http and file")]
    Scheme {
        /// As given, without secrets.
        address: String,
        /// The part before `://`.
        scheme: String,
    },
    /// Neither `--destination` nor `--raw-data`.
    #[error("there is no destination")]
    NoDestination,
    /// `--destination` or `--raw-data` is not a storage address.
    #[error("the destination cannot be used")]
    Destination(#[from] storage::InvalidUri),
    /// The destination is a folder and the source's address ends without a name.
    #[error("source {address} has no file name to store it under in {folder}")]
    NoFileName {
        /// The source.
        address: String,
        /// The destination folder.
        folder: String,
    },
    /// Two sources would be stored under the same name.
    #[error("sources {first} and {second} would both be stored as {destination}")]
    SameName {
        /// The first source.
        first: String,
        /// The second source.
        second: String,
        /// The destination of both.
        destination: String,
    },
    /// The source is the file that would be written.
    #[error("source {address} is the destination itself")]
    SourceIsDestination {
        /// The path of both.
        address: String,
    },
    /// Not one `--sha256` for each source.
    #[error("there are {pins} --sha256 for {sources} sources")]
    PinCount {
        /// Digests given.
        pins: usize,
        /// Sources given.
        sources: usize,
    },
    /// A `--sha256` is not one.
    #[error("--sha256 {text:?} is not a SHA-256: 64 hexadecimal digits are expected")]
    Pin {
        /// As given.
        text: String,
    },
    /// `--create-bucket` with a destination that is not in a bucket.
    #[error("--create-bucket needs a destination in a bucket, and {destination} is not")]
    NoBucket {
        /// The destination.
        destination: String,
    },
    /// `--create-bucket` without `--project`.
    #[error("--create-bucket needs the project that will own {bucket}")]
    NoProject {
        /// The bucket.
        bucket: String,
    },
    /// A source could not be read to its end.
    #[error("cannot read {address}")]
    Read {
        /// The source, without secrets.
        address: String,
        /// Why.
        source: ReadError,
    },
    /// The transfer of one source took longer than `--timeout`.
    #[error("{address} was not transferred within {timeout:?}")]
    Timeout {
        /// The source, without secrets.
        address: String,
        /// The limit.
        timeout: Duration,
    },
    /// The destination could not be read or written.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The process was asked to stop.
    #[error("the transfer was cancelled; nothing of it was published")]
    Cancelled,
}

/// Why a source could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No HTTP client, for example because the machine has no root certificates.
    #[error("the HTTP client cannot be set up: {reason}")]
    Client {
        /// The innermost cause.
        reason: String,
    },
    /// No connection: name resolution, TCP or TLS.
    #[error("no connection: {reason}")]
    Connect {
        /// The innermost cause.
        reason: String,
    },
    /// The connection was lost.
    #[error("the connection was lost: {reason}")]
    Interrupted {
        /// The innermost cause.
        reason: String,
    },
    /// The answer ended before the announced size.
    #[error("the answer ended early, after {received} bytes")]
    Truncated {
        /// Bytes that had arrived.
        received: u64,
    },
    /// Nothing arrived for `--read-timeout`.
    #[error("nothing arrived for {read_timeout:?}")]
    Stalled {
        /// The limit.
        read_timeout: Duration,
    },
    /// The server refused.
    #[error("the server answered {status}")]
    Status {
        /// The answer's status.
        status: StatusCode,
        /// The pause its `Retry-After` asks for.
        retry_after: Option<Duration>,
    },
    /// More redirects than `--max-redirects`.
    #[error("there were more than {limit} redirects")]
    TooManyRedirects {
        /// The limit.
        limit: usize,
    },
    /// A redirect from https to an address that is not.
    #[error("the server redirects from https to {to}, which is not encrypted")]
    Downgrade {
        /// The redirect's target, without secrets.
        to: String,
    },
    /// A web page instead of data.
    #[error("a web page came instead of data: {evidence}")]
    HtmlPage {
        /// What gave it away.
        evidence: String,
    },
    /// Bytes that are not the file's own.
    #[error("the server sent the file encoded as {encoding:?} although it was asked not to")]
    Encoded {
        /// `Content-Encoding`.
        encoding: String,
    },
    /// A partial answer that does not say which part, or another than asked for.
    #[error("the server answered a request for the bytes from {from} on with another range")]
    BadRange {
        /// The first byte asked for.
        from: u64,
    },
    /// The size announced at first is not the size found.
    #[error("the server announced {announced} bytes but has {actual}")]
    SizeMismatch {
        /// The first answer's size.
        announced: u64,
        /// A later answer's size.
        actual: u64,
    },
    /// Nothing in it.
    #[error("the source is empty")]
    Empty,
    /// Another version of the source appeared during the transfer.
    #[error("the source changed while it was read")]
    Changed,
    /// The connection was lost and the source has no strong validator to go on by.
    #[error(
        "the transfer broke after {received} bytes and cannot be resumed without a strong entity \
         tag"
    )]
    NotResumable {
        /// Bytes that had arrived.
        received: u64,
        /// What broke it.
        source: Box<ReadError>,
    },
    /// The content is not the pinned one.
    #[error("the SHA-256 is {actual}, not the expected {expected}")]
    Digest {
        /// From `--sha256`.
        expected: String,
        /// Of the bytes that arrived.
        actual: String,
    },
    /// A local file could not be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The last of several failures in a row.
    #[error("gave up after {attempts} attempts")]
    GaveUp {
        /// Failures in a row.
        attempts: u32,
        /// The last one.
        source: Box<ReadError>,
    },
    /// The server asked for a longer pause than there is time.
    #[error("the server asks to wait {pause:?}, longer than --timeout allows")]
    TooLate {
        /// The pause asked for.
        pause: Duration,
        /// The answer that asked for it.
        source: Box<ReadError>,
    },
}

impl ReadError {
    /// Whether the same request may succeed when made again.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Interrupted { .. }
            | Self::Truncated { .. }
            | Self::Stalled { .. } => true,
            Self::Status { status, .. } => {
                matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
            }
            _ => false,
        }
    }

    /// Whether the transfer may succeed when started over.
    pub(crate) fn is_cured_by_a_restart(&self) -> bool {
        matches!(self, Self::Changed | Self::NotResumable { .. })
    }

    /// The pause the server asked for.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Client { .. } => {
                "install the CA certificates package or name a bundle in SSL_CERT_FILE"
            }
            Self::Connect { .. } => {
                "check the host name, the network and the proxy settings (HTTPS_PROXY)"
            }
            Self::Interrupted { .. } | Self::Truncated { .. } | Self::NotResumable { .. } => {
                "run it again later, with a higher --max-attempts if the network is unreliable"
            }
            Self::Stalled { .. } => "raise --read-timeout if the server is only slow",
            Self::Status { status, .. } => match status.as_u16() {
                401 | 403 => "check that the address is public or holds valid credentials",
                404 | 410 => "check the address: the server has nothing there",
                429 => "run it again later, or raise --max-attempts",
                500.. => "run it again later: the server has a problem",
                _ => "check the address: the server does not accept the request",
            },
            Self::TooManyRedirects { .. } => {
                "open the address in a browser and use the one it ends at, or raise --max-redirects"
            }
            Self::Downgrade { .. } => "use an address that stays on https",
            Self::HtmlPage { .. } => {
                "open the address in a browser: it may need a log-in, or be a page about the file \
                 instead of the file"
            }
            Self::Encoded { .. } => "use an address that serves the file as it is",
            Self::BadRange { .. } | Self::SizeMismatch { .. } => {
                "report it to the operator of the server, or download the file by other means"
            }
            Self::Empty => "check the address: nothing was stored",
            Self::Changed => "run it again when the source is no longer being written",
            Self::Digest { .. } => {
                "compare with the publisher's checksum; if the new content is right, correct \
                 --sha256"
            }
            Self::Io(error) => match error.kind() {
                std::io::ErrorKind::NotFound => "check the path of --source",
                std::io::ErrorKind::InvalidInput => {
                    "pass a file; for a folder, one --source for each file in it"
                }
                std::io::ErrorKind::PermissionDenied => "make the file readable for this user",
                _ => return None,
            },
            Self::GaveUp { source, .. } => return source.hint(),
            Self::TooLate { .. } => "run it again later, or raise --timeout",
        })
    }
}

impl component::Diagnose for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { .. } | Self::Timeout { .. } | Self::Storage(_) | Self::Cancelled => {
                Exit::Failure
            }
            _ => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::SourceAddress { .. } => "pass an address like https://host/data.csv or a path",
            Self::Scheme { scheme, .. } if scheme == "gs" => {
                "data in a bucket needs no ingestion: pass the address to transform --raw-data"
            }
            Self::Scheme { .. } => "download the file by other means and pass its path",
            Self::NoDestination => "pass --destination gs://bucket/object, or a path",
            Self::Destination(_) => "pass an address like gs://bucket/object, or a path",
            Self::NoFileName { .. } => {
                "pass one --source at a time with a --destination that names the file"
            }
            Self::SameName { .. } => {
                "ingest them one by one with a --destination that names the file"
            }
            Self::SourceIsDestination { .. } => "pass another --destination",
            Self::PinCount { .. } => "pass one --sha256 for each --source, in the same order",
            Self::Pin { .. } => "pass what 'sha256sum FILE' prints first",
            Self::NoBucket { .. } => "leave --create-bucket out, or pass a gs:// --destination",
            Self::NoProject { .. } => "pass --project",
            Self::Read { source, .. } => return source.hint().map(str::to_owned),
            Self::Timeout { .. } => "raise --timeout if the source is only slow",
            Self::Storage(error) => return error.hint(),
            Self::Cancelled => "run it again",
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use component::testing::last_line;

    use super::*;

    #[test]
    fn a_redirect_to_an_unencrypted_address_is_refused() {
        let error = Error::Read {
            address: "https://example.com/a".to_owned(),
            source: ReadError::Downgrade {
                to: "http://example.com/b".to_owned(),
            },
        };
        assert_eq!(
            last_line(&error),
            "error: cannot read https://example.com/a: the server redirects from https to \
             http://example.com/b, which is not encrypted. Next step: use an address that stays \
             on https"
        );
    }
}
