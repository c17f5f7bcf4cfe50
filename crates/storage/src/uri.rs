//! The one address type.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The address of an object or of a folder: `gs://bucket/object`, a local path, or `file:///path`
/// (which is shown as the path). A trailing `/` says that a folder is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri(pub(crate) Address);

/// Where a [`Uri`] points.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Address {
    /// Cloud Storage. The object's name has no leading `/`; it is empty for the bucket itself.
    Gcs {
        /// The bucket's name.
        bucket: String,
        /// The object's name.
        object: String,
    },
    /// A path on this machine.
    Local(PathBuf),
}

/// Text that is no address this crate understands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a storage address: {reason}")]
pub struct InvalidUri {
    text: String,
    reason: &'static str,
}

impl Uri {
    /// The address of a path on this machine.
    pub fn local(path: impl Into<PathBuf>) -> Self {
        Self(Address::Local(path.into()))
    }

    /// The address `name` inside this folder; `name` may hold several parts.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let name = name.trim_start_matches('/');
        Self(match &self.0 {
            Address::Gcs { bucket, object } => {
                let folder = object.trim_end_matches('/');
                let slash = if folder.is_empty() { "" } else { "/" };
                Address::Gcs {
                    bucket: bucket.clone(),
                    object: format!("{folder}{slash}{name}"),
                }
            }
            Address::Local(path) => Address::Local(path.join(name)),
        })
    }

    /// The last part of the address, without a trailing `/`; `None` for a bucket, a root, or a
    /// local name that is not Unicode.
    pub fn file_name(&self) -> Option<&str> {
        match &self.0 {
            Address::Gcs { object, .. } => object
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .filter(|name| !name.is_empty()),
            Address::Local(path) => path.file_name()?.to_str(),
        }
    }

    /// The folder this address is in; `None` for a bucket or a root. A relative path of one part
    /// is in the folder `.`.
    pub fn parent(&self) -> Option<Self> {
        Some(Self(match &self.0 {
            Address::Gcs { bucket, object } => {
                let object = object.trim_end_matches('/');
                if object.is_empty() {
                    return None;
                }
                let folder = object.rsplit_once('/').map_or("", |(folder, _)| folder);
                Address::Gcs {
                    bucket: bucket.clone(),
                    object: folder.to_owned(),
                }
            }
            Address::Local(path) => {
                let parent = path.parent()?;
                let here = parent.as_os_str().is_empty();
                Address::Local(if here { ".".into() } else { parent.to_owned() })
            }
        }))
    }

    /// Whether this is a path on this machine.
    pub fn is_local(&self) -> bool {
        matches!(self.0, Address::Local(_))
    }

    /// The path, when this is one on this machine.
    pub fn local_path(&self) -> Option<&Path> {
        match &self.0 {
            Address::Local(path) => Some(path),
            Address::Gcs { .. } => None,
        }
    }

    /// The bucket, when this is a `gs://` address.
    pub fn bucket(&self) -> Option<&str> {
        match &self.0 {
            Address::Gcs { bucket, .. } => Some(bucket),
            Address::Local(_) => None,
        }
    }

    /// Whether the address can only mean a folder: it ends in `/`, or is a bucket.
    pub fn is_dir_like(&self) -> bool {
        match &self.0 {
            Address::Gcs { object, .. } => object.is_empty() || object.ends_with('/'),
            Address::Local(path) => path.as_os_str().as_encoded_bytes().ends_with(b"/"),
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Address::Gcs { bucket, object } if object.is_empty() => write!(f, "gs://{bucket}"),
            Address::Gcs { bucket, object } => write!(f, "gs://{bucket}/{object}"),
            Address::Local(path) => write!(f, "{}", path.display()),
        }
    }
}

impl FromStr for Uri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        let invalid = |reason| InvalidUri {
            text: text.to_owned(),
            reason,
        };
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        if text.chars().any(char::is_control) {
            return Err(invalid("it holds a control character"));
        }
        if let Some(rest) = text.strip_prefix("gs://") {
            let (bucket, object) = rest.split_once('/').unwrap_or((rest, ""));
            if !is_bucket_name(bucket) {
                return Err(invalid(
                    "a bucket's name has 3 to 222 lower-case letters, digits, `-`, `_` or `.`",
                ));
            }
            if object.starts_with('/') {
                return Err(invalid("the object's name starts with `/`"));
            }
            return Ok(Self(Address::Gcs {
                bucket: bucket.to_owned(),
                object: object.to_owned(),
            }));
        }
        if let Some(rest) = text.strip_prefix("file:") {
            let path = rest
                .strip_prefix("//localhost")
                .or_else(|| rest.strip_prefix("//"))
                .filter(|path| path.starts_with('/'))
                .ok_or_else(|| invalid("a file address is written `file:///absolute/path`"))?;
            let path = percent_encoding::percent_decode_str(path)
                .decode_utf8()
                .map_err(|_| invalid("its percent-encoding is not UTF-8"))?;
            return Ok(Self::local(path.into_owned()));
        }
        if text.contains("://") {
            return Err(invalid(
                "expected `gs://bucket/object`, a local path or `file:///path`",
            ));
        }
        Ok(Self::local(text))
    }
}

/// The naming rules of Cloud Storage, as far as they keep an address unambiguous.
fn is_bucket_name(name: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_.".contains(&c);
    (3..=222).contains(&name.len()) && name.bytes().all(allowed)
}

impl Serialize for Uri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
