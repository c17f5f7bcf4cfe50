//! What a model has to beat: forecasts that need no network.

mod least_squares;

use std::collections::BTreeMap;

use artifacts::{Encoding, RegressionMetrics, Schema, TransformParams};

use least_squares::LeastSquares;
pub use least_squares::LeastSquaresError;

use crate::{
    examples::Examples,
    metrics::{Errors, evaluate},
    store::{StoreError, each_block},
};

/// Name of the naive baseline of a schema: `persistence` (the last known label) for a horizon
/// above 0, `naive_<column>` (for example `naive_open`) for horizon 0.
pub fn naive_name(schema: &Schema) -> String {
    if schema.horizon > 0 {
        "persistence".to_owned()
    } else {
        format!("naive_{}", schema.naive_column)
    }
}

/// Name of the least-squares baseline on the raw inputs.
pub const LEAST_SQUARES_RAW: &str = "least_squares_raw";

/// Name of the least-squares baseline on the encoded features, predicting the encoded label.
pub const LEAST_SQUARES_ENCODED: &str = "least_squares_encoded";

/// The baselines, fitted on train rows and nothing else.
#[derive(Clone, Debug)]
pub struct Baselines {
    naive: String,
    raw: LeastSquares,
    encoded: Option<(RowCodec, LeastSquares)>,
}

impl Baselines {
    /// Fits ordinary least squares with an intercept on the raw inputs and, where the transform
    /// is more than the identity (up to an affine map, which changes no fit), on its features.
    pub fn fit(
        schema: &Schema,
        params: &TransformParams,
        train: &Examples,
    ) -> Result<Self, LeastSquaresError> {
        let rows = train.rows();
        let raw = LeastSquares::fit(rows, train.inputs.width(), |take| each_row(train, take))?;
        let identity = params.label.encoding == Encoding::Identity
            && params
                .features
                .iter()
                .all(|feature| feature.encoding == Encoding::Identity);
        let encoded = if identity {
            None
        } else {
            let codec = RowCodec::new(params);
            let mut features = Vec::new();
            let fit = LeastSquares::fit(rows, params.features.len(), |take| {
                each_row(train, |row, label| {
                    codec.encode(row, &mut features);
                    take(&features, codec.encode_label(label, row));
                })
            })?;
            Some((codec, fit))
        };
        Ok(Self {
            naive: naive_name(schema),
            raw,
            encoded,
        })
    }

    /// The baselines' metrics on `rows`, by name.
    pub fn evaluate(
        &self,
        rows: &Examples,
    ) -> Result<BTreeMap<String, RegressionMetrics>, StoreError> {
        let naive = evaluate(&rows.naive, &rows.labels)?;
        let mut raw = Errors::of(&rows.labels)?;
        let mut encoded = raw;
        let mut features = Vec::new();
        each_row(rows, |row, label| {
            raw.add(self.raw.predict(row), label);
            if let Some((codec, fit)) = &self.encoded {
                codec.encode(row, &mut features);
                encoded.add(codec.decode_label(fit.predict(&features), row), label);
            }
        })?;
        let mut metrics = BTreeMap::new();
        metrics.insert(self.naive.clone(), naive);
        metrics.insert(LEAST_SQUARES_RAW.to_owned(), raw.metrics());
        if self.encoded.is_some() {
            metrics.insert(LEAST_SQUARES_ENCODED.to_owned(), encoded.metrics());
        }
        Ok(metrics)
    }
}

/// Gives `each` the raw inputs and the label of every row.
fn each_row(rows: &Examples, mut each: impl FnMut(&[f64], f64)) -> Result<(), StoreError> {
    each_block([&rows.labels, &rows.inputs], |[labels, inputs]| {
        let inputs = inputs.chunks_exact(rows.inputs.width());
        inputs
            .zip(labels)
            .for_each(|(row, label)| each(row, *label));
        Ok(())
    })
}

/// The encodings of a transform in f64, without means and scales (least squares with an
/// intercept does not depend on them).
#[derive(Clone, Debug)]
struct RowCodec {
    /// Position among the raw inputs and encoding of each feature.
    features: Vec<(usize, Encoding)>,
    label: Encoding,
    reference: Option<usize>,
}

impl RowCodec {
    /// # Panics
    /// If the transform names an input it does not have; `model::FeatureTransform::new` refuses
    /// such a transform, and the caller has made one.
    fn new(params: &TransformParams) -> Self {
        let position = |name: &String| {
            let found = params.inputs.iter().position(|input| input == name);
            found.expect("a checked transform names its own inputs")
        };
        Self {
            features: params
                .features
                .iter()
                .map(|f| (position(&f.input), f.encoding))
                .collect(),
            label: params.label.encoding,
            reference: params.reference.as_ref().map(position),
        }
    }

    fn encode(&self, row: &[f64], features: &mut Vec<f64>) {
        let reference = self.reference(row);
        let encode =
            |&(input, encoding): &(usize, Encoding)| encode(encoding, row[input], reference);
        features.clear();
        features.extend(self.features.iter().map(encode));
    }

    fn encode_label(&self, label: f64, row: &[f64]) -> f64 {
        encode(self.label, label, self.reference(row))
    }

    fn decode_label(&self, output: f64, row: &[f64]) -> f64 {
        match self.label {
            Encoding::LogRatio => self.reference(row) * output.exp(),
            _ => output,
        }
    }

    fn reference(&self, row: &[f64]) -> f64 {
        self.reference.map_or(1.0, |input| row[input])
    }
}

fn encode(encoding: Encoding, value: f64, reference: f64) -> f64 {
    match encoding {
        Encoding::Identity => value,
        Encoding::LogRatio => (value / reference).ln(),
        Encoding::Ratio => value / reference,
        Encoding::Log1p => value.ln_1p(),
    }
}
