//! The looks at the eval split.

use model::Network;

use super::checkpoint::{Reader, Writer};
use super::encoded::{EncodedSet, Errors};
use super::{Fit, Step};
use crate::{Forward, store::StoreError};

/// The looks at the eval split, and the network to keep.
#[derive(Debug)]
pub(super) struct Looks<'a> {
    eval: &'a EncodedSet,
    forward: Forward,
    history: Vec<Step>,
    patience: Option<u32>,
    kept: Network,
    kept_look: usize,
}

impl<'a> Looks<'a> {
    pub(super) fn new(
        train: &EncodedSet,
        eval: &'a EncodedSet,
        network: &Network,
        patience: Option<u32>,
    ) -> Result<Self, StoreError> {
        let mut forward = Forward::default();
        let train_loss = train.loss(network, &mut forward)?;
        let mut looks = Self {
            eval,
            forward,
            history: Vec::new(),
            patience,
            kept: network.clone(),
            kept_look: 0,
        };
        looks.look(0, train_loss, network)?;
        Ok(looks)
    }

    /// Measures a network on the eval split, and keeps it unless an earlier one is to be
    /// preferred; returns its loss.
    pub(super) fn look(
        &mut self,
        step: u64,
        train_loss: f64,
        network: &Network,
    ) -> Result<f64, StoreError> {
        let Errors {
            loss: eval_loss,
            root_mean_squared,
            mean_absolute,
        } = self.eval.errors(network, &mut self.forward)?;
        self.history.push(Step {
            step,
            train_loss,
            eval_loss,
            eval_root_mean_squared_error: root_mean_squared,
            eval_mean_absolute_error: mean_absolute,
            parameters: network.parameters(),
        });
        if self.patience.is_none() || eval_loss < self.history[self.kept_look].eval_loss {
            self.kept.clone_from(network);
            self.kept_look = self.history.len() - 1;
        }
        Ok(eval_loss)
    }

    pub(super) fn last(&self) -> &Step {
        self.history.last().expect("the first look is at step 0")
    }

    /// Whether `patience` looks in a row brought nothing better.
    pub(super) fn stale(&self) -> bool {
        let since = self.history.len() - 1 - self.kept_look;
        self.patience
            .is_some_and(|patience| since >= patience as usize)
    }

    pub(super) fn into_fit(self, steps: u64) -> Fit {
        let kept_step = self.history[self.kept_look].step;
        Fit {
            network: self.kept,
            steps,
            kept_step,
            history: self.history,
        }
    }

    pub(super) fn history(&self) -> &[Step] {
        &self.history
    }

    pub(super) fn save(&self, to: &mut Writer) {
        to.whole(self.history.len() as u64);
        for look in &self.history {
            to.whole(look.step);
            to.real(look.train_loss);
            to.real(look.eval_loss);
            to.real(look.eval_root_mean_squared_error);
            to.real(look.eval_mean_absolute_error);
        }
        to.whole(self.kept_look as u64);
        to.network(&self.kept);
    }

    pub(super) fn restore(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let parameters = self.kept.parameters();
        self.history.clear();
        for _ in 0..from.whole()? {
            self.history.push(Step {
                step: from.whole()?,
                train_loss: from.real()?,
                eval_loss: from.real()?,
                eval_root_mean_squared_error: from.real()?,
                eval_mean_absolute_error: from.real()?,
                parameters,
            });
        }
        self.kept_look = usize::try_from(from.whole()?).ok()?;
        self.history.get(self.kept_look)?;
        from.network(&mut self.kept)
    }
}
