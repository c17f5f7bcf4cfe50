//! Why a model was refused.

use crate::onnx::OnnxError;

/// Why a transform, network or model file was refused.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The transform's parameters contradict themselves.
    #[error("the feature transform is not usable: {problem}")]
    Transform {
        /// What is wrong, with the names.
        problem: String,
    },
    /// A layer's weights do not match its shape.
    #[error("a layer of {inputs} inputs and {outputs} outputs cannot have {found} weights")]
    LayerShape {
        /// Values the layer takes.
        inputs: usize,
        /// Values the layer gives.
        outputs: usize,
        /// Weights found.
        found: usize,
    },
    /// The layers do not fit together, or not the transform.
    #[error("the network does not fit together: {problem}")]
    NetworkShape {
        /// What is wrong, with the sizes.
        problem: String,
    },
    /// A weight is NaN or infinite.
    #[error("the network has weights that are not finite numbers")]
    NotFinite,
    /// The file is not a model this build can serve.
    #[error("the model file is refused")]
    Onnx(#[from] OnnxError),
}

impl ModelError {
    /// The next step, where there is one to name.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Transform { .. } => Some("run `transform` again to write consistent examples"),
            Self::LayerShape { .. } | Self::NetworkShape { .. } => None,
            Self::NotFinite | Self::Onnx(_) => Some("run `train` again to write the model anew"),
        }
    }
}
