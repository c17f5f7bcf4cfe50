//! The model being served, and its replacement while requests go on.

use std::cell::RefCell;
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
use super::drift::Drift;
use super::predict::{MODEL_NAME_HEADER, MODEL_VERSION_HEADER};
use super::rejection::Rejection;
use super::telemetry::{Metrics, REQUEST_ID};
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
    /// How an answer of its begins, up to the request's id.
    pub(crate) head: Vec<u8>,
    /// How its inputs differ from those it was trained on; none where nobody asks.
    pub(crate) drift: Option<Drift>,
}

impl Served {
    fn new(
        model: Servable,
        version: Option<Installed>,
        model_name: &str,
        drift_window: usize,
    ) -> Self {
        let mut head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{MODEL_NAME_HEADER}: {model_name}\r\n"
        );
        if let Some(Installed { number, .. }) = version {
            head.push_str(&format!("{MODEL_VERSION_HEADER}: {number}\r\n"));
        }
        head.push_str(&format!("{REQUEST_ID}: "));
        let drift = Drift::new(&model.metadata().inputs, drift_window);
        if drift.is_none() && drift_window > 0 {
            warn!(
                "`{model_name}` does not say how its inputs were distributed: --drift-window has \
                 no effect until it is trained again"
            );
        }
        Self {
            model,
            version,
            head: head.into_bytes(),
            drift,
        }
    }

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
            None => {
                if let Some(drift) = &self.drift {
                    drift.observe(rows);
                }
                Ok(predictions)
            }
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
    /// Rows over which inputs are compared with the train rows.
    drift_window: usize,
    name_header: HeaderValue,
    loaded: RwLock<Option<Loaded>>,
    /// Changes with what is loaded; no two slots of a process ever have the same.
    edition: AtomicU64,
    /// Predictions that were left to the split.
    turns: AtomicU64,
}

thread_local! {
    /// What this thread last saw loaded, by its edition: a lock and a reference count that all
    /// threads write to would cost a small request a good part of its time. A thread that gets no
    /// request keeps a model that is no longer served.
    static SEEN: RefCell<(u64, Option<Loaded>)> = const { RefCell::new((0, None)) };
}

/// A number for an edition, from 1 on.
fn next_edition() -> u64 {
    static EDITIONS: AtomicU64 = AtomicU64::new(0);
    EDITIONS.fetch_add(1, Ordering::Relaxed) + 1
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
    pub(crate) async fn load(source: Source, drift_window: usize) -> Result<Self, ServeError> {
        let loaded = match &source {
            Source::Folder { folder, .. } => {
                let (_, model) = Servable::open(&Storage::from_env(), folder).await?;
                let served = Served::new(model, None, source.model_name(), drift_window);
                Loaded {
                    served: Arc::new(served),
                    canary: None,
                }
            }
            Source::Repository { repository, .. } => {
                let versions = current(repository)?.ok_or_else(|| ServeError::NothingServed {
                    model_name: repository.model_name().to_owned(),
                    folder: repository.folder().display().to_string(),
                })?;
                load_versions(repository, versions, None, drift_window)?
            }
        };
        let name = source.model_name();
        let name_header = HeaderValue::from_str(name).expect("a name is letters and digits");
        Ok(Self {
            source,
            drift_window,
            name_header,
            loaded: RwLock::new(Some(loaded)),
            edition: AtomicU64::new(next_edition()),
            turns: AtomicU64::new(0),
        })
    }

    /// The served model; none when it was taken down.
    pub(crate) fn served(&self) -> Option<Arc<Served>> {
        self.read().as_ref().map(|loaded| loaded.served.clone())
    }

    /// All models that are loaded.
    pub(crate) fn all(&self) -> Vec<Arc<Served>> {
        let loaded = self.read();
        let models = loaded.iter().flat_map(Loaded::models);
        models.cloned().collect()
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
        Some(self.turn(self.read().as_ref()?).clone())
    }

    /// Does `work` with the model whose turn it is, or the one of the version that is wished for,
    /// if it is there.
    pub(crate) fn with_pick<T>(
        &self,
        wished: Option<&str>,
        work: impl FnOnce(&Served) -> Option<T>,
    ) -> Option<T> {
        SEEN.with_borrow_mut(|(edition, seen)| {
            // What is seen with an edition may be newer, then the next look finds another one.
            let now = self.edition.load(Ordering::Acquire);
            if *edition != now {
                seen.clone_from(&self.read());
                *edition = now;
            }
            let loaded = seen.as_ref()?;
            let mut models = loaded.models();
            let found =
                wished.and_then(|version| models.find(|model| model.version_text() == version));
            work(found.unwrap_or_else(|| self.turn(loaded)))
        })
    }

    fn turn<'l>(&self, loaded: &'l Loaded) -> &'l Arc<Served> {
        let Some(canary) = &loaded.canary else {
            return &loaded.served;
        };
        // 61 shares no factor with 100: a hundred turns in a row take every value once, spread.
        let turn = self.turns.fetch_add(1, Ordering::Relaxed).wrapping_mul(61) % 100;
        let is_canarys = turn < u64::from(canary.percent);
        if is_canarys {
            &canary.served
        } else {
            &loaded.served
        }
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
        // Within the lock: who sees the new number finds the new models.
        self.edition.store(next_edition(), Ordering::Release);
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
                let load =
                    || load_versions(repository, versions, loaded.as_ref(), self.drift_window);
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
    drift_window: usize,
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
        let name = repository.model_name();
        let served = Served::new(model, Some(version), name, drift_window);
        Ok(Arc::new(served))
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
