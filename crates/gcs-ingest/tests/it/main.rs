//! Drives the real binary against misbehaving sources and stores.

mod crash;
mod download;
mod harness;
mod refusal;
mod secrets;
mod unchanged;
mod usage;
