//! Fake servers, fixtures and generated market data for tests.

pub mod cut_proxy;
pub mod emulator;
pub mod examples;
pub mod gcs;
pub mod google;
pub mod http_source;
pub mod interruption;
pub mod market;
pub mod place;
pub mod sandbox;
