//! Why a fit gave no network.

use crate::store::StoreError;

/// Why a fit gave no network.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The loss became NaN, infinite or absurd.
    #[error(
        "training diverged at step {step}: the loss is {loss:.3e} with a learning rate of {learning_rate}"
    )]
    Diverged {
        /// The step, from 1.
        step: u64,
        /// Mean squared error of the step's batch, in squared standard deviations of the label.
        loss: f64,
        /// The learning rate the run began with.
        learning_rate: f64,
    },
    /// The observer asked to stop without a result.
    #[error("training was cancelled at step {step}")]
    Cancelled {
        /// Steps taken.
        step: u64,
    },
    /// The bytes are not those of a checkpoint of this training.
    #[error("the checkpoint is not one of this training")]
    Checkpoint,
    /// The rows cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A split has no rows.
    #[error("the {split} split has no rows")]
    Empty {
        /// `train` or `eval`.
        split: &'static str,
    },
    /// The splits were encoded by different transforms.
    #[error("train rows have {train} inputs and eval rows {eval}")]
    Width {
        /// Inputs of a train row.
        train: usize,
        /// Inputs of an eval row.
        eval: usize,
    },
    /// An option is outside its range.
    #[error("`{option}` is {value}; it must be {requirement}")]
    Option {
        /// Name of the option, as in [`super::FitOptions`].
        option: &'static str,
        /// Its value.
        value: String,
        /// Its range, in words.
        requirement: &'static str,
    },
}

impl FitError {
    /// The next step, where there is one to name.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Diverged { .. } => Some("lower the learning rate"),
            Self::Empty { .. } => Some("run `transform` on more rows or with other fractions"),
            Self::Width { .. } => Some("encode both splits with the same transform"),
            Self::Checkpoint => Some("remove it, or name another folder"),
            Self::Store(error) => Some(error.hint()),
            Self::Cancelled { .. } | Self::Option { .. } => None,
        }
    }
}
