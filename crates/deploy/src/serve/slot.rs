//! The model being served, and its replacement while requests go on.

use std::fmt;
use std::fs;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use storage::{Storage, Uri};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::ServeError;
use crate::repository::Repository;
use crate::servable::{ModelFiles, Servable};

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
    served: RwLock<Option<Arc<Served>>>,
}

impl Slot {
    /// Loads what the source serves now.
    pub(crate) async fn load(source: Source) -> Result<Self, ServeError> {
        let served = match &source {
            Source::Folder { folder, .. } => {
                let files = ModelFiles::read(&Storage::from_env(), folder).await;
                check(folder, files, None)?
            }
            Source::Repository { repository, .. } => {
                let version = current(repository)?.ok_or_else(|| ServeError::NothingServed {
                    model_name: repository.model_name().to_owned(),
                    folder: repository.folder().display().to_string(),
                })?;
                load_installed(repository, version)?
            }
        };
        Ok(Self {
            source,
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
        match &self.source {
            Source::Folder { model_name, .. } => model_name,
            Source::Repository { repository, .. } => repository.model_name(),
        }
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
    pub(crate) async fn follow(&self, stop: &CancellationToken) {
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
            match self.follow_once(repository) {
                Ok(()) => complaint.clear(),
                Err(problem) => {
                    let problem = format!("still serving {}: {problem}", self.describe());
                    if problem != complaint {
                        error!("{problem}");
                        complaint = problem;
                    }
                }
            }
        }
    }

    fn follow_once(&self, repository: &Repository) -> Result<(), String> {
        let chain = |error: ServeError| component::chain(&error);
        let loaded = self.served().and_then(|served| served.version);
        match current(repository).map_err(chain)? {
            version if version == loaded => {}
            Some(version) => {
                let served = tokio::task::block_in_place(|| load_installed(repository, version));
                self.replace(Some(served.map_err(chain)?));
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
    let files = ModelFiles::read_installed(&folder);
    check(&Uri::local(folder), files, Some(version))
}

fn check(
    folder: &Uri,
    files: Result<ModelFiles, crate::servable::ReadError>,
    version: Option<Installed>,
) -> Result<Served, ServeError> {
    let files = files.map_err(|source| ServeError::Read {
        folder: folder.clone(),
        source,
    })?;
    let model = Servable::load(&files).map_err(|source| ServeError::Invalid {
        folder: folder.clone(),
        source: Box::new(source),
    })?;
    Ok(Served { model, version })
}
