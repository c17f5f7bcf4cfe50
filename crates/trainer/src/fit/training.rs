//! A fit under way.

use model::Network;

use super::adam::Adam;
use super::average::Average;
use super::backward::Backward;
use super::batches::Batches;
use super::checkpoint::{Reader, Writer};
use super::looks::Looks;
use super::{EncodedSet, Fit, FitError, FitOptions, Step, network_init};
use crate::Random;

/// A loss beyond this has diverged: ten thousand standard deviations of the label off.
const DIVERGED: f64 = 1e8;

/// Steps between two updates of the weights' moving average.
const AVERAGE_EVERY: u64 = 10;

/// A fit under way, from one look at the eval split to the next.
///
/// [`super::fit`] is all of it at once; this is for who wants to keep it in between.
#[derive(Debug)]
pub struct Training<'a> {
    options: &'a FitOptions,
    steps: u64,
    network: Network,
    adam: Adam,
    average: Average,
    backward: Backward,
    batches: Batches<'a>,
    looks: Looks<'a>,
}

impl<'a> Training<'a> {
    /// Begins with a network of random weights, and a look at it.
    pub fn new(
        train: &'a EncodedSet,
        eval: &'a EncodedSet,
        options: &'a FitOptions,
    ) -> Result<Self, FitError> {
        check(train, eval, options)?;
        let mut random = Random::new(options.seed);
        let network =
            network_init::initial_network(train.width(), &options.hidden_units, &mut random);
        Ok(Self {
            options,
            steps: 0,
            adam: Adam::new(&network, options.weight_decay),
            average: Average::new(&network, options.average_decay),
            backward: Backward::new(&network),
            batches: Batches::new(train, options.batch_size, random),
            looks: Looks::new(train, eval, &network, options.patience)?,
            network,
        })
    }

    /// Goes on from a [`checkpoint`](Self::checkpoint) of a training on the same sets with the
    /// same options, which it cannot tell from others of the same sizes.
    ///
    /// # Errors
    /// [`FitError::Checkpoint`] for bytes that are none of such a training.
    pub fn resume(
        train: &'a EncodedSet,
        eval: &'a EncodedSet,
        options: &'a FitOptions,
        checkpoint: &[u8],
    ) -> Result<Self, FitError> {
        let mut training = Self::new(train, eval, options)?;
        let mut from = Reader::new(checkpoint).ok_or(FitError::Checkpoint)?;
        training.restore(&mut from).ok_or(FitError::Checkpoint)?;
        training.batches.reload()?;
        Ok(training)
    }

    /// Trains until the next look; `false`, and nothing is done, where the fit is over.
    pub fn advance(&mut self) -> Result<bool, FitError> {
        let options = self.options;
        if self.steps >= options.train_steps || self.looks.stale() {
            return Ok(false);
        }
        let (mut losses, mut count) = (0.0, 0_u32);
        loop {
            let factor = options.schedule.factor(self.steps, options.train_steps);
            let (inputs, targets) = self.batches.next_batch()?;
            let loss = self.backward.run(&self.network, inputs, targets);
            self.steps += 1;
            diverged(self.steps, loss, options)?;
            let rate = options.learning_rate * factor;
            self.adam.step(rate, &self.backward, &mut self.network);
            (losses, count) = (losses + loss, count + 1);
            let look =
                self.steps.is_multiple_of(options.eval_every) || self.steps == options.train_steps;
            if look || self.steps.is_multiple_of(AVERAGE_EVERY) {
                self.average.update(self.steps, &self.network);
            }
            if look {
                let train_loss = losses / f64::from(count);
                let average = self.average.network();
                let eval_loss = self.looks.look(self.steps, train_loss, average)?;
                diverged(self.steps, eval_loss, options)?;
                return Ok(true);
            }
        }
    }

    /// All looks so far, the first at step 0.
    pub fn history(&self) -> &[Step] {
        self.looks.history()
    }

    /// The last look.
    pub fn last(&self) -> &Step {
        self.looks.last()
    }

    /// The fit as it is now.
    pub fn finish(self) -> Fit {
        self.looks.into_fit(self.steps)
    }

    /// Everything that [`resume`](Self::resume) needs to go on as if nothing had happened.
    pub fn checkpoint(&self) -> Vec<u8> {
        let mut to = Writer::new();
        to.whole(self.steps);
        to.network(&self.network);
        self.adam.save(&mut to);
        self.average.save(&mut to);
        self.batches.save(&mut to);
        self.looks.save(&mut to);
        to.finish()
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.steps = from.whole()?;
        from.network(&mut self.network)?;
        self.adam.restore(from)?;
        self.average.restore(from)?;
        self.batches.restore(from)?;
        self.looks.restore(from)?;
        from.is_empty().then_some(())
    }
}

pub(super) fn diverged(step: u64, loss: f64, options: &FitOptions) -> Result<(), FitError> {
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
