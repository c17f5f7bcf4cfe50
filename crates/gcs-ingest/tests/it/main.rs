//! Drives the real binary against misbehaving sources and stores.

mod cloud;
mod crash;
mod download;
mod emulator;
mod harness;
mod refusal;
mod secrets;
mod unchanged;
mod usage;
