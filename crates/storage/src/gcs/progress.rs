//! Whether an upload moves, and what to do when its client meets an error.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gcp::{Backoff, Credentials};
use google_cloud_gax::backoff_policy::BackoffPolicy;
use google_cloud_gax::error::Error as ClientError;
use google_cloud_gax::retry_policy::RetryPolicy;
use google_cloud_gax::retry_result::RetryResult;
use google_cloud_gax::retry_state::RetryState;
use tokio::time::Instant;

use super::failure::Failure;
use crate::Error;

/// What the parts of one upload know of each other.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// When something last moved; `None` while the source is asked, whose delays are its own.
    moved: Option<Instant>,
    /// How much the source has given, at most, and how much when the last error came.
    reached: u64,
    reached_at_error: u64,
    /// Errors in a row without progress.
    failed: u32,
    renewed: bool,
    /// Why the source ended the upload.
    source_error: Option<Error>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            moved: Some(Instant::now()),
            reached: 0,
            reached_at_error: 0,
            failed: 0,
            renewed: false,
            source_error: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }

    /// The source is being asked for more.
    pub(super) fn ask_source(&self) {
        self.state().moved = None;
    }

    /// The source has given all up to this offset.
    pub(super) fn reach(&self, offset: u64) {
        let mut state = self.state();
        state.moved = Some(Instant::now());
        state.reached = state.reached.max(offset);
    }

    /// The source cannot go on.
    pub(super) fn fail_source(&self, error: Error) {
        let mut state = self.state();
        state.moved = Some(Instant::now());
        state.source_error = Some(error);
    }

    /// Why the source could not go on, if so.
    pub(super) fn take_source_error(&self) -> Option<Error> {
        self.state().source_error.take()
    }

    /// Returns once nothing has moved for `limit`.
    pub(super) async fn stalled(&self, limit: Duration) {
        loop {
            let moved = self.state().moved;
            let idle = moved.map_or(Duration::ZERO, |moved| moved.elapsed());
            if idle >= limit {
                return;
            }
            tokio::time::sleep(limit.saturating_sub(idle)).await;
        }
    }
}

/// Google's rules of what may be tried again, with three changes: only attempts without progress
/// count, a refused token is renewed once, and an error of the source is final.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) progress: Progress,
    pub(super) credentials: Credentials,
    pub(super) backoff: Backoff,
}

impl RetryPolicy for Policy {
    fn on_error(&self, _: &RetryState, error: ClientError) -> RetryResult {
        let failure = Failure::of_client(&error);
        let mut state = self.progress.state();
        if state.source_error.is_some() {
            return RetryResult::Permanent(error);
        }
        if failure.status == Some(401) && !state.renewed {
            state.renewed = true;
            self.credentials.invalidate();
            return RetryResult::Continue(error);
        }
        let transient = match failure.status {
            Some(_) => failure.is_transient(),
            None => {
                error.is_io() || error.is_timeout() || error.is_connect() || error.is_transport()
            }
        };
        if !transient {
            return RetryResult::Permanent(error);
        }
        if state.reached > state.reached_at_error {
            state.reached_at_error = state.reached;
            state.failed = 0;
        }
        state.failed += 1;
        match self.backoff.delay(state.failed) {
            Some(_) => RetryResult::Continue(error),
            None => RetryResult::Exhausted(error),
        }
    }
}

impl BackoffPolicy for Policy {
    fn on_failure(&self, _: &RetryState) -> Duration {
        let failed = self.progress.state().failed;
        self.backoff.delay(failed).unwrap_or_default()
    }
}
