//! What is measured of a network at each look of a fit, by the names that studies use.

use std::str::FromStr;

use crate::Step;

/// Something a look at the eval split measures; smaller is always better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Root mean squared error on the eval split, in the label's unit.
    RootMeanSquaredError,
    /// Mean absolute error on the eval split, in the label's unit.
    MeanAbsoluteError,
    /// Weights and biases of the network.
    ParameterCount,
}

/// A name that is no measure's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected rmse (root_mean_squared_error), mae (mean_absolute_error) or parameter_count")]
pub struct UnknownMeasure;

impl FromStr for Measure {
    type Err = UnknownMeasure;

    fn from_str(name: &str) -> Result<Self, UnknownMeasure> {
        match name {
            "rmse" | "root_mean_squared_error" => Ok(Self::RootMeanSquaredError),
            "mae" | "mean_absolute_error" => Ok(Self::MeanAbsoluteError),
            "parameter_count" => Ok(Self::ParameterCount),
            _ => Err(UnknownMeasure),
        }
    }
}

impl Measure {
    /// Its value at a look.
    pub fn value(self, look: &Step) -> f64 {
        match self {
            Self::RootMeanSquaredError => look.eval_root_mean_squared_error,
            Self::MeanAbsoluteError => look.eval_mean_absolute_error,
            Self::ParameterCount => look.parameters as f64,
        }
    }
}
