//! What a fit is told.

use super::FitError;

/// How to fit a network. [`FitOptions::default`] has the values that are good without tuning.
#[derive(Clone, Debug, PartialEq)]
pub struct FitOptions {
    /// Units of each hidden layer, first to last; none at all is a linear model.
    pub hidden_units: Vec<u32>,
    /// Adam's learning rate at the start; the schedule lowers it.
    pub learning_rate: f64,
    /// How the learning rate falls.
    pub schedule: Schedule,
    /// Rows in a step; at most the train rows are used.
    pub batch_size: usize,
    /// Optimizer steps.
    pub train_steps: u64,
    /// Steps between looks at the eval split.
    pub eval_every: u64,
    /// Early stopping: after so many looks in a row without a better eval loss fitting stops, and
    /// the weights of the best look are kept. `None`: all steps, and the last weights.
    pub patience: Option<u32>,
    /// Decoupled weight decay of the dense layers' weights, λ of `AdamW`.
    pub weight_decay: f64,
    /// Decay of the moving average of the weights that is evaluated and kept; 0: the weights
    /// themselves.
    pub average_decay: f64,
    /// Seed of the first weights and of the batches.
    pub seed: u64,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            hidden_units: vec![64, 32],
            learning_rate: 1e-3,
            schedule: Schedule::Cosine,
            batch_size: 20,
            train_steps: 5000,
            eval_every: 100,
            patience: None,
            weight_decay: 1e-2,
            average_decay: 0.998,
            seed: 0,
        }
    }
}

/// How the learning rate falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// It does not.
    Constant,
    /// Half a cosine from the whole rate to 0 at the last step (Loshchilov and Hutter 2017,
    /// without restarts).
    #[default]
    Cosine,
}

impl Schedule {
    /// The rate's factor at a step (from 0) of `steps`.
    pub(super) fn factor(self, step: u64, steps: u64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine => {
                let progress = step as f64 / steps as f64;
                f64::midpoint(1.0, (std::f64::consts::PI * progress).cos())
            }
        }
    }
}

impl FitOptions {
    /// Refuses values no fit can work with.
    pub fn check(&self) -> Result<(), FitError> {
        let option = |option, value: String, requirement| {
            Err(FitError::Option {
                option,
                value,
                requirement,
            })
        };
        let positive = self.learning_rate.is_finite() && self.learning_rate > 0.0;
        if !positive {
            return option(
                "learning_rate",
                self.learning_rate.to_string(),
                "a number above 0",
            );
        }
        let decay = self.weight_decay;
        if !(decay.is_finite() && decay >= 0.0 && decay * self.learning_rate < 1.0) {
            let requirement = "at least 0 and below 1 / learning_rate";
            return option("weight_decay", decay.to_string(), requirement);
        }
        if !(0.0..1.0).contains(&self.average_decay) {
            let requirement = "at least 0 and below 1";
            return option("average_decay", self.average_decay.to_string(), requirement);
        }
        if self.hidden_units.contains(&0) {
            return option(
                "hidden_units",
                format!("{:?}", self.hidden_units),
                "1 or more in each",
            );
        }
        if self.batch_size == 0 {
            return option("batch_size", "0".to_owned(), "at least 1");
        }
        if self.eval_every == 0 {
            return option("eval_every", "0".to_owned(), "at least 1");
        }
        Ok(())
    }
}
