//! Google Cloud credentials and REST clients; knows no machine learning.
//!
//! [`Credentials`] finds out who is calling and hands out access tokens; every client of the
//! project shares them. Token requests, caching and refreshing are `yup-oauth2`'s work.

mod backoff;
mod credentials;
mod environment;
mod error;
mod identity;
mod tls;

pub use backoff::Backoff;
pub use credentials::{Credentials, Token};
pub use environment::Environment;
pub use error::{Error, summary};
pub use tls::install_tls;

/// The scope every token is asked for; what a token may do is decided by the account's roles.
pub const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
