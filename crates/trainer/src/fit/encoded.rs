//! A split as the network sees it.

use std::ops::Range;

use model::{FeatureTransform, Network, RowError};

use super::loss;
use crate::Forward;
use crate::store::{Column, ColumnWriter, Keep, StoreError, blocks};

/// Encoded rows and labels, with what is needed to measure errors in the label's unit.
#[derive(Clone, Debug)]
pub struct EncodedSet {
    transform: FeatureTransform,
    inputs: Column<f32>,
    targets: Column<f32>,
    references: Column<f32>,
    labels: Column<f64>,
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

/// Errors of a network on a set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errors {
    /// Mean squared error, in squared standard deviations of the label.
    pub(super) loss: f64,
    /// Root mean squared error, in the label's unit.
    pub(super) root_mean_squared: f64,
    /// Mean absolute error, in the label's unit.
    pub(super) mean_absolute: f64,
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
        let block = Block::encode(transform, rows, labels, 0)?;
        Ok(Self {
            transform: transform.clone(),
            inputs: Column::held(transform.feature_width(), block.inputs),
            targets: Column::held(1, block.targets),
            references: Column::held(1, block.references),
            labels: Column::held(1, labels.to_vec()),
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.targets.rows()
    }

    /// Network inputs of a row.
    pub fn width(&self) -> usize {
        self.transform.feature_width()
    }

    /// Network inputs, [`Self::width`] a row.
    pub fn inputs(&self) -> &Column<f32> {
        &self.inputs
    }

    /// Encoded labels: what the network is fitted to.
    pub fn targets(&self) -> &Column<f32> {
        &self.targets
    }

    /// These rows and then those of `after`, which were encoded by the same transform.
    #[must_use]
    pub fn followed_by(&self, after: &Self) -> Self {
        Self {
            transform: self.transform.clone(),
            inputs: self.inputs.followed_by(&after.inputs),
            targets: self.targets.followed_by(&after.targets),
            references: self.references.followed_by(&after.references),
            labels: self.labels.followed_by(&after.labels),
        }
    }

    /// Some of the rows.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> Self {
        Self {
            transform: self.transform.clone(),
            inputs: self.inputs.slice(rows.clone()),
            targets: self.targets.slice(rows.clone()),
            references: self.references.slice(rows.clone()),
            labels: self.labels.slice(rows),
        }
    }

