//! Fitting a network: mini-batches, Adam, squared error, averaged weights.
//!
//! The learning rate falls to 0 and the weights after the last step are kept. Keeping those of the
//! look that did best on a short eval split instead is what makes seeds differ: it stops each
//! seed at another, early step. Early stopping is there for who asks for it.
//!
//! The same sets, options and seed give the same weights, bit for bit, on any number of threads.

mod adam;
mod average;
mod backward;
mod batches;
mod encoded;
mod error;
mod loss;
mod network_init;
mod options;

use std::ops::ControlFlow;

use model::{Network, Scratch};

use crate::Random;
use adam::Adam;
use average::Average;
use backward::Backward;
use batches::Batches;
pub use encoded::{EncodeError, EncodedSet};
pub use error::FitError;
pub use network_init::hidden_units;
pub use options::{FitOptions, Schedule};

/// A loss beyond this has diverged: ten thousand standard deviations of the label off.
const DIVERGED: f64 = 1e8;

/// Steps between two updates of the weights' moving average.
const AVERAGE_EVERY: u64 = 10;

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
    check(train, eval, options)?;
    let mut random = Random::new(options.seed);
    let mut network =
        network_init::initial_network(train.width(), &options.hidden_units, &mut random);
    let mut adam = Adam::new(&network, options.weight_decay);
    let mut average = Average::new(&network, options.average_decay);
    let mut backward = Backward::new(&network);
    let mut batches = Batches::new(train, options.batch_size, random);
    let mut looks = Looks::new(train, eval, &network, options.patience);
    let mut flow = observe(looks.last());
    let (mut steps, mut batch_losses, mut batch_count) = (0, 0.0, 0_u32);
    while flow.is_continue() && steps < options.train_steps && !looks.stale() {
        let factor = options.schedule.factor(steps, options.train_steps);
        let (inputs, targets) = batches.next_batch();
        let loss = backward.run(&network, inputs, targets);
        steps += 1;
        diverged(steps, loss, options)?;
        adam.step(options.learning_rate * factor, &backward, &mut network);
        (batch_losses, batch_count) = (batch_losses + loss, batch_count + 1);
        let look = steps % options.eval_every == 0 || steps == options.train_steps;
        if look || steps % AVERAGE_EVERY == 0 {
            average.update(steps, &network);
        }
        if look {
            let eval_loss = looks.look(
                steps,
                batch_losses / f64::from(batch_count),
                average.network(),
            );
            diverged(steps, eval_loss, options)?;
            (batch_losses, batch_count) = (0.0, 0);
            flow = observe(looks.last());
        }
    }
    match flow {
        ControlFlow::Break(Stop::Cancel) => Err(FitError::Cancelled { step: steps }),
        _ => Ok(looks.into_fit(steps)),
    }
}

fn diverged(step: u64, loss: f64, options: &FitOptions) -> Result<(), FitError> {
    // A NaN is not at most anything.
    if loss <= DIVERGED {
        return Ok(());
    }
    Err(FitError::Diverged {
        step,
        loss,
        learning_rate: options.learning_rate,
    })
}

/// The looks at the eval split, and the network to keep.
struct Looks<'a> {
    eval: &'a EncodedSet,
    scratch: Scratch,
    history: Vec<Step>,
    patience: Option<u32>,
    kept: Network,
    kept_look: usize,
}

impl<'a> Looks<'a> {
    fn new(
        train: &EncodedSet,
        eval: &'a EncodedSet,
        network: &Network,
        patience: Option<u32>,
    ) -> Self {
        let mut scratch = Scratch::default();
        let outputs = network.forward(train.inputs(), &mut scratch);
        let train_loss = loss::mean_squared_error(outputs, train.targets());
        let mut looks = Self {
            eval,
            scratch,
            history: Vec::new(),
            patience,
            kept: network.clone(),
            kept_look: 0,
        };
        looks.look(0, train_loss, network);
        looks
    }

    /// Measures a network on the eval split, and keeps it unless an earlier one is to be
    /// preferred; returns its loss.
    fn look(&mut self, step: u64, train_loss: f64, network: &Network) -> f64 {
        let outputs = network.forward(self.eval.inputs(), &mut self.scratch);
        let eval_loss = loss::mean_squared_error(outputs, self.eval.targets());
        self.history.push(Step {
            step,
            train_loss,
            eval_loss,
            eval_root_mean_squared_error: self.eval.root_mean_squared_error(outputs),
            eval_mean_absolute_error: self.eval.mean_absolute_error(outputs),
            parameters: network.parameters(),
        });
        if self.patience.is_none() || eval_loss < self.history[self.kept_look].eval_loss {
            self.kept.clone_from(network);
            self.kept_look = self.history.len() - 1;
        }
        eval_loss
    }

    fn last(&self) -> &Step {
        self.history.last().expect("the first look is at step 0")
    }

    /// Whether `patience` looks in a row brought nothing better.
    fn stale(&self) -> bool {
        let since = self.history.len() - 1 - self.kept_look;
        self.patience
            .is_some_and(|patience| since >= patience as usize)
    }

    fn into_fit(self, steps: u64) -> Fit {
        let kept_step = self.history[self.kept_look].step;
        Fit {
            network: self.kept,
            steps,
            kept_step,
            history: self.history,
        }
    }
}

fn check(train: &EncodedSet, eval: &EncodedSet, options: &FitOptions) -> Result<(), FitError> {
    for (split, set) in [("train", train), ("eval", eval)] {
        if set.rows() == 0 {
            return Err(FitError::Empty { split });
        }
    }
    if train.width() != eval.width() {
        return Err(FitError::Width {
            train: train.width(),
            eval: eval.width(),
        });
    }
    options.check()
}

#[cfg(test)]
mod tests;
