//! A model: raw rows in, label units out.

use artifacts::ModelMetadata;

use crate::{FeatureTransform, ModelError, Network, Scratch};

/// A trained model: transform, network, and what it says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    metadata: ModelMetadata,
    transform: FeatureTransform,
    network: Network,
}

/// Working memory of [`Model::predict`], to be reused between calls.
#[derive(Clone, Debug, Default)]
pub struct PredictScratch {
    encoded: Vec<f32>,
    network: Scratch,
}

impl Model {
    /// A model from its parts; the transform is the one in the metadata. Refuses parts that do
    /// not fit together.
    pub fn new(metadata: ModelMetadata, network: Network) -> Result<Self, ModelError> {
        let transform = FeatureTransform::new(&metadata.transform_params)?;
        if metadata.schema.inputs != metadata.transform_params.inputs {
            return Err(ModelError::Transform {
                problem: format!(
                    "its inputs are [{}] and the schema's [{}]",
                    metadata.transform_params.inputs.join(", "),
                    metadata.schema.inputs.join(", ")
                ),
            });
        }
        if transform.feature_width() != network.inputs() {
            return Err(ModelError::NetworkShape {
                problem: format!(
                    "it takes {} values and the transform gives {}",
                    network.inputs(),
                    transform.feature_width()
                ),
            });
        }
        if !network.is_finite() {
            return Err(ModelError::NotFinite);
        }
        Ok(Self {
            metadata,
            transform,
            network,
        })
    }

    /// What the model says about itself.
    pub fn metadata(&self) -> &ModelMetadata {
        &self.metadata
    }

    /// The feature transform and the label's inverse.
    pub fn transform(&self) -> &FeatureTransform {
        &self.transform
    }

    /// The network between them.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Predicts raw rows (n × inputs, row-major, in the order of the schema's inputs): n values
    /// in the label's unit. A row's prediction is the same bits alone and in any batch. Rows
    /// that fail [`FeatureTransform::check`] may give NaN.
    ///
    /// # Panics
    /// When `rows` is not a whole number of rows.
    pub fn predict(&self, rows: &[f32], scratch: &mut PredictScratch) -> Vec<f64> {
        let width = self.transform.input_width();
        assert!(rows.len().is_multiple_of(width), "a whole number of rows");
        scratch
            .encoded
            .resize(rows.len() / width * self.transform.feature_width(), 0.0);
        self.transform.encode(rows, &mut scratch.encoded);
        let outputs = self.network.forward(&scratch.encoded, &mut scratch.network);
        let decode = |(row, output): (&[f32], &f32)| {
            f64::from(
                self.transform
                    .decode_label(*output, self.transform.reference(row)),
            )
        };
        rows.chunks_exact(width).zip(outputs).map(decode).collect()
    }
}
