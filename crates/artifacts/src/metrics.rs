//! `metrics.json`: what a model is worth, beside the baselines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Metrics of a trained model on the eval and test splits, in the label's raw unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// [`crate::FORMAT_VERSION`].
    pub version: u32,
    /// Unit of the label, for people, for example `USD`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    /// Key in `Evaluation::baselines` of the naive forecast, which the deployment gate uses
    /// unless told otherwise: `open_price`-like for horizon 0, `persistence` above.
    pub naive_baseline: String,
    /// On the eval split (looked at while fitting: early stopping, tuning).
    pub eval: Evaluation,
    /// On the test split (looked at once).
    pub test: Evaluation,
}

/// The model and the baselines on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The model's metrics.
    pub model: RegressionMetrics,
    /// Baselines by name, for example `naive_open`, `persistence`, `least_squares_raw`.
    pub baselines: BTreeMap<String, RegressionMetrics>,
}

/// Regression metrics over `count` rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegressionMetrics {
    /// Number of rows.
    pub count: u64,
    /// √(mean of squared errors), in the label's unit.
    pub root_mean_squared_error: f64,
    /// Mean of absolute errors, in the label's unit.
    pub mean_absolute_error: f64,
    /// Mean of |error / label|, as a fraction (0.01 = 1 %), over rows whose label is not 0.
    pub mean_absolute_percentage_error: f64,
    /// 1 − (sum of squared errors / sum of squared deviations from the label's mean); 0 when the
    /// label is constant, so that the value stays finite.
    pub r_squared: f64,
}
