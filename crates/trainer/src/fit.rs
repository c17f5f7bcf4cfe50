//! Fitting a network: mini-batches, Adam, squared error, averaged weights.
//!
//! The learning rate falls to 0 and the weights after the last step are kept. Keeping those of the
//! look that did best on a short eval split instead is what makes seeds differ: it stops each
//! seed at another, early step. Early stopping is there for who asks for it.
//!
//! The same sets, options and seed give the same weights, bit for bit, on any number of threads, and
//! with any number of interruptions ([`Training::checkpoint`]), and wherever the rows are.

mod adam;
mod average;
mod backward;
mod batches;
mod checkpoint;
mod encoded;
mod error;
mod looks;
mod loss;
mod network_init;
mod options;
mod training;

use std::ops::ControlFlow;

use model::Network;

pub(crate) use encoded::EncodedWriter;
pub use encoded::{EncodeError, EncodedSet};
pub use error::FitError;
pub use network_init::hidden_units;
pub use options::{FitOptions, Schedule};
pub use training::Training;

/// A look at the eval split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Optimizer steps taken; 0 is the network as it was initialised.
    pub step: u64,
    /// Mean squared error of the batches since the last look, in squared standard deviations of
    /// the label; at step 0, of the whole train split.
    pub train_loss: f64,
    /// Mean squared error on the eval split, in the same unit.
    pub eval_loss: f64,
    /// Root mean squared error on the eval split, in the label's own unit.
    pub eval_root_mean_squared_error: f64,
    /// Mean absolute error on the eval split, in the label's own unit.
    pub eval_mean_absolute_error: f64,
    /// Weights and biases of the network.
    pub parameters: usize,
}

/// What an observer asks for by breaking off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Enough: the best network so far is the result.
    Finish,
    /// The result is no longer wanted: the fit fails with [`FitError::Cancelled`].
    Cancel,
}

/// A fitted network.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The network at `kept_step`.
    pub network: Network,
    /// Optimizer steps taken.
    pub steps: u64,
    /// The last step; with early stopping, the one of the lowest eval loss, the earliest of equals.
    pub kept_step: u64,
    /// All looks at the eval split, the first at step 0.
    pub history: Vec<Step>,
}

impl Fit {
    /// The look at the eval split whose network was kept.
    ///
    /// # Panics
    /// When `history` was changed so that it no longer holds it.
    pub fn kept(&self) -> &Step {
        let kept = self.history.iter().find(|look| look.step == self.kept_step);
        kept.expect("the kept step was looked at")
    }
}

/// Fits a network to `train`; `eval` is looked at on the way, and decides only where
/// [`FitOptions::patience`] asks for early stopping. `observe` sees every look and may break off.
pub fn fit(
    train: &EncodedSet,
    eval: &EncodedSet,
    options: &FitOptions,
    observe: &mut dyn FnMut(&Step) -> ControlFlow<Stop>,
) -> Result<Fit, FitError> {
    let mut training = Training::new(train, eval, options)?;
    let mut flow = observe(training.last());
    while flow.is_continue() && training.advance()? {
        flow = observe(training.last());
    }
    match flow {
        ControlFlow::Break(Stop::Cancel) => Err(FitError::Cancelled {
            step: training.last().step,
        }),
        _ => Ok(training.finish()),
    }
}

#[cfg(test)]
mod tests;
