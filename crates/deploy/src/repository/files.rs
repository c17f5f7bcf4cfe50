//! File operations that survive a power cut: data before names, names before success.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces a file: a reader sees the old content or the new.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("next");
    write(&aside, bytes)?;
    fs::rename(&aside, path)?;
    sync_parent(path)
}

/// Writes a file and waits until it is on the disk.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Renames a folder and waits until the new name is on the disk.
pub(super) fn rename_folder(from: &Path, to: &Path) -> io::Result<()> {
    File::open(from)?.sync_all()?;
    fs::rename(from, to)?;
    sync_parent(to)
}

/// Removes a folder and what is in it; absent is fine.
pub(super) fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
