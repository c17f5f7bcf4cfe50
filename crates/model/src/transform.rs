//! The row-wise feature transform and the label's inverse.

use artifacts::{Encoding, TransformParams};

use crate::ModelError;

/// A checked [`TransformParams`], ready to encode rows; in f32, as the ONNX graph computes it.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureTransform {
    params: TransformParams,
    reference: Option<usize>,
    features: Vec<Feature>,
    label: Label,
}

/// One network input: which raw input, encoded how, standardised by what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Feature {
    pub(crate) input: usize,
    pub(crate) encoding: Encoding,
    pub(crate) mean: f32,
    pub(crate) scale: f32,
}

/// The label's encoding and standardisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Label {
    pub(crate) encoding: Encoding,
    pub(crate) mean: f32,
    pub(crate) scale: f32,
}

/// Why a raw row cannot be encoded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RowError {
    /// The row has another number of values than the model has inputs.
    #[error("the row has {found} values, the model takes {expected}: {}", inputs.join(", "))]
    Width {
        /// Values in the row.
        found: usize,
        /// Inputs of the model.
        expected: usize,
        /// Their names, in order.
        inputs: Vec<String>,
    },
    /// A value is NaN, infinite or beyond the range of f32.
    #[error("`{input}` is {value}; it must be a finite number")]
    NotFinite {
        /// Name of the raw input.
        input: String,
        /// What was found.
        value: f32,
    },
    /// A value is outside the encoding's domain.
    #[error("`{input}` is {value}; it must be {requirement}")]
    Domain {
        /// Name of the raw input.
        input: String,
        /// What was found.
        value: f32,
        /// `above 0` or `at least 0`.
        requirement: &'static str,
    },
}

impl FeatureTransform {
    /// Checks the parameters: known inputs, a reference where one is needed, finite means and
    /// positive scales (as f32), a label encoding that has an inverse.
    pub fn new(params: &TransformParams) -> Result<Self, ModelError> {
        let transform = |problem: String| ModelError::Transform { problem };
        let inputs = &params.inputs;
        if inputs.is_empty() || params.features.is_empty() {
            return Err(transform("it has no inputs or no features".to_owned()));
        }
        if let Some((i, name)) = (0..)
            .zip(inputs)
            .find(|(i, name)| inputs[..*i].contains(name))
        {
            return Err(transform(format!("input {i} repeats the name `{name}`")));
        }
        let position = |name: &str, what: &str| {
            inputs
                .iter()
                .position(|input| input == name)
                .ok_or_else(|| {
                    transform(format!("{what} is `{name}`, which is not among the inputs"))
                })
        };
        let reference = params
            .reference
            .as_deref()
            .map(|name| position(name, "the reference"))
            .transpose()?;
        let constants = |what: &str, encoding: Encoding, mean: f64, scale: f64| {
            if encoding.is_relative() && reference.is_none() {
                return Err(transform(format!(
                    "{what} is relative but there is no reference"
                )));
            }
            let (mean, scale) = (mean as f32, scale as f32);
            if !mean.is_finite() || !scale.is_normal() || scale < 0.0 {
                return Err(transform(format!(
                    "{what} has mean {mean} and scale {scale}; \
                     the mean must be finite and the scale above 0"
                )));
            }
            Ok((mean, scale))
        };
        let features = params.features.iter().enumerate().map(|(i, feature)| {
            let what = format!("feature {i} (`{}`)", feature.input);
            let input = position(&feature.input, &format!("the input of feature {i}"))?;
            let (mean, scale) = constants(&what, feature.encoding, feature.mean, feature.scale)?;
            Ok(Feature {
                input,
                encoding: feature.encoding,
                mean,
                scale,
            })
        });
        let features = features.collect::<Result<_, ModelError>>()?;
        let artifacts::LabelTransform {
            encoding,
            mean,
            scale,
        } = params.label;
        if !matches!(encoding, Encoding::Identity | Encoding::LogRatio) {
            return Err(transform("the label's encoding has no inverse".to_owned()));
        }
        let (mean, scale) = constants("the label", encoding, mean, scale)?;
        let label = Label {
            encoding,
            mean,
            scale,
        };
        Ok(Self {
            params: params.clone(),
            reference,
            features,
            label,
        })
    }

