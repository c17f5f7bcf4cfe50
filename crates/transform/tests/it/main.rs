//! Drives the real binary on generated data.

mod crash;
mod formats;
mod harness;
mod known_answers;
mod outputs;
mod refusals;
mod rows;
