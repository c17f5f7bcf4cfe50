//! File names inside the folders that pass between steps.

/// The examples folder `transform` writes: three example files and four documents.
pub mod examples {
    /// Stem of the rows the model is fitted on; the extension is the format's.
    pub const TRAIN: &str = "train";
    /// Stem of the rows tuning and early stopping look at.
    pub const EVAL: &str = "eval";
    /// Stem of the rows nothing but the final report looks at.
    pub const TEST: &str = "test";
    /// [`crate::Schema`]; the folder's marker, written last.
    pub const SCHEMA: &str = "schema.json";
    /// [`crate::TransformParams`].
    pub const TRANSFORM_PARAMS: &str = "transform_params.json";
    /// Counts, distributions and findings; for people and reports, read by no step.
    pub const STATISTICS: &str = "statistics.json";
    /// Rows set aside, each with the reason; present even when empty.
    pub const REJECTED: &str = "rejected.csv";
}

/// The model folder `train` writes.
pub mod model {
    /// The model; self-describing ([`crate::ModelMetadata`] in `metadata_props`); the marker.
    pub const ONNX: &str = "model.onnx";
    /// [`crate::Metrics`].
    pub const METRICS: &str = "metrics.json";
    /// [`crate::Golden`]: rows and predictions that a correct server reproduces.
    pub const GOLDEN: &str = "golden.json";
    /// Key in the ONNX `metadata_props` that holds [`crate::ModelMetadata`] as JSON.
    pub const METADATA_KEY: &str = "kfp.model_metadata";
}
