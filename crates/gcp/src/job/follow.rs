//! A job is followed to its end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Importance, JobError, Jobs, Message, Phase, Snapshot};
use crate::api::CallError;

/// How often a job is asked for and how long it is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The first wait between two looks; it grows by half each time.
    pub first: Duration,
    /// The longest wait between two looks.
    pub slowest: Duration,
    /// How long the service may fail to say how the job is.
    pub outage: Duration,
    /// How long the job may wait for resources.
    pub queue: Option<Duration>,
    /// How long the job may run.
    pub run: Option<Duration>,
    /// How long it may take in all.
    pub total: Option<Duration>,
    /// How long the end of a cancelled job is waited for.
    pub confirm: Duration,
}

impl Default for Patience {
    /// Every 5 to 30 seconds; ten minutes without an answer; no other limit.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            slowest: Duration::from_secs(30),
            outage: Duration::from_mins(10),
            queue: None,
            run: None,
            total: None,
            confirm: Duration::from_secs(8),
        }
    }
}

/// Why following ended before the job did.
pub(super) enum Stop {
    /// This process is to end.
    Interrupted,
    /// A limit was reached: what the job did for too long, and the limit.
    Deadline(&'static str, Duration),
    /// The job cannot be seen.
    Unseen(Box<JobError>),
}

/// The look-out for one job.
pub(super) struct Follower<'a, J> {
    jobs: &'a J,
    patience: Patience,
    started: Instant,
    /// Since when it has been more than queued.
    running: Option<Instant>,
    /// Since when it has not been seen.
    unseen: Option<Instant>,
    /// What was said last, so that only changes are told.
    told: (String, Option<String>),
    read: BTreeSet<String>,
    read_until: Option<String>,
    read_failed: bool,
}

impl<'a, J: Jobs> Follower<'a, J> {
    pub(super) fn new(jobs: &'a J, patience: Patience) -> Self {
        Self {
            jobs,
            patience,
            started: Instant::now(),
            running: None,
            unseen: None,
            told: Default::default(),
            read: BTreeSet::new(),
            read_until: None,
            read_failed: false,
        }
    }

    /// The job `name` once it has ended, however it did, following it where it is replaced.
    pub(super) async fn follow(
        &mut self,
        name: &mut String,
        cancel: &CancellationToken,
    ) -> Result<Snapshot, Stop> {
        let mut wait = self.patience.first;
        loop {
            let look = self.look(name);
            let seen = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Stop::Interrupted),
                seen = look => seen?,
            };
            match seen {
                Some(job) => match &job.phase {
                    Phase::Replaced(successor) => {
                        tracing::info!(job = name, successor, "the job was replaced");
                        name.clone_from(successor);
                        continue;
                    }
                    phase if phase.is_terminal() => return Ok(job),
                    _ => {}
                },
                None => wait = self.patience.first,
            }
            self.check_deadlines()?;
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Stop::Interrupted),
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 3 / 2).min(self.patience.slowest);
        }
    }

    /// One look; `None` where the service does not say, which is borne for a while.
    async fn look(&mut self, name: &str) -> Result<Option<Snapshot>, Stop> {
        match self.jobs.get(name).await {
            Ok(job) => {
                self.unseen = None;
                self.tell(&job).await;
                Ok(Some(job))
            }
            Err(error) => self.bear(name, error).map(|()| None),
        }
    }

    /// Bears that the job cannot be seen, within limits. A job just created may not be found.
    fn bear(&mut self, name: &str, source: CallError) -> Result<(), Stop> {
        let since = *self.unseen.get_or_insert_with(Instant::now);
        let bearable = source.is_transient() || source.is_not_found();
        if bearable && since.elapsed() < self.patience.outage {
            tracing::warn!(job = name, %source, "cannot see the {}", self.jobs.kind());
            return Ok(());
        }
        Err(Stop::Unseen(Box::new(JobError::Lost {
            kind: self.jobs.kind(),
            name: name.to_owned(),
            console: self.jobs.console(name),
            source,
        })))
    }

    fn check_deadlines(&self) -> Result<(), Stop> {
        let Patience {
            queue, run, total, ..
        } = self.patience;
        let queued = match self.running {
            Some(_) => Duration::ZERO,
            None => self.started.elapsed(),
        };
        let ran = self.running.map_or(Duration::ZERO, |since| since.elapsed());
        for (what, limit, spent) in [
            ("was queued", queue, queued),
            ("ran", run, ran),
            ("took", total, self.started.elapsed()),
        ] {
            if let Some(limit) = limit.filter(|limit| spent > *limit) {
                return Err(Stop::Deadline(what, limit));
            }
        }
        Ok(())
    }

    /// Tells in the log what is new.
    async fn tell(&mut self, job: &Snapshot) {
        let kind = self.jobs.kind();
        if !matches!(job.phase, Phase::Queued | Phase::Unknown) {
            self.running.get_or_insert_with(Instant::now);
        }
        if self.told.0 != job.state {
            let (job_name, state) = (&job.name, &job.state);
            match job.phase {
                Phase::Unknown => {
                    tracing::warn!(job = job_name, state, "the {kind} is in an unknown state");
                }
                Phase::Paused => tracing::warn!(
                    job = job_name,
                    "the {kind} is paused: it goes on when somebody resumes it"
                ),
                _ => tracing::info!(job = job_name, state, "the {kind} changed its state"),
            }
            self.told.0.clone_from(&job.state);
        }
        if job.progress.is_some() && self.told.1 != job.progress {
            self.told.1.clone_from(&job.progress);
            let progress = job.progress.as_deref().unwrap_or_default();
            tracing::info!(job = job.name, "{progress}");
        }
        let since = self.read_until.as_deref();
        let messages = self.jobs.messages(&job.name, Importance::Basic, since);
        match messages.await {
            Ok(messages) => {
                for message in &messages {
                    self.pass_on(message);
                }
                let newest = messages.into_iter().map(|message| message.time).max();
                self.read_until = self.read_until.take().max(newest);
            }
            // The log is a courtesy; the job itself is watched by `get`.
            Err(error) if !self.read_failed => {
                self.read_failed = true;
                tracing::warn!(job = job.name, %error, "cannot read the log of the {kind}");
            }
            Err(_) => {}
        }
    }

    fn pass_on(&mut self, message: &Message) {
        if !self.read.insert(message.id.clone()) {
            return;
        }
        let text = crate::redact(&message.text);
        match message.importance {
            Importance::Detail => tracing::debug!("{text}"),
            Importance::Basic => tracing::info!("{text}"),
            Importance::Warning => tracing::warn!("{text}"),
            Importance::Error => tracing::error!("{text}"),
        }
    }
}
