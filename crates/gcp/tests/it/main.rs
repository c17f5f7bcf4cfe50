//! Credentials against files and fake token servers; jobs against a fake Google Cloud.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cloud;
mod faults;
mod files;
mod interrupted;
mod killed;
mod lifecycle;
mod serving;
mod tokens;
