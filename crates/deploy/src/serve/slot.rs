//! The model being served, and its replacement while requests go on.

use std::fmt;
use std::fs;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use axum::http::HeaderValue;
use storage::{Storage, Uri};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::ServeError;
use super::rejection::Rejection;
use super::telemetry::Metrics;
use crate::repository::Repository;
use crate::servable::Servable;

/// Where the served model comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A model folder, read once.
    Folder {
        /// Its address.
        folder: Uri,
        /// Name the model is served under.
        model_name: String,
    },
    /// A model of a repository; its served version is followed.
    Repository {
        /// The model's part of it.
        repository: Repository,
        /// Time between two looks.
        poll_interval: Duration,
    },
}

impl Source {
    fn model_name(&self) -> &str {
        match self {
            Self::Folder { model_name, .. } => model_name,
            Self::Repository { repository, .. } => repository.model_name(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { folder, .. } => folder.fmt(f),
            Self::Repository { repository, .. } => repository.folder().display().fmt(f),
        }
    }
}

/// A loaded model.
#[derive(Debug)]
pub(crate) struct Served {
    /// The model.
    pub(crate) model: Servable,
    /// Its version in the repository; none for a plain folder.
    pub(crate) version: Option<Installed>,
}

impl Served {
    /// Its version's number; empty for a plain folder.
    pub(crate) fn version_text(&self) -> String {
        self.version
            .map_or(String::new(), |version| version.number.to_string())
    }

    /// Predicts checked raw rows. Finite values can still be too far out for the label's inverse:
    /// such a row is refused by its position in the list `rows_name`.
    pub(crate) fn predict(&self, rows: &[f32], rows_name: &str) -> Result<Vec<f64>, Rejection> {
        let predictions = self.model.predict(rows);
        match predictions.iter().position(|value| !value.is_finite()) {
            None => Ok(predictions),
            Some(index) => Err(Rejection::Malformed(format!(
                "{rows_name}[{index}]: its prediction is not a finite number"
            ))),
        }
    }
}

/// Identity of an installed version. The time tells a version from its namesake in a repository
/// that was taken down and filled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Installed {
    /// Its number.
    pub(crate) number: u64,
    installed_at: Option<SystemTime>,
}

/// Holds the served model. Requests keep the one they began with.
#[derive(Debug)]
pub(crate) struct Slot {
    source: Source,
    name_header: HeaderValue,
    served: RwLock<Option<Arc<Served>>>,
}

impl Slot {
    /// Loads what the source serves now.
    pub(crate) async fn load(source: Source) -> Result<Self, ServeError> {
        let served = match &source {
            Source::Folder { folder, .. } => {
                let (_, model) = Servable::open(&Storage::from_env(), folder).await?;
                Served {
                    model,
                    version: None,
                }
            }
            Source::Repository { repository, .. } => {
                let version = current(repository)?.ok_or_else(|| ServeError::NothingServed {
                    model_name: repository.model_name().to_owned(),
                    folder: repository.folder().display().to_string(),
                })?;
                load_installed(repository, version)?
            }
        };
        let name = source.model_name();
        let name_header = HeaderValue::from_str(name).expect("a name is letters and digits");
        Ok(Self {
            source,
            name_header,
            served: RwLock::new(Some(Arc::new(served))),
        })
    }

    /// The served model; none when it was taken down.
    pub(crate) fn served(&self) -> Option<Arc<Served>> {
        // A poisoned lock still holds a whole value: it is only ever replaced.
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
        served.clone()
    }

    /// Name the model is served under.
    pub(crate) fn model_name(&self) -> &str {
        self.source.model_name()
    }

    /// The same as a header's value.
    pub(crate) fn model_name_header(&self) -> HeaderValue {
        self.name_header.clone()
    }

    /// What is served, in words.
    pub(crate) fn describe(&self) -> String {
        let number = self.served().and_then(|served| served.version);
        match number {
            Some(version) => format!("version {} of `{}`", version.number, self.model_name()),
            None => format!("`{}` from {}", self.model_name(), self.source),
        }
    }

    fn replace(&self, served: Option<Served>) {
        let mut slot = self.served.write().unwrap_or_else(PoisonError::into_inner);
        *slot = served.map(Arc::new);
    }

    /// Follows the repository until `stop`. A version that cannot be loaded leaves the one
    /// before in place; a model taken down is served no more.
    pub(crate) async fn follow(&self, stop: &CancellationToken, metrics: &Metrics) {
        let Source::Repository {
            repository,
            poll_interval,
        } = &self.source
        else {
            return;
        };
        // Said once, not with every look.
        let mut complaint = String::new();
        loop {
            tokio::select! {
                () = tokio::time::sleep(*poll_interval) => {}
                () = stop.cancelled() => return,
            }
            match self.follow_once(repository, metrics) {
                Ok(()) => complaint.clear(),
                Err(problem) => {
                    let problem = format!("still serving {}: {problem}", self.describe());
                    if problem != complaint {
                        metrics.switched(false);
                        error!("{problem}");
                        complaint = problem;
                    }
                }
            }
        }
    }

    fn follow_once(&self, repository: &Repository, metrics: &Metrics) -> Result<(), String> {
        let chain = |error: ServeError| component::chain(&error);
        let loaded = self.served().and_then(|served| served.version);
        match current(repository).map_err(chain)? {
            version if version == loaded => {}
            Some(version) => {
                let served = tokio::task::block_in_place(|| load_installed(repository, version));
                self.replace(Some(served.map_err(chain)?));
                metrics.switched(true);
                info!("serving {} now", self.describe());
            }
            None => {
                warn!("`{}` was taken down", repository.model_name());
                self.replace(None);
            }
        }
        Ok(())
    }
}

/// The version the repository's pointer names.
fn current(repository: &Repository) -> Result<Option<Installed>, ServeError> {
    let number = repository
        .pointer()?
        .and_then(|pointer| pointer.model_version);
    Ok(number.map(|number| Installed {
        number,
        installed_at: fs::metadata(repository.version_folder(number))
            .and_then(|folder| folder.modified())
            .ok(),
    }))
}

fn load_installed(repository: &Repository, version: Installed) -> Result<Served, ServeError> {
    let folder = repository.version_folder(version.number);
    let (_, model) = Servable::open_installed(&folder)?;
    Ok(Served {
        model,
        version: Some(version),
    })
}
