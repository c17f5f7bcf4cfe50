//! One job from beginning to end.

use std::io;
use std::time::Instant;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::follow::{Follower, Stop};
use super::launch::launch;
use super::{Cancellation, Importance, JobError, JobKey, Jobs, Patience, Snapshot};
use crate::api::Retry;

/// Runs jobs of one kind.
#[derive(Debug)]
pub struct Runner<'a, J> {
    /// The kind.
    pub jobs: &'a J,
    /// How long to wait for what.
    pub patience: Patience,
    /// How creating is repeated.
    pub retry: Retry,
    /// Fires when this process is to end: the job is cancelled then.
    pub cancel: CancellationToken,
}

impl<J: Jobs> Runner<'_, J> {
    /// Finds the job of `key` or creates it from `request`, records it, follows it to its end and
    /// returns it as it ended well.
    pub async fn run(
        &self,
        key: &JobKey,
        request: &Value,
        record: impl FnMut(&Snapshot) -> io::Result<()>,
    ) -> Result<Snapshot, JobError> {
        let job = self.launch(key, request, record).await?;
        self.follow(job).await
    }

    /// Finds the job of `key` or creates it from `request`, and records it.
    pub async fn launch(
        &self,
        key: &JobKey,
        request: &Value,
        mut record: impl FnMut(&Snapshot) -> io::Result<()>,
    ) -> Result<Snapshot, JobError> {
        let kind = self.jobs.kind();
        let launch = launch(
            self.jobs,
            key,
            request,
            self.retry,
            &self.patience,
            &self.cancel,
        );
        tokio::pin!(launch);
        let (job, interrupted) = tokio::select! {
            biased;
            job = &mut launch => (job?, false),
            () = self.cancel.cancelled() => {
                // A create call may be under way: without its answer there is nothing to cancel.
                match tokio::time::timeout(self.patience.confirm, launch).await {
                    Ok(job) => (job?, true),
                    Err(_) => return Err(JobError::Creating { kind, name: key.name() }),
                }
            }
        };
        let console = self.jobs.console(&job.name);
        tracing::info!(job = job.name, console, "the {kind} can be watched");
        if interrupted {
            return Err(self.interrupted(job.name).await);
        }
        record(&job).map_err(|source| JobError::Record {
            kind,
            name: job.name.clone(),
            source,
        })?;
        Ok(job)
    }

    /// Follows `job` to its end.
    pub async fn follow(&self, job: Snapshot) -> Result<Snapshot, JobError> {
        let kind = self.jobs.kind();
        let mut name = job.name;
        let mut follower = Follower::new(self.jobs, self.patience);
        match follower.follow(&mut name, &self.cancel).await {
            Ok(job) if job.phase.is_success() => {
                tracing::info!(job = name, state = job.state, "the {kind} is done");
                Ok(job)
            }
            Ok(job) => Err(self.ended(job).await),
            Err(Stop::Interrupted) => Err(self.interrupted(name).await),
            Err(Stop::Deadline(what, limit)) => {
                let outcome = self.cancel_job(&name).await;
                Err(JobError::Deadline {
                    kind,
                    name,
                    what,
                    limit,
                    outcome,
                })
            }
            Err(Stop::Unseen(error)) => Err(*error),
        }
    }

    async fn interrupted(&self, name: String) -> JobError {
        let outcome = self.cancel_job(&name).await;
        JobError::Interrupted {
            kind: self.jobs.kind(),
            name,
            outcome,
        }
    }

    /// Asks for the job to end, at once, and then looks for a little whether it did.
    async fn cancel_job(&self, name: &str) -> Cancellation {
        cancel_job(self.jobs, name, &self.patience).await
    }

    /// The error for a job that ended without success, with the last errors of its log.
    async fn ended(&self, job: Snapshot) -> JobError {
        let messages = self.jobs.messages(&job.name, Importance::Error, None).await;
        let mut log: Vec<String> = messages
            .unwrap_or_default()
            .iter()
            .map(|message| crate::api::one_line(&message.text))
            .collect();
        log.drain(..log.len().saturating_sub(3));
        JobError::Ended {
            kind: self.jobs.kind(),
            console: self.jobs.console(&job.name),
            name: job.name,
            phase: job.phase,
            state: job.state,
            status: job.error.map(Box::new),
            log,
        }
    }
}

/// Cancels one job, and looks for as long as `patience` says whether it has ended.
pub(super) async fn cancel_job<J: Jobs>(jobs: &J, name: &str, patience: &Patience) -> Cancellation {
    let started = Instant::now();
    let cancelled = tokio::time::timeout(patience.confirm, jobs.cancel(name)).await;
    match cancelled {
        Ok(Ok(())) => tracing::info!(job = name, "asked the {} to cancel", jobs.kind()),
        Ok(Err(error)) => return Cancellation::Failed(error.to_string()),
        Err(_) => return Cancellation::Failed("the service did not answer in time".into()),
    }
    let mut wait = patience.first.min(std::time::Duration::from_millis(200));
    while started.elapsed() + wait < patience.confirm {
        tokio::time::sleep(wait).await;
        let left = patience.confirm.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, jobs.get(name)).await {
            Ok(Ok(job)) if job.phase.is_terminal() => return Cancellation::Confirmed(job.state),
            Ok(Err(error)) if error.is_not_found() => {
                return Cancellation::Confirmed("gone".into());
            }
            _ => wait *= 2,
        }
    }
    Cancellation::Requested
}
