//! What a killed step left behind.

use super::runner::cancel_job;
use super::{Cancellation, JobError, Jobs, Patience, Wanted};

/// A job that was still alive, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its name.
    pub name: String,
    /// Its address.
    pub uri: String,
    /// What became of it; `None` in a dry run.
    pub outcome: Option<Cancellation>,
}

/// Cancels all jobs that are wanted and have not ended: the exit handler's work after a step was
/// killed. With `dry_run` they are only listed.
pub async fn cleanup<J: Jobs>(
    jobs: &J,
    wanted: Wanted<'_>,
    patience: &Patience,
    dry_run: bool,
) -> Result<Vec<Left>, JobError> {
    let found = jobs.find(wanted).await.map_err(|source| JobError::Call {
        action: "find",
        kind: jobs.kind(),
        source,
    })?;
    let mut left = Vec::new();
    for job in found {
        if job.phase.is_terminal() {
            continue;
        }
        let outcome = if dry_run {
            None
        } else {
            Some(cancel_job(jobs, &job.name, patience).await)
        };
        left.push(Left {
            name: job.name,
            uri: job.uri,
            outcome,
        });
    }
    Ok(left)
}
