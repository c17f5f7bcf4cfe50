//! Access tokens.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderValue;
use yup_oauth2::authenticator::DefaultAuthenticator;

use crate::identity::{self, Identity};
use crate::{Backoff, Environment, Error, SCOPE, summary};

/// Whoever is calling Google Cloud; gives access tokens. Cheap to clone; clones share the token,
/// which is kept until a minute before it expires.
#[derive(Clone)]
pub struct Credentials {
    identity: Identity,
    backoff: Backoff,
    tokens: Option<Arc<Tokens>>,
}

struct Tokens {
    authenticator: DefaultAuthenticator,
    /// Whether a server has refused the token at hand.
    refused: AtomicBool,
}

/// An access token. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Credentials {
    /// No credentials, for emulators and public data.
    pub fn anonymous() -> Self {
        Self {
            identity: Identity::Anonymous,
            backoff: Backoff::default(),
            tokens: None,
        }
    }

    /// The credentials `environment` leads to, as Google's own libraries find them: the file
    /// named by `GOOGLE_APPLICATION_CREDENTIALS` (a service-account key, a gcloud user or an
    /// external account), the file `gcloud auth application-default login` wrote, the metadata
    /// server. Reads files; the network is asked only for a [`token`](Self::token).
    pub async fn discover(environment: &Environment) -> Result<Self, Error> {
        let (identity, authenticator) = identity::discover(environment).await?;
        tracing::debug!(%identity, "found credentials");
        let refused = AtomicBool::new(false);
        Ok(Self {
            identity,
            // Fewer tries where there may be nobody: a laptop has no metadata server.
            backoff: Backoff {
                attempts: 3,
                ..Backoff::default()
            },
            tokens: Some(Arc::new(Tokens {
                authenticator,
                refused,
            })),
        })
    }

    /// Waits for tokens as `backoff` says.
    #[must_use]
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// A valid token; `None` for [`anonymous`](Self::anonymous) credentials. A failure of the
    /// network is met with a few further attempts.
    pub async fn token(&self) -> Result<Option<Token>, Error> {
        let Some(tokens) = &self.tokens else {
            return Ok(None);
        };
        let mut failed = 0;
        loop {
            let error = match tokens.next().await {
                Ok(token) => return Ok(Some(token)),
                Err(error) => error,
            };
            failed += 1;
            match self.backoff.delay(failed).filter(|_| is_transient(&error)) {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(self.failure(&error)),
            }
        }
    }

    /// Says that a server refused the token (401): the next one will be a new one.
    pub fn invalidate(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.refused.store(true, Ordering::Relaxed);
        }
    }

    fn failure(&self, error: &yup_oauth2::Error) -> Error {
        let reason = summary(error);
        match &self.identity {
            Identity::Metadata if is_transient(error) => Error::NotFound { reason },
            identity => Error::Token {
                identity: identity.to_string(),
                reason,
            },
        }
    }
}

impl Tokens {
    async fn next(&self) -> Result<Token, yup_oauth2::Error> {
        let token = if self.refused.load(Ordering::Relaxed) {
            let token = self.authenticator.force_refreshed_token(&[SCOPE]).await?;
            self.refused.store(false, Ordering::Relaxed);
            token
        } else {
            self.authenticator.token(&[SCOPE]).await?
        };
        let token = token.token().ok_or(yup_oauth2::Error::MissingAccessToken)?;
        Ok(Token(token.to_owned()))
    }
}

/// Whether asking again may help: nobody answered. A server's clear no is final.
fn is_transient(error: &yup_oauth2::Error) -> bool {
    use yup_oauth2::Error as E;
    matches!(
        error,
        E::HttpError(_) | E::HttpClientError(_) | E::LowLevelError(_)
    )
}

impl Token {
    /// The value of an `Authorization` header, marked so that HTTP clients do not log it.
    pub fn header_value(&self) -> HeaderValue {
        let value = HeaderValue::try_from(format!("Bearer {}", self.0));
        // A token that does not fit into a header is nothing a server would accept.
        let mut value = value.unwrap_or_else(|_| HeaderValue::from_static("Bearer invalid"));
        value.set_sensitive(true);
        value
    }
}

/// Whose credentials these are, for messages.
impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity.fmt(f)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.identity)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
