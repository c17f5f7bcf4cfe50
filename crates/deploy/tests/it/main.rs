//! Drives the real binary in a fresh directory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod canary;
mod cloud;
mod contract;
mod deployment;
mod finish;
mod fixture;
mod gate;
mod grpc;
mod hardening;
mod http;
mod kept;
mod otlp;
mod predict;
mod process;
mod protocols;
mod recovery;
mod requests;
mod rollback;
mod server;
mod status;
mod teardown;
mod validation;
mod vertex;
