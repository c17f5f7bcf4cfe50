//! Where a run's inputs and outputs are: a folder on disk, or a bucket of an emulator.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use storage::{BucketOptions, GcsOptions, PutOptions, Storage, Uri};
use tokio::runtime::Runtime;

use crate::emulator::Emulator;

/// Files below a folder by relative name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A place that programs read from and write to, and what a reader sees there.
#[derive(Debug)]
pub struct Place {
    storage: Storage,
    folder: Uri,
    emulator: Option<Emulator>,
    runtime: Runtime,
}

#[expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
impl Place {
    /// A folder on disk.
    pub fn disk(folder: &Path) -> Self {
        Self {
            storage: Storage::memory(),
            folder: Uri::local(folder),
            emulator: None,
            runtime: Runtime::new().unwrap(),
        }
    }

    /// A new bucket, or `None` where there is no emulator, which is then said.
    pub fn bucket() -> Option<Self> {
        let emulator = Emulator::start()?;
        let storage = Storage::with_gcs(GcsOptions::emulator(emulator.address()));
        let runtime = Runtime::new().unwrap();
        let options = BucketOptions {
            project: "project".to_owned(),
            ..BucketOptions::default()
        };
        runtime
            .block_on(storage.ensure_bucket("bucket", &options))
            .unwrap();
        Some(Self {
            storage,
            folder: "gs://bucket".parse().unwrap(),
            emulator: Some(emulator),
            runtime,
        })
    }

    /// The address of a file or folder here.
    pub fn address(&self, name: &str) -> String {
        self.folder.join(name).to_string()
    }

    /// Tells a program where the emulator is.
    pub fn connect(&self, command: &mut Command) {
        if let Some(emulator) = &self.emulator {
            command.env("STORAGE_EMULATOR_HOST", emulator.address());
        }
    }

    /// Writes files into a folder.
    pub fn put(&self, folder: &str, files: Files) {
        let folder = self.folder.join(folder);
        self.runtime.block_on(async {
            for (name, content) in files {
                let uri = folder.join(&name);
                let put = self.storage.write(&uri, content, PutOptions::default());
                put.await.unwrap();
            }
        });
    }

    /// All that a reader sees below a folder.
    pub fn files(&self, folder: &str) -> Files {
        let folder = self.folder.join(&format!("{folder}/"));
        let prefix = folder.to_string();
        self.runtime.block_on(async {
            let mut files = Files::new();
            for meta in self.storage.list(&folder).await.unwrap() {
                let name = meta.uri.to_string();
                let name = name.strip_prefix(&prefix).unwrap().to_owned();
                let content = self.storage.read(&meta.uri).await.unwrap();
                files.insert(name, content.to_vec());
            }
            files
        })
    }
}
