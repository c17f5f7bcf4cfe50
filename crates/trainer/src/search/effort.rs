//! What a trial takes.

use std::fmt;
use std::sync::Arc;

use artifacts::TrialParameter;

type Of = dyn Fn(&[TrialParameter]) -> f64 + Send + Sync;

/// What a trial with some values takes: its time or money, in any unit. It has to be known in
/// advance and the same every time, or the trials of a study would differ from run to run.
#[derive(Clone)]
pub struct Effort(Arc<Of>);

impl Effort {
    /// Effort above 0 by the values of the parameters that exist in a trial.
    pub fn new(of: impl Fn(&[TrialParameter]) -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(of))
    }

    pub(super) fn of(&self, parameters: &[TrialParameter]) -> f64 {
        (self.0)(parameters)
    }
}

impl fmt::Debug for Effort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Effort").finish_non_exhaustive()
    }
}
