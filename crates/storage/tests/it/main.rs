//! Storage as its users meet it: one suite for every store, then the faults of each.

mod cloud_faults;
mod cloud_uploads;
mod conformance;
mod copier;
mod disk;
mod emulator;
mod errors;
mod memory_use;
mod stores;
