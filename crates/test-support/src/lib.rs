//! Fake servers, fixtures and generated market data for tests.

pub mod cut_proxy;
pub mod examples;
pub mod gcs;
pub mod google;
pub mod http_source;
pub mod market;
