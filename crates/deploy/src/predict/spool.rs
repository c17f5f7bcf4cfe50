//! Files on this machine's disk between a table's store and the work: formats are read at random
//! and stores are not.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use futures::StreamExt;
use storage::{ByteRange, PutOptions, Storage, Uri};
use tokio::io::AsyncWriteExt;

use super::PredictError;

/// The table to read.
pub(super) struct Incoming {
    path: PathBuf,
    _copy: Option<Temporary>,
}

impl Incoming {
    /// Takes a local file as it is, and copies another one here.
    pub(super) async fn fetch(storage: &Storage, uri: &Uri) -> Result<Self, PredictError> {
        if let Some(path) = uri.local_path() {
            return Ok(Self {
                path: path.to_owned(),
                _copy: None,
            });
        }
        let copy = Temporary::new("input");
        let failed = |source| PredictError::Fetch {
            input: uri.clone(),
            source: Box::new(source),
        };
        let written = |source| disk("write", &copy.0, source);
        let mut reader = storage.open(uri, ByteRange::All).await.map_err(failed)?;
        let mut file = tokio::fs::File::create(&copy.0).await.map_err(written)?;
        while let Some(piece) = reader.next().await {
            let piece = piece.map_err(failed)?;
            file.write_all(&piece).await.map_err(written)?;
        }
        file.flush().await.map_err(written)?;
        Ok(Self {
            path: copy.0.clone(),
            _copy: Some(copy),
        })
    }

    pub(super) fn open(&self) -> Result<File, PredictError> {
        File::open(&self.path).map_err(|source| disk("read", &self.path, source))
    }
}

/// The predictions being written: out of sight until they are complete.
pub(super) struct Outgoing {
    file: Temporary,
}

impl Outgoing {
    /// Beside a local destination, so that a rename publishes it; else in the system's folder.
    pub(super) fn begin(uri: &Uri) -> Result<Self, PredictError> {
        let Some(path) = uri.local_path() else {
            let file = Temporary::new("output");
            return Ok(Self { file });
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        if !folder.as_os_str().is_empty() {
            fs::create_dir_all(folder).map_err(|source| disk("create", folder, source))?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let file = Temporary(folder.join(format!(".{name}.incoming")));
        Ok(Self { file })
    }

    pub(super) fn create(&self) -> Result<File, PredictError> {
        let path = &self.file.0;
        File::create(path).map_err(|source| disk("write", path, source))
    }

    pub(super) async fn publish(self, storage: &Storage, uri: &Uri) -> Result<(), PredictError> {
        let path = &self.file.0;
        if let Some(destination) = uri.local_path() {
            let synced = File::open(path).and_then(|file| file.sync_all());
            return synced
                .and_then(|()| fs::rename(path, destination))
                .map_err(|source| disk("write", destination, source));
        }
        let written = storage.put_file(uri, path, PutOptions::default()).await;
        written.map(drop).map_err(|source| PredictError::Publish {
            output: uri.clone(),
            source: Box::new(source),
        })
    }
}

/// A file that is gone when this is.
struct Temporary(PathBuf);

impl Temporary {
    fn new(what: &str) -> Self {
        let name = format!("deploy-predict-{}-{what}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Renamed away when all went well.
        let _ = fs::remove_file(&self.0);
    }
}

fn disk(action: &'static str, path: &Path, source: std::io::Error) -> PredictError {
    PredictError::Disk {
        action,
        path: path.display().to_string(),
        source,
    }
}
