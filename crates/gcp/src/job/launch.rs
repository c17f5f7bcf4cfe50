//! A job is created once, whatever happens on the way.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::snapshot::{Choice, choose};
use super::{JobError, JobKey, Jobs, Patience, Snapshot, Wanted};
use crate::api::{Attempts, CallError, Retry};

/// Finds the job of `key`, or creates it.
///
/// A create call whose outcome is unknown, or whose name is taken, is followed by another look
/// before it is made again. Should it have taken effect late, so that there are two, all attempts
/// agree on the oldest, and the others are cancelled.
pub(super) async fn launch<J: Jobs>(
    jobs: &J,
    key: &JobKey,
    request: &Value,
    retry: Retry,
    patience: &Patience,
    cancel: &CancellationToken,
) -> Result<Snapshot, JobError> {
    let kind = jobs.kind();
    let failed = |action, source| JobError::Call {
        action,
        kind,
        source,
    };
    let mut attempts = Attempts::new(retry);
    let mut in_doubt = false;
    loop {
        let found = jobs.find(Wanted::Key(key)).await;
        let found = found.map_err(|source| failed("find", source))?;
        match choose(found) {
            Choice::Adopt(job) => {
                tracing::info!(job = job.name, state = job.state, "found the {kind}");
                if in_doubt {
                    cancel_others(jobs, key, &job).await;
                }
                return Ok(job);
            }
            Choice::Wait(job) => {
                let (name, state) = (&job.name, &job.state);
                tracing::info!(
                    job = name,
                    state,
                    "waiting for the end of what is in the way"
                );
                wait_for_end(jobs, &job.name, patience, cancel).await?;
                continue;
            }
            Choice::Create => {}
        }
        if cancel.is_cancelled() {
            return Err(JobError::NotCreated { kind });
        }
        let source: CallError = match jobs.create(request).await {
            Ok(job) => {
                tracing::info!(job = job.name, "created the {kind}");
                // A lost call may have taken effect late, and this be a second job.
                return Ok(if in_doubt {
                    settle(jobs, key, job).await
                } else {
                    job
                });
            }
            Err(source) => source,
        };
        if !source.is_conflict() && !source.is_ambiguous() {
            return Err(failed("create", source));
        }
        in_doubt = true;
        let wished = source.status().and_then(crate::api::Status::retry_delay);
        let Some(wait) = attempts.failed(wished) else {
            return Err(failed("create", source));
        };
        tracing::warn!(%source, ?wait, "looking whether the {kind} was created");
        tokio::time::sleep(wait).await;
    }
}

/// Waits until what is in the way has ended: a job being cancelled, whose name is not free yet, or
/// another change of the same resource.
async fn wait_for_end<J: Jobs>(
    jobs: &J,
    name: &str,
    patience: &Patience,
    cancel: &CancellationToken,
) -> Result<(), JobError> {
    let kind = jobs.kind();
    let started = Instant::now();
    let limit = patience.queue.unwrap_or(Duration::from_mins(45));
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(JobError::NotCreated { kind }),
            () = tokio::time::sleep(patience.first) => {}
        }
        match jobs.get(name).await {
            Ok(now) if !now.phase.is_terminal() => {}
            Ok(_) => return Ok(()),
            Err(error) if error.is_not_found() => return Ok(()),
            Err(source) => {
                let action = "read";
                return Err(JobError::Call {
                    action,
                    kind,
                    source,
                });
            }
        }
        if started.elapsed() > limit {
            return Err(JobError::Blocked {
                kind,
                name: name.to_owned(),
                limit,
            });
        }
    }
}

/// The job to use after a create call that may have been the second: the one all attempts agree
/// on; the others are cancelled.
async fn settle<J: Jobs>(jobs: &J, key: &JobKey, created: Snapshot) -> Snapshot {
    let found = jobs.find(Wanted::Key(key)).await.unwrap_or_default();
    let kept = match choose(found) {
        Choice::Adopt(job) => job,
        _ => created,
    };
    cancel_others(jobs, key, &kept).await;
    kept
}

/// Cancels what a create call brought about besides `kept`. Failing that is not worth failing
/// for: the cleanup of the run tries again.
async fn cancel_others<J: Jobs>(jobs: &J, key: &JobKey, kept: &Snapshot) {
    let Ok(found) = jobs.find(Wanted::Key(key)).await else {
        return;
    };
    for other in found {
        if other.name != kept.name && other.phase.is_alive() {
            tracing::warn!(job = other.name, "cancelling a second {}", jobs.kind());
            if let Err(error) = jobs.cancel(&other.name).await {
                tracing::warn!(job = other.name, %error, "cannot cancel it");
            }
        }
    }
}
