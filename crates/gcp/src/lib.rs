//! Google Cloud credentials and REST clients; knows no machine learning.
//!
//! [`Credentials`] finds out who is calling and hands out access tokens; every client of the
//! project shares them. Token requests, caching and refreshing are `yup-oauth2`'s work.
//!
//! [`api`] makes authorised calls of a service and tells its errors. [`job`] is the life of a
//! remote job, for every service the same; [`dataflow`] and [`vertex`] are the services.

pub mod api;
mod backoff;
mod credentials;
pub mod dataflow;
mod environment;
mod error;
mod identity;
pub mod job;
mod redact;
mod tls;
pub mod vertex;

pub use backoff::Backoff;
pub use credentials::{Credentials, Token};
pub use environment::Environment;
pub use error::{Error, summary};
pub use redact::redact;
pub use tls::install_tls;

/// The scope every token is asked for; what a token may do is decided by the account's roles.
pub const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
