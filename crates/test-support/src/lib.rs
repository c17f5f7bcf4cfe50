//! Fake servers, fixtures and generated market data for tests.
