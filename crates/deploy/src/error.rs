//! Why a deployment failed.

use component::{Diagnose, Exit};
use storage::Uri;

use crate::check::CheckError;
use crate::gate::UnknownBaseline;
use crate::predict::PredictError;
use crate::repository::RepositoryError;
use crate::servable::LoadError;
use crate::serve::ServeError;

/// Why a deployment, a server or a teardown failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag that is needed was not given.
    #[error("{flag} is missing")]
    Missing {
        /// The flag.
        flag: &'static str,
    },
    /// A flag's value cannot be used.
    #[error("{flag} {value:?} {problem}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
        /// What to give instead.
        hint: &'static str,
    },
    /// Nothing to serve was named.
    #[error("there is no model to serve: neither --model, --model-repository nor AIP_STORAGE_URI")]
    NothingToServe,
    /// There is no model to deploy in the folder.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The gate names a baseline the metrics do not have.
    #[error("the gate cannot be applied to the model {folder}")]
    Baseline {
        /// Address of the folder.
        folder: Uri,
        /// The baseline and the known ones.
        source: UnknownBaseline,
    },
    /// The model is not good enough.
    #[error("not deployed because {reason}")]
    Refused {
        /// Every number of the comparison.
        reason: String,
    },
    /// The repository could not be read or changed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// There is no version to go back to.
    #[error(
        "`{model_name}` cannot be rolled back to {wanted}: {}",
        choice(kept, *served)
    )]
    Rollback {
        /// Name of the model.
        model_name: String,
        /// The version wanted, in words.
        wanted: String,
        /// The versions kept, the last deployed one first.
        kept: Vec<u64>,
        /// The version served.
        served: Option<u64>,
    },
    /// There is no version beside which another one could be tried out.
    #[error("`{model_name}` cannot have a canary: no version of it is served")]
    NothingBeside {
        /// Name of the model.
        model_name: String,
    },
    /// No version is tried out.
    #[error("`{model_name}` has no canary to promote")]
    NothingTriedOut {
        /// Name of the model.
        model_name: String,
    },
    /// The version did not answer over HTTP as it should.
    #[error("version {version} of `{model_name}` failed its check over HTTP, {consequence}")]
    Check {
        /// Name of the model.
        model_name: String,
        /// The version that was checked.
        version: u64,
        /// What is served now.
        consequence: String,
        /// What went wrong.
        source: Box<CheckError>,
    },
    /// The server failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Google Cloud, or something on the way to it, failed.
    #[error(transparent)]
    Cloud(#[from] cloud::Error),
    /// A table could not be predicted.
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// What was decided stands, its record could not be written.
    #[error("the deployment is complete but {uri} cannot be written")]
    WriteDeployment {
        /// Address of the record.
        uri: Uri,
        /// What the store said.
        source: Box<storage::Error>,
    },
    /// The run's report could not be written.
    #[error("how the run ended cannot be written to {uri}")]
    WriteSummary {
        /// Address of the report.
        uri: Uri,
        /// What the store said.
        source: Box<storage::Error>,
    },
    /// A teardown that nobody confirmed.
    #[error("nothing was removed: the teardown of `{model_name}` was not confirmed")]
    NotConfirmed {
        /// Name of the model.
        model_name: String,
    },
}

impl Error {
    pub(crate) fn missing(flag: &'static str) -> Self {
        Self::Missing { flag }
    }
}

/// The versions there are to choose from, in words.
fn choice(kept: &[u64], served: Option<u64>) -> String {
    let kept: Vec<String> = kept.iter().map(u64::to_string).collect();
    match (kept.as_slice(), served) {
        ([], _) => "it has no versions".to_owned(),
        (kept, None) => format!("the versions kept are {}", kept.join(", ")),
        ([_], Some(served)) => format!("version {served} is the only one kept"),
        (kept, Some(served)) => {
            format!(
                "the versions kept are {}, served is {served}",
                kept.join(", ")
            )
        }
    }
}

impl Diagnose for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. }
            | Self::Flag { .. }
            | Self::NothingToServe
            | Self::Baseline { .. }
            | Self::NotConfirmed { .. } => Exit::Usage,
            Self::Cloud(error) => error.exit(),
            Self::Check { source, .. } => match source.as_ref() {
                CheckError::Vertex(error) => error.exit(),
                _ => Exit::Failure,
            },
            _ => Exit::Failure,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { flag } => format!("give {flag}; see 'deploy --help'"),
            Self::Flag { hint, .. } => (*hint).to_owned(),
            Self::NothingToServe => {
                "give --model DIR, or --model-repository DIR with --model-name NAME".to_owned()
            }
            Self::Load(error) => return error.hint(),
            Self::Baseline { .. } => "choose one of these for --baseline".to_owned(),
            Self::Refused { .. } => "train a better model, or lower --min-improvement; \
                 with --gate report this run ends well"
                .to_owned(),
            Self::Repository(error) => error.hint().to_owned(),
            Self::Rollback { kept, .. } if kept.len() > 1 => {
                "name a kept version with --to-version".to_owned()
            }
            Self::Rollback { .. } => "deploy the wanted model again with --model".to_owned(),
            Self::NothingBeside { .. } => "deploy the model without --canary".to_owned(),
            Self::NothingTriedOut { .. } => "deploy a model with --canary first".to_owned(),
            Self::Check { source, .. } => return source.hint(),
            Self::Serve(error) => return error.hint(),
            Self::Cloud(error) => return error.hint(),
            Self::Predict(error) => return error.hint(),
            Self::WriteDeployment { source, .. } | Self::WriteSummary { source, .. } => {
                return source.hint();
            }
            Self::NotConfirmed { .. } => "answer y, or give --yes".to_owned(),
        };
        Some(hint)
    }
}

impl RepositoryError {
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "make the directory readable and writable for the user this runs as",
            Self::Pointer { .. } => {
                "restore current.json from a copy, or remove it and deploy the model again"
            }
            Self::Locked { .. } => "wait for it to end, or raise --lock-timeout",
            Self::Cancelled => "run the same again",
        }
    }
}
