//! Work that keeps a thread busy.

use std::panic::resume_unwind;

/// Does `work` on a thread of its own, so that signals are answered meanwhile. A panic there goes on
/// here.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}
