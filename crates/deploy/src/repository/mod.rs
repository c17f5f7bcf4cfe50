//! The model repository on disk; the crate's documentation shows its layout.

mod files;
mod lock;
mod pointer;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub(crate) use self::pointer::{Canary, Pointer};
use crate::servable::ModelFiles;

/// File that says which version is served.
const CURRENT: &str = "current.json";
/// Folder a version is written to before it gets its number.
const INCOMING: &str = ".incoming";

/// Why the repository could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `current.json` is not readable.
    #[error("cannot tell which version is served from {}", folder.display())]
    Pointer {
        /// The model's folder.
        folder: PathBuf,
        /// What is wrong with the file.
        source: artifacts::ParseError,
    },
    /// Another process is changing the model.
    #[error("another deployment of `{model_name}` did not finish within {seconds} s")]
    Locked {
        /// Name of the model.
        model_name: String,
        /// Seconds waited.
        seconds: u64,
    },
    /// The run was asked to stop.
    #[error("stopped while waiting for another deployment")]
    Cancelled,
}

impl RepositoryError {
    fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

/// One model's part of a repository. Reading needs no lock: the pointer is replaced atomically
/// and versions never change.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    root: PathBuf,
    model_name: String,
}

impl Repository {
    /// The part of the repository `root` that belongs to `model_name`; touches nothing.
    pub(crate) fn new(root: PathBuf, model_name: String) -> Self {
        Self { root, model_name }
    }

    /// Name of the model.
    pub(crate) fn model_name(&self) -> &str {
        &self.model_name
    }

    /// The model's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join(&self.model_name)
    }

    /// Whether the repository is there, with or without this model.
    pub(crate) fn exists(&self) -> bool {
        self.root.is_dir()
    }

    /// Folder of a version.
    pub(crate) fn version_folder(&self, version: u64) -> PathBuf {
        self.folder().join(version.to_string())
    }

    /// The file that says which version is served.
    pub(crate) fn pointer_path(&self) -> PathBuf {
        self.folder().join(CURRENT)
    }

    /// Where versions are served from, and which; none when the model was never deployed.
    pub(crate) fn pointer(&self) -> Result<Option<Pointer>, RepositoryError> {
        let path = self.pointer_path();
        match fs::read(&path) {
            Ok(json) => artifacts::parse(CURRENT, &json)
                .map(Some)
                .map_err(|source| RepositoryError::Pointer {
                    folder: self.folder(),
                    source,
                }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(RepositoryError::io("read", &path, error)),
        }
    }

    /// Numbers of the installed versions; empty when there is no such model.
    pub(crate) fn installed(&self) -> Result<BTreeSet<u64>, RepositoryError> {
        let folder = self.folder();
        let failed = |error| RepositoryError::io("list", &folder, error);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            entries => entries.map_err(failed)?,
        };
        let mut versions = BTreeSet::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            versions.extend(name.to_str().and_then(version_number));
        }
        Ok(versions)
    }

    /// Waits for the right to change the model.
    pub(crate) async fn lock(
        &self,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> Result<Locked<'_>, RepositoryError> {
        fs::create_dir_all(&self.root)
            .map_err(|source| RepositoryError::io("create", &self.root, source))?;
        let path = self.root.join(format!(".{}.lock", self.model_name));
        let file = lock::acquire(&path, &self.model_name, timeout, cancel).await?;
        let locked = Locked {
            repository: self,
            _file: file,
        };
        // What a killed teardown left.
        remove_folder(&locked.removed())?;
        Ok(locked)
    }
}

/// The canonical decimal form of a number above 0.
fn version_number(name: &str) -> Option<u64> {
    let number = name.parse().ok().filter(|number| *number > 0)?;
    (u64::to_string(&number) == name).then_some(number)
}

/// A switch that was undone.
#[derive(Debug)]
pub(crate) struct TakenBack {
    /// The version that is served again; none when there was none before.
    pub(crate) restored: Option<u64>,
}

/// The right to change a model, as long as it lives.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    repository: &'a Repository,
    _file: File,
}

