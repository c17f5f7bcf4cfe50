//! Why a training run failed.

use std::path::PathBuf;

use artifacts::ParseError;
use component::{Diagnose, Exit};
use model::ModelError;
use storage::Uri;
use trainer::{
    FitError, ThreadsError, baselines::LeastSquaresError, dataset::DatasetError,
    hyperparameters::HyperparameterError, store::StoreError,
};

/// Why a training run failed. No model was written, or, for [`Error::ReadBack`], what was written
/// is not marked as a model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag has a value no fit can work with.
    #[error(transparent)]
    Flag(HyperparameterError),
    /// Flags and best hyperparameters together make no fit.
    #[error("the options do not work together")]
    Options(#[source] FitError),
    /// Reading or writing failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The best hyperparameters are no such document.
    #[error("{uri} cannot be used")]
    Document {
        /// Its address.
        uri: Uri,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The best hyperparameters hold something `train` does not know.
    #[error("{uri} cannot be used")]
    BestHyperparameters {
        /// Its address.
        uri: Uri,
        /// What it does not know.
        source: HyperparameterError,
    },
    /// The examples can't be used.
    #[error("the examples in {uri} cannot be used")]
    Examples {
        /// The folder.
        uri: Uri,
        /// What is wrong with them.
        source: Box<DatasetError>,
    },
    /// The rows cannot be kept, or not read again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The fit gave no network.
    #[error("no model was written")]
    Fit(#[source] FitError),
    /// The threads could not be started.
    #[error(transparent)]
    Threads(ThreadsError),
    /// The least-squares baseline can't be fitted.
    #[error("the baselines cannot be fitted")]
    Baselines(#[source] LeastSquaresError),
    /// The fitted network is no model.
    #[error("no model was written")]
    Model(#[source] ModelError),
    /// There are not rows enough for the folds.
    #[error("{rows} train and eval rows are too few for a back-test over {folds} periods")]
    Backtest {
        /// Folds asked for.
        folds: usize,
        /// Rows there are.
        rows: usize,
    },
    /// There is no place for the model.
    #[error("there is no folder for the model: neither --model nor AIP_MODEL_DIR")]
    NoModelFolder,
    /// The job, or something on the way to it, failed.
    #[error(transparent)]
    Cloud(#[from] cloud::Error),
    /// The job ended well, but did not leave a model.
    #[error("the job ended well, but {uri} is not the model it should have written: {problem}")]
    JobOutput {
        /// The file.
        uri: Uri,
        /// What is wrong with it.
        problem: String,
    },
    /// The tuner's file cannot be written.
    #[error("cannot report to the tuner in {}", path.display())]
    Hypertune {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SIGTERM or SIGINT.
    #[error("training was cancelled before anything was written")]
    Cancelled,
    /// What was read back is not what was trained; the model folder was left without its marker.
    #[error("{uri} does not hold the model that was trained: {problem}")]
    ReadBack {
        /// The file.
        uri: Uri,
        /// What differs.
        problem: String,
    },
}

impl Diagnose for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Flag(_) | Self::Options(_) | Self::NoModelFolder => Exit::Usage,
            Self::Cloud(error) => error.exit(),
            _ => Exit::Failure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Flag(_) | Self::Options(_) => Some("see train --help for the ranges".to_owned()),
            Self::Storage(error) => error.hint(),
            Self::Document { .. } | Self::BestHyperparameters { .. } => {
                Some("give the file that hptune wrote as --best-hyperparameters".to_owned())
            }
            Self::Examples { source, .. } => Some(source.hint()),
            Self::Store(error) | Self::Baselines(LeastSquaresError::Store(error)) => {
                Some(error.hint().to_owned())
            }
            Self::Fit(error) => error.hint().map(str::to_owned),
            Self::Threads(_) => Some("lower --threads".to_owned()),
            Self::Baselines(_) => Some("run `transform` on more rows".to_owned()),
            Self::Model(error) => error.hint().map(str::to_owned),
            Self::ReadBack { .. } => Some(
                "check the storage and that no other run writes there, then run again".to_owned(),
            ),
            Self::Backtest { .. } => Some("lower --backtest".to_owned()),
            Self::NoModelFolder => Some("give --model DIR".to_owned()),
            Self::Cloud(error) => error.hint(),
            Self::JobOutput { .. } => Some(
                "give an image of the same version of `train` as --image, and run again".to_owned(),
            ),
            Self::Hypertune { .. } => {
                Some("make CLOUD_ML_HP_METRIC_FILE a file this process can write".to_owned())
            }
            Self::Cancelled => None,
        }
    }
}
