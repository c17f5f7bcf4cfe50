//! The model's file format: an ONNX graph from raw inputs to predictions in the label's unit.
//!
//! ```text
//! inputs [batch, k] ─ Gather ─ Div ─ Log ─ (Concat) ─ Sub ─ Div ─▶ features [batch, m]
//!   ─ [Gemm ─ Relu]* ─ Gemm ─▶ network output [batch, 1]
//!   ─ Mul ─ Add ─ (Exp ─ Mul) ─▶ predictions [batch, 1]
//! ```
//!
//! One float tensor in, one out, operator set 17, IR version 8, weights as `raw_data`; the
//! [`artifacts::ModelMetadata`] rides along in `metadata_props`, so the one file describes
//! itself. Reading accepts exactly the graphs that writing makes: the transform is taken from
//! the metadata and the weights from the file, and the graph they give must be the graph found.
//! Whatever runs the file and whatever this crate predicts are then the same function.
//!
//! Format: <https://github.com/onnx/onnx/blob/main/docs/IR.md>.

mod graph;
mod limits;
mod proto;
mod read;

use artifacts::layout;
use prost::Message;

use crate::Model;
use proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
pub use read::OnnxError;

/// Name of the graph's input tensor, float \[batch, number of inputs\].
pub const INPUT: &str = "inputs";
/// Name of the graph's output tensor, float \[batch, 1\].
pub const OUTPUT: &str = "predictions";
/// Version of the intermediate representation.
const IR_VERSION: i64 = 8;
/// Version of the default operator set.
const OPSET: i64 = 17;

impl Model {
    /// The model as the bytes of an ONNX file. The same model is the same bytes.
    pub fn to_onnx(&self) -> Vec<u8> {
        let metadata = artifacts::to_json(self.metadata());
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "kfp-components".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(graph::build(self.transform(), self.network())),
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: OPSET,
            }],
            metadata_props: vec![StringStringEntryProto {
                key: layout::model::METADATA_KEY.to_owned(),
                value: String::from_utf8_lossy(&metadata).into_owned(),
            }],
        };
        model.encode_to_vec()
    }
}