impl Locked<'_> {
    /// The pointer to change. Where it is missing although there are versions, it was lost: they
    /// all become history, so that none is removed as a left-over.
    pub(crate) fn pointer(&self) -> Result<Pointer, RepositoryError> {
        if let Some(pointer) = self.repository.pointer()? {
            return Ok(pointer);
        }
        let installed = self.repository.installed()?;
        Ok(Pointer {
            last_version: installed.last().copied().unwrap_or(0),
            history: installed.into_iter().rev().collect(),
            ..Pointer::new()
        })
    }

    /// Installs model files as an immutable version and returns its number: a version of the
    /// same bytes that is served, or that a killed run left behind, or else a new one.
    pub(crate) fn install(
        &self,
        model: &ModelFiles,
        pointer: &Pointer,
    ) -> Result<u64, RepositoryError> {
        let installed = self.repository.installed()?;
        let served = pointer.settled().model_version;
        let candidates = installed
            .iter()
            .filter(|version| Some(**version) == served || !pointer.is_confirmed(**version));
        for version in candidates {
            let folder = self.repository.version_folder(*version);
            if ModelFiles::read_installed(&folder).is_ok_and(|found| found == *model) {
                return Ok(*version);
            }
        }
        if self.repository.pointer()?.is_none() {
            // From here on, versions without a pointer to them are left-overs, not a lost history.
            self.switch(pointer)?;
        }
        let highest = installed.last().copied().unwrap_or(0);
        let version = highest.max(pointer.last_version) + 1;
        self.write_version(model, version)?;
        Ok(version)
    }

    fn write_version(&self, model: &ModelFiles, version: u64) -> Result<(), RepositoryError> {
        let folder = self.repository.folder();
        let incoming = folder.join(INCOMING);
        remove_folder(&incoming)?;
        fs::create_dir_all(&incoming)
            .map_err(|source| RepositoryError::io("create", &incoming, source))?;
        for (name, bytes) in model.entries() {
            let path = incoming.join(name);
            files::write(&path, bytes)
                .map_err(|source| RepositoryError::io("write", &path, source))?;
        }
        let target = self.repository.version_folder(version);
        files::rename_folder(&incoming, &target)
            .map_err(|source| RepositoryError::io("install", &target, source))
    }

    /// Replaces the pointer.
    pub(crate) fn switch(&self, pointer: &Pointer) -> Result<(), RepositoryError> {
        let folder = self.repository.folder();
        fs::create_dir_all(&folder)
            .map_err(|source| RepositoryError::io("create", &folder, source))?;
        let path = self.repository.pointer_path();
        files::replace(&path, &artifacts::to_json(pointer))
            .map_err(|source| RepositoryError::io("write", &path, source))
    }

    /// Takes back what a killed deployment left: a switch that was not confirmed, and versions
    /// nothing names. Returns the version that is served again, none when nothing was switched.
    pub(crate) fn take_back(&self) -> Result<Option<TakenBack>, RepositoryError> {
        remove_folder(&self.repository.folder().join(INCOMING))?;
        let Some(pointer) = self.repository.pointer()? else {
            return Ok(None);
        };
        let settled = pointer.settled();
        if settled != pointer {
            self.switch(&settled)?;
        }
        self.prune(&settled)?;
        Ok((settled != pointer).then_some(TakenBack {
            restored: settled.model_version,
        }))
    }

    /// Removes the versions the pointer does not need.
    pub(crate) fn prune(&self, pointer: &Pointer) -> Result<(), RepositoryError> {
        let needed = pointer.needed();
        for version in self.repository.installed()?.difference(&needed) {
            remove_folder(&self.repository.version_folder(*version))?;
        }
        Ok(())
    }

    /// Removes the model: out of sight in one step, then from the disk.
    pub(crate) fn remove(self) -> Result<(), RepositoryError> {
        let (folder, removed) = (self.repository.folder(), self.removed());
        match fs::rename(&folder, &removed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(RepositoryError::io("remove", &folder, source)),
            Ok(()) => remove_folder(&removed),
        }
    }

    fn removed(&self) -> PathBuf {
        let name = format!(".{}.removed", self.repository.model_name);
        self.repository.root.join(name)
    }
}

fn remove_folder(path: &Path) -> Result<(), RepositoryError> {
    files::remove_folder(path).map_err(|source| RepositoryError::io("remove", path, source))
}
