//! A split as the network sees it.

use model::{FeatureTransform, RowError};

/// Encoded rows and labels, with what is needed to measure errors in the label's unit.
#[derive(Clone, Debug)]
pub struct EncodedSet {
    transform: FeatureTransform,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    references: Vec<f32>,
    labels: Vec<f64>,
}

/// Why a row cannot be encoded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// A raw input is outside its encoding's domain.
    #[error("row {row} cannot be encoded")]
    Row {
        /// Index of the row, from 0.
        row: usize,
        /// Which value, and why.
        source: RowError,
    },
    /// The label is outside its encoding's domain.
    #[error("row {row} has the label {label}, which its encoding does not take")]
    Label {
        /// Index of the row, from 0.
        row: usize,
        /// The label, in raw units.
        label: f64,
    },
}

impl EncodedSet {
    /// Encodes raw rows (n × `transform.input_width()`, row-major) and their n labels in raw
    /// units.
    ///
    /// # Panics
    /// When there are not as many labels as rows.
    pub fn new(
        transform: &FeatureTransform,
        rows: &[f32],
        labels: &[f64],
    ) -> Result<Self, EncodeError> {
        let width = transform.input_width();
        assert_eq!(rows.len(), labels.len() * width, "one label for each row");
        let mut references = Vec::with_capacity(labels.len());
        let mut targets = Vec::with_capacity(labels.len());
        for (row, (values, &label)) in rows.chunks_exact(width).zip(labels).enumerate() {
            transform
                .check(values)
                .map_err(|source| EncodeError::Row { row, source })?;
            let reference = transform.reference(values);
            let target = transform.encode_label(label as f32, reference);
            if !target.is_finite() {
                return Err(EncodeError::Label { row, label });
            }
            references.push(reference);
            targets.push(target);
        }
        let mut inputs = vec![0.0; labels.len() * transform.feature_width()];
        transform.encode(rows, &mut inputs);
        let (transform, labels) = (transform.clone(), labels.to_vec());
        Ok(Self {
            transform,
            inputs,
            targets,
            references,
            labels,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.targets.len()
    }

    /// Network inputs of a row.
    pub fn width(&self) -> usize {
        self.transform.feature_width()
    }

    /// Network inputs, rows × [`Self::width`], row-major.
    pub fn inputs(&self) -> &[f32] {
        &self.inputs
    }

    /// Encoded labels: what the network is fitted to.
    pub fn targets(&self) -> &[f32] {
        &self.targets
    }

    /// Root mean squared error of network outputs (one for each row), in the label's unit.
    pub fn root_mean_squared_error(&self, outputs: &[f32]) -> f64 {
        let squares = self.errors(outputs).map(|error| error * error);
        (squares.sum::<f64>() / self.rows() as f64).sqrt()
    }

    /// Mean absolute error of network outputs (one for each row), in the label's unit.
    pub fn mean_absolute_error(&self, outputs: &[f32]) -> f64 {
        self.errors(outputs).map(f64::abs).sum::<f64>() / self.rows() as f64
    }

    fn errors(&self, outputs: &[f32]) -> impl Iterator<Item = f64> {
        let rows = outputs.iter().zip(&self.references).zip(&self.labels);
        rows.map(|((output, reference), label)| {
            f64::from(self.transform.decode_label(*output, *reference)) - label
        })
    }
}
