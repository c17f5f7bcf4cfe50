//! What can be wrong with credentials, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::redact;

/// Why there are no credentials, or no token. Names files and accounts, never a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A credentials file cannot be read.
    #[error("cannot read the credentials file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A credentials file is not what it should be.
    #[error("the credentials file {} {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, for example "has no field `client_email`".
        problem: String,
    },
    /// The file is the example that comes with the project.
    #[error("the credentials file {} is the example that shows the shape of a key, not a key", path.display())]
    Example {
        /// The file.
        path: PathBuf,
    },
    /// No file is named and no metadata server answers.
    #[error(
        "found no Google Cloud credentials: no file is named, and the metadata server gave no token: {reason}"
    )]
    NotFound {
        /// Why the metadata server gave no token.
        reason: String,
    },
    /// The credentials are well-formed, but no token was given for them.
    #[error("got no access token for {identity}: {reason}")]
    Token {
        /// Whose, as [`crate::Credentials`] displays itself.
        identity: String,
        /// The server's or the network's word.
        reason: String,
    },
}

impl Error {
    /// The next step for the person who reads the message.
    pub fn hint(&self) -> Option<String> {
        const NEW_KEY: &str = "create a key (Google Cloud console, IAM & Admin, Service Accounts, Keys), keep it \
             outside the repository, and set GOOGLE_APPLICATION_CREDENTIALS to its path";
        Some(match self {
            Self::Unreadable { .. } => {
                "check GOOGLE_APPLICATION_CREDENTIALS and the file's permissions".into()
            }
            Self::Invalid { .. } | Self::Example { .. } => NEW_KEY.into(),
            Self::NotFound { .. } => {
                "set GOOGLE_APPLICATION_CREDENTIALS to a service-account key, or run `gcloud auth \
                 application-default login`; for an emulator set STORAGE_EMULATOR_HOST"
                    .into()
            }
            Self::Token { .. } => {
                "check that the account exists, its key is not revoked, and this machine's clock \
                 and network are right"
                    .into()
            }
        })
    }
}

/// An error and its causes in one line, for errors of other crates, some of whose messages repeat
/// their causes and some not. Secrets are left out.
pub fn summary(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !message.is_empty() && !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    redact(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_each_cause_once_and_no_query() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot send for url (https://host/upload?upload_id=secret): refused")]
        struct Outer(#[source] Middle);
        #[derive(Debug, thiserror::Error)]
        #[error("refused")]
        struct Middle(#[source] Inner);
        #[derive(Debug, thiserror::Error)]
        #[error("os error 111")]
        struct Inner;

        assert_eq!(
            summary(&Outer(Middle(Inner))),
            "cannot send for url (https://host/upload): refused: os error 111"
        );
    }
}
