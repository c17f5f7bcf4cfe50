//! Storage as its users meet it: one suite for every store, then the faults of each.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cloud_faults;
mod cloud_uploads;
mod conformance;
mod copier;
mod disk;
mod emulator;
mod errors;
mod memory_use;
mod stores;
