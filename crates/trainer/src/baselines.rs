//! What a model has to beat: forecasts that need no network.

mod least_squares;

use std::collections::BTreeMap;

use artifacts::{Encoding, RegressionMetrics, Schema, TransformParams};

pub use least_squares::{LeastSquares, LeastSquaresError};

use crate::{examples::Examples, metrics::evaluate};

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
        let raw = LeastSquares::fit(&train.inputs, train.width, &train.labels)?;
        let identity = params.label.encoding == Encoding::Identity
            && params
                .features
                .iter()
                .all(|feature| feature.encoding == Encoding::Identity);
        let encoded = if identity {
            None
        } else {
            let codec = RowCodec::new(params);
            let features = codec.features(train);
            let labels: Vec<f64> = (0..train.rows())
                .map(|row| codec.encode_label(train.labels[row], train.row(row)))
                .collect();
            let fit = LeastSquares::fit(&features, params.features.len(), &labels)?;
            Some((codec, fit))
        };
        Ok(Self {
            naive: naive_name(schema),
            raw,
            encoded,
        })
    }

    /// The baselines' metrics on `rows`, by name.
    pub fn evaluate(&self, rows: &Examples) -> BTreeMap<String, RegressionMetrics> {
        let mut metrics = BTreeMap::new();
        metrics.insert(self.naive.clone(), evaluate(&rows.naive, &rows.labels));
        let raw = self.raw.predict(&rows.inputs);
        metrics.insert(LEAST_SQUARES_RAW.to_owned(), evaluate(&raw, &rows.labels));
        if let Some((codec, fit)) = &self.encoded {
            let mut predictions = fit.predict(&codec.features(rows));
            for (row, prediction) in predictions.iter_mut().enumerate() {
                *prediction = codec.decode_label(*prediction, rows.row(row));
            }
            let metrics_encoded = evaluate(&predictions, &rows.labels);
            metrics.insert(LEAST_SQUARES_ENCODED.to_owned(), metrics_encoded);
        }
        metrics
    }
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

    fn features(&self, rows: &Examples) -> Vec<f64> {
        (0..rows.rows())
            .map(|row| rows.row(row))
            .flat_map(|row| {
                self.features.iter().map(move |&(input, encoding)| {
                    encode(encoding, row[input], self.reference(row))
                })
            })
            .collect()
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
