//! Drives the real binary against misbehaving sources and stores.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cloud;
mod crash;
mod download;
mod emulator;
mod harness;
mod refusal;
mod secrets;
mod unchanged;
mod usage;
