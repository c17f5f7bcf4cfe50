//! The model being served, and its replacement while requests go on.

use std::fmt;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
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
    loaded: RwLock<Option<Loaded>>,
    /// Predictions that were left to the split.
    turns: AtomicU64,
}

/// What requests are answered with.
#[derive(Clone, Debug)]
struct Loaded {
    served: Arc<Served>,
    canary: Option<Canary>,
}

/// A version that is tried out.
#[derive(Clone, Debug)]
struct Canary {
    served: Arc<Served>,
    percent: u8,
}

impl Loaded {
    /// The versions that are loaded, as the pointer names them; none for a plain folder.
    fn versions(&self) -> Option<Versions> {
        let canary = self.canary.as_ref();
        Some(Versions {
            served: self.served.version?,
            canary: canary.and_then(|canary| Some((canary.served.version?, canary.percent))),
        })
    }

    /// All models in it.
    fn models(&self) -> impl Iterator<Item = &Arc<Served>> {
        let canary = self.canary.iter().map(|canary| &canary.served);
        std::iter::once(&self.served).chain(canary)
    }
}

/// What the pointer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Versions {
    served: Installed,
    /// With the percentage of requests it answers.
    canary: Option<(Installed, u8)>,
}

impl Slot {
    /// Loads what the source serves now.
    pub(crate) async fn load(source: Source) -> Result<Self, ServeError> {
        let loaded = match &source {
            Source::Folder { folder, .. } => {
                let (_, model) = Servable::open(&Storage::from_env(), folder).await?;
                let version = None;
                Loaded {
                    served: Arc::new(Served { model, version }),
                    canary: None,
                }
            }
            Source::Repository { repository, .. } => {
                let versions = current(repository)?.ok_or_else(|| ServeError::NothingServed {
                    model_name: repository.model_name().to_owned(),
                    folder: repository.folder().display().to_string(),
                })?;
                load_versions(repository, versions, None)?
            }
        };
        let name = source.model_name();
        let name_header = HeaderValue::from_str(name).expect("a name is letters and digits");
        Ok(Self {
            source,
            name_header,
            loaded: RwLock::new(Some(loaded)),
            turns: AtomicU64::new(0),
        })
    }

    /// The served model; none when it was taken down.
    pub(crate) fn served(&self) -> Option<Arc<Served>> {
        self.read().as_ref().map(|loaded| loaded.served.clone())
    }

    /// A loaded version by its number.
    pub(crate) fn version(&self, version: &str) -> Option<Arc<Served>> {
        let loaded = self.read();
        let mut models = loaded.as_ref()?.models();
        models
            .find(|model| model.version_text() == version)
            .cloned()
    }

    /// The model whose turn it is to predict.
    pub(crate) fn pick(&self) -> Option<Arc<Served>> {
        let loaded = self.read();
        let loaded = loaded.as_ref()?;
        let Some(canary) = &loaded.canary else {
            return Some(loaded.served.clone());
        };
        // 61 shares no factor with 100: a hundred turns in a row take every value once, spread.
        let turn = self.turns.fetch_add(1, Ordering::Relaxed).wrapping_mul(61) % 100;
        let is_canarys = turn < u64::from(canary.percent);
        Some(
            if is_canarys {
                &canary.served
            } else {
                &loaded.served
            }
            .clone(),
        )
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Loaded>> {
        // A poisoned lock still holds a whole value: it is only ever replaced.
        self.loaded.read().unwrap_or_else(PoisonError::into_inner)
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
        let name = self.model_name();
        let versions = self.read().as_ref().and_then(Loaded::versions);
        match versions {
            None => format!("`{name}` from {}", self.source),
            Some(versions) => {
                let served = format!("version {} of `{name}`", versions.served.number);
                match versions.canary {
                    None => served,
                    Some((canary, percent)) => {
                        let canary = canary.number;
                        format!("{served}, and version {canary} to {percent} % of the requests")
                    }
                }
            }
        }
    }

    fn replace(&self, loaded: Option<Loaded>) {
        let mut slot = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        *slot = loaded;
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
        let loaded = self.read().clone();
        match current(repository).map_err(chain)? {
            versions if versions == loaded.as_ref().and_then(Loaded::versions) => {}
            Some(versions) => {
                let load = || load_versions(repository, versions, loaded.as_ref());
                let next = tokio::task::block_in_place(load);
                self.replace(Some(next.map_err(chain)?));
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

/// The versions the repository's pointer names.
fn current(repository: &Repository) -> Result<Option<Versions>, ServeError> {
    let Some(pointer) = repository.pointer()? else {
        return Ok(None);
    };
    let installed = |number| Installed {
        number,
        installed_at: fs::metadata(repository.version_folder(number))
            .and_then(|folder| folder.modified())
            .ok(),
    };
    let canary = pointer.canary;
    Ok(pointer.model_version.map(|served| Versions {
        served: installed(served),
        canary: canary.map(|canary| (installed(canary.model_version), canary.percent)),
    }))
}

/// Loads the versions, but for those that are loaded.
fn load_versions(
    repository: &Repository,
    versions: Versions,
    loaded: Option<&Loaded>,
) -> Result<Loaded, ServeError> {
    let load = |version: Installed| -> Result<Arc<Served>, ServeError> {
        let known = loaded.and_then(|loaded| {
            let mut models = loaded.models();
            models.find(|model| model.version == Some(version)).cloned()
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let folder = repository.version_folder(version.number);
        let (_, model) = Servable::open_installed(&folder)?;
        let version = Some(version);
        Ok(Arc::new(Served { model, version }))
    };
    let canary = match versions.canary {
        None => None,
        Some((version, percent)) => Some(Canary {
            served: load(version)?,
            percent,
        }),
    };
    Ok(Loaded {
        served: load(versions.served)?,
        canary,
    })
}
