//! Drives the real binary on generated data.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod dataflow;
mod formats;
mod harness;
mod known_answers;
mod memory;
mod outputs;
mod refusals;
mod rows;
