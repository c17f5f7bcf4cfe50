//! What a file system cannot hold about a file, in `.<name>.meta.json` beside it.
//!
//! A record names the size and generation of the file it describes, and counts only while the
//! file has them: one left by a killed writer, or made stale by another program, is ignored.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::partial::Partial;
use crate::ObjectMeta;

const SUFFIX: &str = ".meta.json";

/// What is kept about one state of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    size: u64,
    generation: Option<i64>,
    crc32c: Option<u32>,
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Record {
    fn of(meta: &ObjectMeta) -> Option<Self> {
        let empty = meta.metadata.is_empty() && meta.content_type.is_none();
        (!empty).then(|| Self {
            size: meta.size,
            generation: meta.generation,
            crc32c: meta.crc32c,
            content_type: meta.content_type.clone(),
            metadata: meta.metadata.clone(),
        })
    }

    /// `meta`, with what this record adds.
    pub(super) fn complete(self, meta: ObjectMeta) -> ObjectMeta {
        ObjectMeta {
            crc32c: self.crc32c,
            content_type: self.content_type,
            metadata: self.metadata,
            ..meta
        }
    }
}

/// The side file: the records of a file and, during a write, of what it is about to become.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Records {
    records: Vec<Record>,
}

impl Records {
    /// Those of the file as it is and as it will be; what needs no record has none.
    pub(super) fn of(current: Option<&ObjectMeta>, next: &ObjectMeta) -> Self {
        let both = current.into_iter().chain([next]);
        let records = both.filter_map(Record::of).collect();
        Self { records }
    }

    /// Those beside the file at `path`; an unreadable side file holds none.
    pub(super) fn read(path: &Path) -> Self {
        let content = fs::read(path_for(path)).unwrap_or_default();
        serde_json::from_slice(&content).unwrap_or_default()
    }

    /// The record of the state that `meta` shows.
    pub(super) fn find(self, meta: &ObjectMeta) -> Option<Record> {
        let same =
            |record: &Record| (record.size, record.generation) == (meta.size, meta.generation);
        self.records.into_iter().find(same)
    }

    /// Writes the side file of `path`, or removes it where there is nothing to say.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        if self.records.is_empty() {
            return super::absent_is_fine(fs::remove_file(path_for(path)));
        }
        let partial = Partial::create(super::folder_of(path))?;
        let mut file = partial.handle()?;
        file.write_all(&serde_json::to_vec(self).map_err(io::Error::other)?)?;
        file.sync_all()?;
        partial.rename(&path_for(path))
    }
}

/// The side file of the file at `path`.
pub(super) fn path_for(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(SUFFIX);
    path.with_file_name(name)
}

/// Whether `path` is named as a side file.
pub(super) fn is_record(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::as_encoded_bytes);
    name.is_some_and(|name| name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes()))
}
