//! A job as it was seen last.

use serde_json::Value;

use crate::api::Status;

/// Where a job stands, in words common to all services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It waits for resources.
    Queued,
    /// It works.
    Running,
    /// Somebody must let it go on.
    Paused,
    /// It is about to be cancelled.
    Cancelling,
    /// It is not this work, but must end before this work can begin.
    InTheWay,
    /// A state this program does not know; taken for not ended.
    Unknown,
    /// Done.
    Succeeded,
    /// Done, but some results may be missing.
    Partial,
    /// Ended without success.
    Failed,
    /// Ended because somebody wanted it.
    Cancelled,
    /// Ended because its time was up.
    Expired,
    /// Goes on as the job of this name.
    Replaced(String),
}

impl Phase {
    /// Whether nothing will change any more.
    pub fn is_terminal(&self) -> bool {
        use Phase::{Cancelled, Expired, Failed, Partial, Replaced, Succeeded};
        matches!(
            self,
            Succeeded | Partial | Failed | Cancelled | Expired | Replaced(_)
        )
    }

    /// Whether there are results.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Partial)
    }

    /// Whether it may still come to a success by itself.
    pub fn is_alive(&self) -> bool {
        !self.is_terminal() && !matches!(self, Self::Cancelling | Self::InTheWay)
    }
}

/// A job, or a resource in the making, as a service described it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The name the service gave it; what it is asked for by.
    pub name: String,
    /// Its address, for `gcp_resources`.
    pub uri: String,
    /// Where it stands.
    pub phase: Phase,
    /// Where it stands in the service's own word.
    pub state: String,
    /// What went wrong, where the service says so.
    pub error: Option<Status>,
    /// When it was created (RFC 3339), or empty.
    pub created: String,
    /// A line on how far it is, where the service says so.
    pub progress: Option<String>,
    /// All the service said.
    pub document: Value,
}

/// Which of the jobs found is to be used.
#[derive(Debug)]
pub(super) enum Choice {
    /// This one.
    Adopt(Snapshot),
    /// This one is in the way until it has ended.
    Wait(Snapshot),
    /// None of them.
    Create,
}

/// Decides among all jobs with the same key: the oldest that is alive, so that attempts that
/// race agree; otherwise the newest success. Jobs that failed or were cancelled do not count: a
/// new attempt is meant to try again.
pub(super) fn choose(mut found: Vec<Snapshot>) -> Choice {
    found.sort_by(|a, b| (&a.created, &a.name).cmp(&(&b.created, &b.name)));
    if let Some(alive) = found.iter().position(|job| job.phase.is_alive()) {
        return Choice::Adopt(found.swap_remove(alive));
    }
    if let Some(done) = found.iter().rposition(|job| job.phase.is_success()) {
        return Choice::Adopt(found.swap_remove(done));
    }
    match found.into_iter().find(|job| !job.phase.is_terminal()) {
        Some(ending) => Choice::Wait(ending),
        None => Choice::Create,
    }
}

/// A line of a job's own log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Tells it from the others.
    pub id: String,
    /// When it was written (RFC 3339).
    pub time: String,
    /// How much it matters.
    pub importance: Importance,
    /// What it says.
    pub text: String,
}

/// How much a job's message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// For those who look closely.
    Detail,
    /// Worth a line.
    Basic,
    /// Something may be wrong.
    Warning,
    /// Something is wrong.
    Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, created: &str, phase: Phase) -> Snapshot {
        Snapshot {
            name: name.to_owned(),
            uri: String::new(),
            phase,
            state: String::new(),
            error: None,
            created: created.to_owned(),
            progress: None,
            document: Value::Null,
        }
    }

    fn adopted(found: Vec<Snapshot>) -> String {
        match choose(found) {
            Choice::Adopt(job) => job.name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_oldest_alive_wins_then_the_newest_success() {
        let found = || {
            vec![
                job("done", "2026-01-05", Phase::Succeeded),
                job("younger", "2026-01-04", Phase::Running),
                job("older", "2026-01-03", Phase::Queued),
                job("failed", "2026-01-01", Phase::Failed),
                job("early", "2026-01-02", Phase::Partial),
            ]
        };
        assert_eq!(adopted(found()), "older");
        let ended = found().into_iter().filter(|job| job.phase.is_terminal());
        assert_eq!(adopted(ended.collect()), "done");
    }

    #[test]
    fn what_failed_is_tried_again_once_nothing_is_in_the_way() {
        let failed = || job("failed", "1", Phase::Failed);
        let expired = || job("expired", "2", Phase::Expired);
        let ending = job("ending", "3", Phase::Cancelling);
        assert!(matches!(choose(vec![]), Choice::Create));
        assert!(matches!(choose(vec![failed(), expired()]), Choice::Create));
        assert!(matches!(choose(vec![failed(), ending]), Choice::Wait(_)));
    }
}
