//! Fake servers, fixtures and generated market data for tests.

pub mod gcs;
pub mod http_source;
