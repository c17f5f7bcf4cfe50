//! Fake servers, fixtures and generated market data for tests.

pub mod http_source;
