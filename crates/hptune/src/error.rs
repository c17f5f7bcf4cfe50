//! Why a study failed.

use artifacts::ParseError;
use component::{Diagnose, Exit};
use storage::Uri;
use trainer::{
    ThreadsError, baselines::LeastSquaresError, dataset::DatasetError,
    hyperparameters::HyperparameterError, search::SearchError, store::StoreError,
};

/// Why a study failed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag has a value no trial can work with.
    #[error(transparent)]
    Flag(HyperparameterError),
    /// Reading or writing failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The study file is not JSON in Vertex AI's shape.
    #[error("{uri} is not a study")]
    StudyJson {
        /// Its address.
        uri: Uri,
        /// What was found, with the place.
        source: serde_json::Error,
    },
    /// The study file is not YAML in Vertex AI's shape.
    #[error("{uri} is not a study")]
    StudyYaml {
        /// Its address.
        uri: Uri,
        /// What was found, with the place.
        source: serde_yaml_ng::Error,
    },
    /// The study asks for something this tuner does not do.
    #[error("{study} cannot be run")]
    Study {
        /// The study file's address, or what stands for it.
        study: String,
        /// What it asks for.
        source: StudyError,
    },
    /// The examples can't be used.
    #[error("the examples in {uri} cannot be used")]
    Examples {
        /// The folder.
        uri: Uri,
        /// What is wrong with them.
        source: Box<DatasetError>,
    },
    /// The rows cannot be read again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A trial's threads could not be started.
    #[error(transparent)]
    Threads(ThreadsError),
    /// The least-squares baseline can't be fitted.
    #[error("the baselines cannot be fitted")]
    Baselines(#[source] LeastSquaresError),
    /// No trial gave a finite metric.
    #[error("all {trials} trials failed; the last one: {last}")]
    AllFailed {
        /// Trials run.
        trials: usize,
        /// Why the last one failed.
        last: String,
    },
    /// More trials failed than the study allows.
    #[error("{failed} trials failed, maxFailedTrialCount is {allowed}; the last one: {last}")]
    TooManyFailed {
        /// Trials without a finite metric.
        failed: u32,
        /// How many end the study.
        allowed: u32,
        /// Why the last one failed.
        last: String,
    },
    /// The journal is no such document.
    #[error("{uri} cannot be used")]
    JournalDocument {
        /// Its address.
        uri: Uri,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The journal belongs to another study.
    #[error("{uri} is the journal of another study: its {part} differs")]
    JournalOfAnother {
        /// Its address.
        uri: Uri,
        /// What differs.
        part: &'static str,
    },
    /// What should be learnt from is no trials table.
    #[error("{uri} has no trials to learn from")]
    WarmStart {
        /// Its address.
        uri: Uri,
        /// What is wrong with it.
        source: ParseError,
    },
    /// An earlier study measured something else.
    #[error("{uri} is of a study that did not measure {wanted}")]
    OtherMetrics {
        /// Its address.
        uri: Uri,
        /// This study's metrics.
        wanted: String,
    },
    /// A flag that a job of Vertex AI has nothing for.
    #[error("{flag} is for --runner local: a job of Vertex AI has nothing like it")]
    OnlyHere {
        /// The flag.
        flag: &'static str,
    },
    /// The job, or something on the way to it, failed.
    #[error(transparent)]
    Cloud(#[from] cloud::Error),
    /// SIGTERM or SIGINT.
    #[error("tuning was cancelled before anything was written")]
    Cancelled,
}

/// What a study asks for in vain.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StudyError {
    /// The search does not support it.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// `train` has no such hyperparameter, or not with this value.
    #[error(transparent)]
    Hyperparameter(#[from] HyperparameterError),
    /// An interval of reals for a whole number.
    #[error(
        "`{parameter}` takes whole numbers; give it an integerValueSpec or a discreteValueSpec"
    )]
    NotWhole {
        /// The parameter.
        parameter: String,
    },
    /// Nothing a trial measures.
    #[error(
        "metric `{metric}` is not measured; a trial measures rmse (or root_mean_squared_error) and \
         mae (or mean_absolute_error) on the eval split, and parameter_count"
    )]
    Metric {
        /// The metric asked for.
        metric: String,
    },
    /// The worst model would win.
    #[error("metric `{metric}` should be small, but its goal is MAXIMIZE (Vertex AI's default)")]
    Goal {
        /// The metric.
        metric: String,
    },
    /// A count of 0.
    #[error("{field} is 0")]
    Zero {
        /// Name of the count.
        field: &'static str,
    },
}

impl Diagnose for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Flag(_)
            | Self::StudyJson { .. }
            | Self::StudyYaml { .. }
            | Self::Study { .. }
            | Self::OnlyHere { .. } => Exit::Usage,
            Self::Cloud(error) => error.exit(),
            _ => Exit::Failure,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Flag(_) => "see hptune --help for the ranges",
            Self::Storage(error) => return error.hint(),
            Self::Cloud(error) => return error.hint(),
            Self::StudyJson { .. } | Self::StudyYaml { .. } => {
                "write it as {\"studySpec\": {\"metrics\": […], \"parameters\": […]}}"
            }
            Self::Study {
                source: StudyError::Goal { .. },
                ..
            } => "set goal: MINIMIZE",
            Self::Study { .. } => "change the study file",
            Self::Examples { source, .. } => return Some(source.hint()),
            Self::Threads(_) => "lower --threads or --parallel-trial-count",
            Self::Store(error) | Self::Baselines(LeastSquaresError::Store(error)) => error.hint(),
            Self::Baselines(_) => "run `transform` on more rows",
            Self::AllFailed { .. } | Self::TooManyFailed { .. } => {
                "lower the study's largest learning_rate"
            }
            Self::JournalDocument { .. } | Self::JournalOfAnother { .. } => {
                "name another file as --journal, or remove this one"
            }
            Self::WarmStart { .. } => "name a file that `hptune` wrote as --trials or --journal",
            Self::OnlyHere { .. } => "leave it out",
            Self::OtherMetrics { .. } => "leave it out, or change the study's metrics",
            Self::Cancelled => return None,
        };
        Some(hint.to_owned())
    }
}