    /// A network's predictions in the label's unit, as `model::Model::predict` gives them; a block
    /// of rows at a time, oldest first.
    pub fn predict(
        &self,
        network: &Network,
        mut each: impl FnMut(&[f64]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut forward = Forward::default();
        let (mut inputs, mut references) = (Vec::new(), Vec::new());
        let mut predictions = Vec::new();
        for rows in blocks(self.rows()) {
            let inputs = self.inputs.read(rows.clone(), &mut inputs)?;
            let references = self.references.read(rows, &mut references)?;
            let outputs = forward.run(network, inputs).iter().zip(references);
            predictions.clear();
            predictions.extend(outputs.map(|(output, reference)| self.decode(*output, *reference)));
            each(&predictions)?;
        }
        Ok(())
    }

    /// The same set with its columns put somewhere else.
    #[cfg(test)]
    pub(super) fn with_columns(
        &self,
        narrow: impl Fn(&Column<f32>) -> Column<f32>,
        wide: impl Fn(&Column<f64>) -> Column<f64>,
    ) -> Self {
        Self {
            transform: self.transform.clone(),
            inputs: narrow(&self.inputs),
            targets: narrow(&self.targets),
            references: narrow(&self.references),
            labels: wide(&self.labels),
        }
    }

    /// Mean squared error of a network, in squared standard deviations of the label.
    pub(super) fn loss(&self, network: &Network, forward: &mut Forward) -> Result<f64, StoreError> {
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        let mut sum = 0.0;
        for rows in blocks(self.rows()) {
            let inputs = self.inputs.read(rows.clone(), &mut inputs)?;
            let targets = self.targets.read(rows, &mut targets)?;
            loss::add_squared_errors(&mut sum, forward.run(network, inputs), targets);
        }
        Ok(sum / self.rows() as f64)
    }

    /// All errors of a network.
    pub(super) fn errors(
        &self,
        network: &Network,
        forward: &mut Forward,
    ) -> Result<Errors, StoreError> {
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        let (mut references, mut labels) = (Vec::new(), Vec::new());
        let (mut loss, mut squared, mut absolute) = (0.0, 0.0, 0.0);
        for rows in blocks(self.rows()) {
            let inputs = self.inputs.read(rows.clone(), &mut inputs)?;
            let targets = self.targets.read(rows.clone(), &mut targets)?;
            let references = self.references.read(rows.clone(), &mut references)?;
            let labels = self.labels.read(rows, &mut labels)?;
            let outputs = forward.run(network, inputs);
            loss::add_squared_errors(&mut loss, outputs, targets);
            for ((output, reference), label) in outputs.iter().zip(references).zip(labels) {
                let error = self.decode(*output, *reference) - label;
                squared += error * error;
                absolute += error.abs();
            }
        }
        let count = self.rows() as f64;
        Ok(Errors {
            loss: loss / count,
            root_mean_squared: (squared / count).sqrt(),
            mean_absolute: absolute / count,
        })
    }

    fn decode(&self, output: f32, reference: f32) -> f64 {
        f64::from(self.transform.decode_label(output, reference))
    }
}

/// Encoded rows and labels, n of each.
pub(crate) struct Block {
    inputs: Vec<f32>,
    targets: Vec<f32>,
    references: Vec<f32>,
}

impl Block {
    /// Encodes raw rows, the first of which is row `first` in the error.
    fn encode(
        transform: &FeatureTransform,
        rows: &[f32],
        labels: &[f64],
        first: usize,
    ) -> Result<Self, EncodeError> {
        let width = transform.input_width();
        assert_eq!(rows.len(), labels.len() * width, "one label for each row");
        let mut references = Vec::with_capacity(labels.len());
        let mut targets = Vec::with_capacity(labels.len());
        for ((row, values), &label) in (first..).zip(rows.chunks_exact(width)).zip(labels) {
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
        Ok(Self {
            inputs,
            targets,
            references,
        })
    }
}

/// An [`EncodedSet`] under construction.
pub(crate) struct EncodedWriter<'a> {
    transform: &'a FeatureTransform,
    inputs: ColumnWriter<f32>,
    targets: ColumnWriter<f32>,
    references: ColumnWriter<f32>,
    rows: usize,
}

impl<'a> EncodedWriter<'a> {
    pub(crate) fn new(transform: &'a FeatureTransform, keep: Keep) -> Result<Self, StoreError> {
        Ok(Self {
            transform,
            inputs: ColumnWriter::new(keep, transform.feature_width())?,
            targets: ColumnWriter::new(keep, 1)?,
            references: ColumnWriter::new(keep, 1)?,
            rows: 0,
        })
    }

    /// Encodes the next rows, in raw units, and their labels.
    pub(crate) fn encode(&self, rows: &[f64], labels: &[f64]) -> Result<Block, EncodeError> {
        let rows: Vec<f32> = rows.iter().map(|&value| value as f32).collect();
        Block::encode(self.transform, &rows, labels, self.rows)
    }

    /// Adds rows.
    pub(crate) fn push(&mut self, block: &Block) -> Result<(), StoreError> {
        self.rows += block.targets.len();
        self.inputs.push(&block.inputs)?;
        self.targets.push(&block.targets)?;
        self.references.push(&block.references)
    }

    /// The set, with its labels in raw units.
    pub(crate) fn finish(self, labels: Column<f64>) -> Result<EncodedSet, StoreError> {
        Ok(EncodedSet {
            transform: self.transform.clone(),
            inputs: self.inputs.finish()?,
            targets: self.targets.finish()?,
            references: self.references.finish()?,
            labels,
        })
    }
}
