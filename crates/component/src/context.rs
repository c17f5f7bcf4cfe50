//! What a component's `run` gets besides its flags.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{Contract, Progress, Unit, progress::Display};

/// Cancellation, progress and identity of a run.
#[derive(Clone, Debug)]
pub struct Context {
    /// Fires on SIGTERM or SIGINT: stop without publishing. Long CPU work polls it.
    pub cancel: CancellationToken,
    /// Whether only a [`crate::Plan`] is wanted.
    pub dry_run: bool,
    /// Whether the log is JSON lines rather than text, for lines a component writes itself.
    pub json_logs: bool,
    pub(crate) grace: Grace,
    pub(crate) name: &'static str,
    pub(crate) display: Display,
    pub(crate) parameter_files: Arc<BTreeMap<String, PathBuf>>,
}

impl Context {
    /// A context outside a process's `main`, for tests and for in-process use: quiet, never
    /// cancelled from outside.
    pub fn detached(contract: &'static Contract) -> Self {
        Self {
            cancel: CancellationToken::new(),
            dry_run: false,
            json_logs: true,
            grace: Grace::default(),
            name: contract.name,
            display: Display::hidden(),
            parameter_files: Arc::default(),
        }
    }

    /// Asks for this much time to finish after [`Self::cancel`] fired, for servers that drain;
    /// a run that asks for nothing gets a few seconds.
    pub fn set_grace(&self, grace: Duration) {
        self.grace.set(grace);
    }

    /// Shows progress of one piece of work: a bar on a terminal, a log line every few seconds
    /// elsewhere. `total` is in the unit, where it is known.
    pub fn progress(&self, label: &str, unit: Unit, total: Option<u64>) -> Progress {
        Progress::new(&self.display, label, unit, total)
    }

    /// Where the pipeline reads an output parameter from, for one that must be known before the
    /// run ends. It is written at the end in any case.
    pub fn parameter_file(&self, name: &str) -> Option<&Path> {
        self.parameter_files.get(name).map(PathBuf::as_path)
    }

    /// The component, its version and git commit, for example `transform 0.1.0 (1a2b3c4d5e6f)`.
    pub fn build(&self) -> String {
        format!("{} {}", self.name, crate::version())
    }
}

/// Time a cancelled run gets, in milliseconds; what was not set is zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grace(Arc<AtomicU64>);

impl Grace {
    fn set(&self, grace: Duration) {
        self.0.store(grace.as_millis() as u64, Ordering::Relaxed);
    }

    /// What was asked for, if that is longer than `least`.
    pub(crate) fn at_least(&self, least: Duration) -> Duration {
        least.max(Duration::from_millis(self.0.load(Ordering::Relaxed)))
    }
}
