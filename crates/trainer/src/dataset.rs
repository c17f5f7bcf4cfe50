//! The examples folder as a whole: its documents, and its splits ready for fitting.

use artifacts::{ParseError, Schema, Split, TransformParams, layout};
use bytes::Bytes;
use model::{FeatureTransform, ModelError};

use crate::{
    EncodeError, EncodedSet,
    examples::{Examples, ExamplesError},
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
}

/// A split: its rows as they are, and as the network sees them.
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

    /// Encodes rows that are already decoded.
    pub fn encode(&self, examples: &Examples) -> Result<EncodedSet, EncodeError> {
        EncodedSet::new(&self.transform, &examples.inputs_f32(), &examples.labels)
    }

    /// Decodes and encodes the content of a split's file.
    pub fn rows(&self, split: Split, bytes: &Bytes) -> Result<Rows, DatasetError> {
        let examples = Examples::decode(&self.schema, split, bytes)?;
        let encoded = self
            .encode(&examples)
            .map_err(|source| DatasetError::Encode {
                file: self.schema.file_name(split),
                source,
            })?;
        Ok(Rows { examples, encoded })
    }
}

impl DatasetError {
    /// The next step: every cause lies in the step before.
    pub fn hint(&self) -> String {
        "run `transform` again to write consistent examples".to_owned()
    }
}
