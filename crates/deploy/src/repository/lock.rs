//! One change of a model at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::RepositoryError;

/// Time between two attempts.
const RETRY: Duration = Duration::from_millis(20);

/// Takes the operating system's advisory lock on a file, which a killed process loses with its
/// life. The file itself stays: removing it would let two processes lock two files of its name.
pub(super) async fn acquire(
    path: &Path,
    model_name: &str,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<File, RepositoryError> {
    let failed = |source| RepositoryError::io("lock", path, source);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failed)?;
    let deadline = Instant::now() + timeout;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(RepositoryError::Locked {
                    model_name: model_name.to_owned(),
                    seconds: timeout.as_secs(),
                });
            }
            Err(TryLockError::WouldBlock) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = cancel.cancelled() => return Err(RepositoryError::Cancelled),
        }
    }
}
