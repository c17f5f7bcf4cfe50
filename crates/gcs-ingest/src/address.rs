//! Where data comes from.

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{Error, redact};

/// A `--source`: an HTTP(S) address or a local file. Displayed without secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum SourceAddress {
    /// `http://` or `https://`, possibly with credentials in it.
    Http(Url),
    /// A path, or what a `file://` address names.
    File(PathBuf),
}

impl SourceAddress {
    /// Reads an address as given on the command line; anything without `://` is a path.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |reason: String| Error::SourceAddress {
            address: redact::text(text),
            reason,
        };
        if text.is_empty() {
            return Err(invalid("it is empty".to_owned()));
        }
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
        match url.scheme() {
            "http" | "https" => Ok(Self::Http(url)),
            "file" => match url.to_file_path() {
                Ok(path) => Ok(Self::File(path)),
                Err(()) => Err(invalid("it names no file on this machine".to_owned())),
            },
            scheme => Err(Error::Scheme {
                address: redact::text(text),
                scheme: scheme.to_owned(),
            }),
        }
    }

    /// The last part of the path, percent-decoded: the object's name in a destination folder.
    /// `None` where there is none, or where it would leave the folder.
    pub fn file_name(&self) -> Option<String> {
        let name = match self {
            Self::Http(url) => {
                let segment = url.path_segments()?.next_back()?;
                percent_decode_str(segment).decode_utf8().ok()?.into_owned()
            }
            Self::File(path) => path.file_name()?.to_str()?.to_owned(),
        };
        let is_name = !name.is_empty()
            && !matches!(name.as_str(), "." | "..")
            && !name.contains(['/', '\\', '\0', '\n', '\r']);
        is_name.then_some(name)
    }

    /// Whether the name promises a web page, so that one is no surprise.
    pub(crate) fn promises_html(&self) -> bool {
        let extension = self.file_name().and_then(|name| {
            Path::new(&name)
                .extension()?
                .to_str()
                .map(str::to_ascii_lowercase)
        });
        matches!(extension.as_deref(), Some("html" | "htm" | "xhtml"))
    }
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => f.write_str(&redact::url(url)),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Debug for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_recognised_by_their_scheme() {
        let shown = |text: &str| format!("{:?}", SourceAddress::parse(text).unwrap());
        assert_eq!(
            shown("https://u:p@example.com/a.csv"),
            "https://example.com/a.csv"
        );
        assert_eq!(shown("file:///data/a%20b.csv"), "/data/a b.csv");
        assert_eq!(shown("data/a.csv"), "data/a.csv");
    }

    #[test]
    fn the_name_is_the_decoded_last_part_and_stays_inside_a_folder() {
        for (text, name) in [
            ("https://example.com/data/a%20b.csv?raw=1", Some("a b.csv")),
            ("https://example.com/", None),
            ("https://example.com/x/%2e%2e%2fa.csv", None),
            ("https://example.com/a%0Ab.csv", None),
            ("data/a.csv", Some("a.csv")),
            ("/", None),
        ] {
            assert_eq!(
                SourceAddress::parse(text).unwrap().file_name().as_deref(),
                name,
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_that_cannot_be_read_are_refused_without_their_secrets() {
        for (text, message) in [
            ("", "source \"\" is not an address: it is empty"),
            (
                "https://u:p@host:99999/a?token=t",
                "source \"https://host:99999/a\" is not an address: invalid port number",
            ),
            (
                "ftp://u:p@host/a.csv",
                "source \"ftp://host/a.csv\" has the scheme \"ftp\", which is none of https, \
                 http and file",
            ),
            (
                "file://elsewhere/a.csv",
                "source \"file://elsewhere/a.csv\" is not an address: it names no file on this \
                 machine",
            ),
        ] {
            assert_eq!(SourceAddress::parse(text).unwrap_err().to_string(), message);
        }
    }
}