    /// The parameters it was made from.
    pub fn params(&self) -> &TransformParams {
        &self.params
    }

    /// Raw values in a row.
    pub fn input_width(&self) -> usize {
        self.params.inputs.len()
    }

    /// Network inputs made from a row.
    pub fn feature_width(&self) -> usize {
        self.features.len()
    }

    pub(crate) fn features(&self) -> &[Feature] {
        &self.features
    }

    pub(crate) fn label(&self) -> Label {
        self.label
    }

    pub(crate) fn reference_index(&self) -> Option<usize> {
        self.reference
    }

    /// Checks that a raw row can be encoded: its width, finite values, and the domains of the
    /// encodings that use them.
    pub fn check(&self, row: &[f32]) -> Result<(), RowError> {
        let inputs = &self.params.inputs;
        if row.len() != inputs.len() {
            let (found, expected) = (row.len(), inputs.len());
            return Err(RowError::Width {
                found,
                expected,
                inputs: inputs.clone(),
            });
        }
        if let Some(i) = row.iter().position(|value| !value.is_finite()) {
            return Err(RowError::NotFinite {
                input: inputs[i].clone(),
                value: row[i],
            });
        }
        let domain = |input: usize, requirement| {
            let (input, value) = (inputs[input].clone(), row[input]);
            Err(RowError::Domain {
                input,
                value,
                requirement,
            })
        };
        let relative = self.features.iter().any(|f| f.encoding.is_relative());
        if let Some(reference) = self.reference
            && (relative || self.label.encoding.is_relative())
            && row[reference] <= 0.0
        {
            return domain(reference, "above 0");
        }
        for Feature {
            input, encoding, ..
        } in &self.features
        {
            match encoding {
                Encoding::LogRatio if row[*input] <= 0.0 => return domain(*input, "above 0"),
                Encoding::Log1p if row[*input] < 0.0 => return domain(*input, "at least 0"),
                _ => {}
            }
        }
        Ok(())
    }

    /// Encodes raw rows (n × [`Self::input_width`], row-major) as network inputs
    /// (n × [`Self::feature_width`]). Rows that fail [`Self::check`] give NaN or infinities.
    ///
    /// # Panics
    /// When the lengths do not hold the same number of rows.
    pub fn encode(&self, rows: &[f32], out: &mut [f32]) {
        let (inputs, features) = (self.input_width(), self.feature_width());
        assert!(
            rows.len().is_multiple_of(inputs) && rows.len() / inputs * features == out.len(),
            "as many encoded rows as raw rows"
        );
        for (row, out) in rows
            .chunks_exact(inputs)
            .zip(out.chunks_exact_mut(features))
        {
            let reference = self.reference(row);
            for (feature, out) in self.features.iter().zip(out) {
                let encoded = encode(feature.encoding, row[feature.input], reference);
                *out = (encoded - feature.mean) / feature.scale;
            }
        }
    }

    /// The row's reference value; 1 where the transform has no reference.
    pub fn reference(&self, row: &[f32]) -> f32 {
        self.reference.map_or(1.0, |i| row[i])
    }

    /// Encodes a label in raw units as the network's target.
    pub fn encode_label(&self, label: f32, reference: f32) -> f32 {
        (encode(self.label.encoding, label, reference) - self.label.mean) / self.label.scale
    }

    /// Turns the network's output into the label's raw unit.
    pub fn decode_label(&self, output: f32, reference: f32) -> f32 {
        let encoded = output * self.label.scale + self.label.mean;
        match self.label.encoding {
            Encoding::LogRatio => reference * exp(encoded),
            _ => encoded,
        }
    }
}

fn encode(encoding: Encoding, value: f32, reference: f32) -> f32 {
    match encoding {
        Encoding::Identity => value,
        Encoding::LogRatio => ln(value / reference),
        Encoding::Ratio => value / reference,
        Encoding::Log1p => ln(1.0 + value),
    }
}

// C libraries differ in the last bit of f32 logarithms; rounding the f64 result hides that, so
// that the same data gives the same bits wherever it is built.
fn ln(x: f32) -> f32 {
    f64::from(x).ln() as f32
}

fn exp(x: f32) -> f32 {
    f64::from(x).exp() as f32
}
