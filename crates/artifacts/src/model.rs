//! What a model file says about itself, and the rows that prove a server right.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{InputDistribution, Metrics, Provenance, Schema, TransformParams};

/// Stored as JSON in the ONNX file's `metadata_props`, so the one file is self-describing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// [`crate::FORMAT_VERSION`].
    pub version: u32,
    /// Contract of the examples it was trained on.
    pub schema: Schema,
    /// The transform inside the graph.
    pub transform_params: TransformParams,
    /// How it was trained.
    pub training: TrainingSummary,
    /// What it is worth.
    pub metrics: Metrics,
    /// How its inputs are distributed over the train rows; empty in a model of an older build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputDistribution>,
    /// Which bytes it was made from, and by which build.
    pub provenance: Provenance,
}

/// How a model was trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// Hyperparameters by flag name with underscores, for example `learning_rate`.
    pub hyperparameters: BTreeMap<String, Value>,
    /// Units of each hidden layer, first to last.
    pub hidden_units: Vec<u32>,
    /// Random seed.
    pub seed: u64,
    /// Optimizer steps taken.
    pub steps: u64,
    /// Step of the weights that were kept: the last one; with early stopping, the one of the
    /// lowest eval loss.
    pub best_step: u64,
}

/// Rows with the predictions a correct server must reproduce.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// [`crate::FORMAT_VERSION`].
    pub version: u32,
    /// Input names, in the order of `instances`' cells; equals `Schema::inputs`.
    pub inputs: Vec<String>,
    /// Raw input rows.
    pub instances: Vec<Vec<f64>>,
    /// The model's prediction for each, in the label's raw unit.
    pub predictions: Vec<f64>,
    /// Largest relative difference a server may show.
    pub relative_tolerance: f64,
}
