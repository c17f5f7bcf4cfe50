//! What passes between the pipeline's steps: types, file names and JSON schemas; no I/O.
//!
//! ```text
//! raw table → examples {train, eval, test} + schema + transform parameters + statistics
//!           → study {best hyperparameters, trials} → model {ONNX, metrics, golden rows}
//!           → deployment
//! ```
//!
//! Every document carries a `version`; [`parse`] refuses one this build does not know.
//! A folder of several files names one of them its *marker* (see [`layout`]): writers remove it
//! first and write it last, so a folder with a marker is complete.

mod deployment;
mod distribution;
mod examples;
pub mod layout;
mod metrics;
mod model;
mod provenance;
mod study;
mod transform_params;

pub use deployment::{Deployment, GateResult};
pub use distribution::InputDistribution;
pub use examples::{Column, ColumnKind, ExamplesFormat, Schema, Series, Split, SplitInfo, Splits};
pub use metrics::{
    Coverage, Evaluation, IntervalScale, Intervals, Metrics, RegressionMetrics, Skill, figure,
};
pub use model::{Golden, ModelMetadata, TrainingSummary};
pub use provenance::{FileDigest, Provenance};
pub use study::{
    AutomatedStoppingSpec, BestHyperparameters, CategoricalValueSpec, ConditionalParameterSpec,
    DiscreteValueSpec, DoubleValueSpec, Goal, IntegerValueSpec, Measurement, MetricSpec,
    MetricValue, ParameterSpec, ParentCategoricalValues, ParentNumericValues, ScaleType,
    StudyConfig, StudySpec, StudyStoppingConfig, Trial, TrialParameter, TrialState, Trials,
};
pub use transform_params::{Encoding, FeatureTransform, LabelTransform, TransformParams};

/// The version written into every document of this crate.
pub const FORMAT_VERSION: u32 = 1;

/// Why a document was refused.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not JSON, or not this document's shape; the source names the place.
    #[error("{document} is not valid")]
    Json {
        /// File name of the document, for example `schema.json`.
        document: String,
        /// What serde found, with line and column.
        source: serde_json::Error,
    },
    /// Written by a newer (or much older) build.
    #[error("{document} has format version {found}, this build reads version {FORMAT_VERSION}")]
    Version {
        /// File name of the document.
        document: String,
        /// The version found in it.
        found: u32,
    },
}

/// A document with a `version` field.
pub trait Versioned {
    /// The version it was written with.
    fn version(&self) -> u32;
}

/// Parses a versioned JSON document; `document` is its name in error messages.
pub fn parse<T>(document: &str, json: &[u8]) -> Result<T, ParseError>
where
    T: serde::de::DeserializeOwned + Versioned,
{
    let value: T = serde_json::from_slice(json).map_err(|source| ParseError::Json {
        document: document.to_owned(),
        source,
    })?;
    match value.version() {
        FORMAT_VERSION => Ok(value),
        found => Err(ParseError::Version {
            document: document.to_owned(),
            found,
        }),
    }
}

/// The one JSON form of a document: indented, fields in declaration order, a final newline,
/// so that the same value is the same bytes.
///
/// # Panics
/// Never for the types of this crate: their maps have string keys.
pub fn to_json<T: serde::Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("string keys only");
    bytes.push(b'\n');
    bytes
}

macro_rules! versioned {
    ($($document:ty),+) => {$(
        impl Versioned for $document {
            fn version(&self) -> u32 {
                self.version
            }
        }
    )+};
}
versioned!(
    Schema,
    TransformParams,
    BestHyperparameters,
    Deployment,
    Trials,
    Metrics,
    ModelMetadata,
    Golden
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_another_version_is_refused_by_name() {
        let mut trials = Trials::new("rmse", Goal::Minimize);
        trials.version = 7;
        let error = parse::<Trials>("trials.json", &to_json(&trials)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "trials.json has format version 7, this build reads version 1"
        );
    }

    #[test]
    fn documents_survive_a_round_trip() {
        let trials = Trials::new("rmse", Goal::Minimize);
        let again: Trials = parse("trials.json", &to_json(&trials)).unwrap();
        assert_eq!(again, trials);
    }
}
