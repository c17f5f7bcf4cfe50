//! Files that are being written.
//!
//! A partial file is locked by its writer for as long as that lives; the system releases the lock
//! of a killed one. So whoever gets the lock of a partial file may remove it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::{generation, sync_folder, unique};

const PREFIX: &str = ".storage-";
const SUFFIX: &str = ".partial";

/// A file being written; removed when dropped without having become an object.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    renamed: bool,
}

impl Partial {
    /// Makes an empty one in `folder`.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        loop {
            let path = unique(folder, PREFIX, SUFFIX);
            let file = File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path)?;
            match file.try_lock() {
                // Between making and locking it, another writer's sweep may have removed it.
                Ok(()) if file.metadata()?.nlink() == 0 => {}
                Err(TryLockError::WouldBlock) => {}
                // A file system without locks: sweeps cannot lock it either, so it is safe.
                Ok(()) | Err(TryLockError::Error(_)) => {
                    let renamed = false;
                    return Ok(Self {
                        path,
                        file,
                        renamed,
                    });
                }
            }
        }
    }

    /// A second handle to write through.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Makes the modification time later than generation `before`, whatever the clock's
    /// resolution, and returns it as a generation.
    pub(super) fn newer_than(&self, before: Option<i64>) -> io::Result<i64> {
        let now = generation(&self.file.metadata()?);
        match before {
            Some(before) if now <= before => {
                let later = UNIX_EPOCH + Duration::from_nanos((before + 1).unsigned_abs());
                self.file.set_modified(later)?;
                Ok(generation(&self.file.metadata()?))
            }
            _ => Ok(now),
        }
    }

    /// Commits: becomes `path`, replacing what is there.
    pub(super) fn rename(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.renamed = true;
        sync_folder(super::folder_of(path))
    }

    /// Commits: becomes `path`, which must not exist.
    pub(super) fn link(self, path: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, path) {
            Ok(()) => sync_folder(super::folder_of(path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // A file system without links; the caller has just seen that `path` is free.
            Err(_) => self.rename(path),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.renamed {
            // Left behind if this fails, it is swept like that of a killed writer.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether `path` is named as a partial file.
pub(super) fn is_partial(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let random = name.and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
    random.is_some_and(|hex| hex.len() == 16 && hex.bytes().all(|c| c.is_ascii_hexdigit()))
}

/// Removes what killed writers left in `folder`.
pub(super) fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_partial(&path) {
            remove_if_stale(&path)?;
        }
    }
    Ok(())
}

/// Removes the partial file at `path` if its writer is gone.
pub(super) fn remove_if_stale(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if super::is_absent(&error) => return Ok(false),
        Err(error) => return Err(error),
    };
    if file.try_lock().is_err() {
        return Ok(false);
    }
    super::absent_is_fine(fs::remove_file(path))?;
    Ok(true)
}
