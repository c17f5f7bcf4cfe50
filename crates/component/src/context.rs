//! What a component's `run` gets besides its flags.

use tokio_util::sync::CancellationToken;

use crate::{Contract, Progress, Unit, progress::Display};

/// Cancellation, progress and identity of a run.
#[derive(Clone, Debug)]
pub struct Context {
    /// Fires on SIGTERM or SIGINT: stop without publishing. Long CPU work polls it.
    pub cancel: CancellationToken,
    /// Whether only a [`crate::Plan`] is wanted.
    pub dry_run: bool,
    pub(crate) name: &'static str,
    pub(crate) display: Display,
}

impl Context {
    /// A context outside a process's `main`, for tests and for in-process use: quiet, never
    /// cancelled from outside.
    pub fn detached(contract: &'static Contract) -> Self {
        Self {
            cancel: CancellationToken::new(),
            dry_run: false,
            name: contract.name,
            display: Display::hidden(),
        }
    }

    /// Shows progress of one piece of work: a bar on a terminal, a log line every few seconds
    /// elsewhere. `total` is in the unit, where it is known.
    pub fn progress(&self, label: &str, unit: Unit, total: Option<u64>) -> Progress {
        Progress::new(&self.display, label, unit, total)
    }

    /// The component, its version and git commit, for example `transform 0.1.0 (1a2b3c4d5e6f)`.
    pub fn build(&self) -> String {
        format!("{} {}", self.name, crate::VERSION)
    }
}
