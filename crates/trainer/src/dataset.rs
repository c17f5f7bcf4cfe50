//! The examples folder as a whole: its documents, and its splits ready for fitting.

use std::ops::Range;

use artifacts::{ParseError, Schema, Split, TransformParams, layout};
use model::{FeatureTransform, ModelError, Network};

use crate::{
    EncodeError, EncodedSet,
    examples::{self, Content, Examples, ExamplesError, ExamplesWriter},
    fit::EncodedWriter,
    store::{Column, ColumnWriter, Keep, Room, StoreError},
};

/// The documents of an examples folder, checked against each other.
#[derive(Clone, Debug)]
pub struct Dataset {
    schema: Schema,
    transform: FeatureTransform,
}

/// Why an examples folder is refused.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A document is not what it should be.
    #[error(transparent)]
    Document(#[from] ParseError),
    /// The transform's parameters contradict themselves.
    #[error("{} is not usable", layout::examples::TRANSFORM_PARAMS)]
    Transform(#[source] ModelError),
    /// The two documents come from different runs.
    #[error(
        "{} has the inputs {transform}, but {} has {schema}",
        layout::examples::TRANSFORM_PARAMS,
        layout::examples::SCHEMA
    )]
    Inputs {
        /// Inputs of the transform, separated by commas.
        transform: String,
        /// Inputs of the schema, separated by commas.
        schema: String,
    },
    /// A split can't be decoded.
    #[error(transparent)]
    Examples(#[from] ExamplesError),
    /// A row is outside the transform's domain.
    #[error("{file} cannot be encoded")]
    Encode {
        /// File name of the split.
        file: String,
        /// Which row, and why.
        source: EncodeError,
    },
    /// The rows cannot be kept in a temporary file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A split: its rows as they are, and as the network sees them. Cheap to clone and to cut.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The rows, in raw units.
    pub examples: Examples,
    /// The same rows encoded.
    pub encoded: EncodedSet,
}

impl Dataset {
    /// Parses the content of `schema.json` and `transform_params.json`.
    pub fn parse(schema: &[u8], transform_params: &[u8]) -> Result<Self, DatasetError> {
        let schema: Schema = artifacts::parse(layout::examples::SCHEMA, schema)?;
        let params: TransformParams =
            artifacts::parse(layout::examples::TRANSFORM_PARAMS, transform_params)?;
        if params.inputs != schema.inputs {
            return Err(DatasetError::Inputs {
                transform: params.inputs.join(", "),
                schema: schema.inputs.join(", "),
            });
        }
        let transform = FeatureTransform::new(&params).map_err(DatasetError::Transform)?;
        Ok(Self { schema, transform })
    }

    /// Contract of the example files.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The row-wise transform, with means and scales fitted on train rows.
    pub fn transform(&self) -> &FeatureTransform {
        &self.transform
    }

    /// Bytes that a row takes, raw and encoded.
    pub fn row_bytes(&self) -> u64 {
        // The instant, the label and the naive forecast; the target and the reference.
        let raw = (self.transform.input_width() + 3) * size_of::<f64>();
        let encoded = (self.transform.feature_width() + 2) * size_of::<f32>();
        (raw + encoded) as u64
    }

    /// Where the rows of each of some splits are to be kept: in memory as long as there is room,
    /// in this order. Splits that are looked at often come first.
    pub fn places<const N: usize>(&self, splits: [Split; N], room: &mut Room) -> [Keep; N] {
        splits.map(|split| {
            let rows = self.schema.splits.get(split).rows;
            room.take(rows.saturating_mul(self.row_bytes()))
        })
    }

    /// Decodes and encodes the content of a split's file.
    pub fn rows(&self, split: Split, content: Content, keep: Keep) -> Result<Rows, DatasetError> {
        let mut raw = ExamplesWriter::new(keep, self.schema.inputs.len())?;
        let mut encoded = EncodedWriter::new(&self.transform, keep)?;
        examples::decode(&self.schema, split, content, |rows| {
            raw.push(&rows)?;
            let block = encoded.encode(&rows.inputs, &rows.labels);
            let block = block.map_err(|source| DatasetError::Encode {
                file: self.schema.file_name(split),
                source,
            })?;
            Ok::<_, DatasetError>(encoded.push(&block)?)
        })?;
        let examples = raw.finish()?;
        let encoded = encoded.finish(examples.labels.clone())?;
        Ok(Rows { examples, encoded })
    }
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.examples.rows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// These rows and then those of `after`, another split of the same examples.
    #[must_use]
    pub fn followed_by(&self, after: &Self) -> Self {
        Self {
            examples: self.examples.followed_by(&after.examples),
            encoded: self.encoded.followed_by(&after.encoded),
        }
    }

    /// Some of the rows.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> Self {
        Self {
            examples: self.examples.slice(rows.clone()),
            encoded: self.encoded.slice(rows),
        }
    }

    /// A network's predictions in the label's unit, kept where the rows are.
    pub fn predict(&self, network: &Network) -> Result<Column<f64>, StoreError> {
        let keep = if self.examples.labels.is_held() {
            Keep::InMemory
        } else {
            Keep::OnDisk
        };
        let mut predictions = ColumnWriter::new(keep, 1)?;
        self.encoded
            .predict(network, |block| predictions.push(block))?;
        predictions.finish()
    }
}

impl DatasetError {
    /// The next step: every cause but one lies in the step before.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Store(error) => error.hint(),
            _ => "run `transform` again to write consistent examples",
        };
        hint.to_owned()
    }
}

#[cfg(test)]
mod tests;
