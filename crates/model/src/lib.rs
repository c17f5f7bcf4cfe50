//! The network, the row-wise feature transform, prediction and the ONNX model format.
//!
//! ```text
//! raw row ── FeatureTransform::encode ──▶ network inputs ── Network::forward ──▶ z
//!         ── FeatureTransform::decode_label(z, reference) ──▶ prediction in the label's unit
//! ```
//!
//! [`Model`] is the three together with the [`artifacts::ModelMetadata`] they were made from.
//! Its one file format is ONNX, with both transforms inside the graph: see [`Model::to_onnx`].
//! Everything is f32, computed by the same operations as the graph's nodes.

mod error;
mod network;
pub mod onnx;
mod predict;
mod transform;

pub use error::ModelError;
pub use network::{Dense, Network, Scratch};
pub use predict::{Model, PredictScratch};
pub use transform::{FeatureTransform, RowError};
