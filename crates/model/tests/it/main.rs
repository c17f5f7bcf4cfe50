//! The model crate through its public interface.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod network;
mod onnx;
mod sample;
mod transform;
