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
    /// Prediction intervals, where the eval split has rows enough to calibrate them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub intervals: Option<Intervals>,
}

impl Metrics {
    /// The model beside the baselines on both held-out splits, as a table of fixed width.
    pub fn to_text(&self) -> String {
        let unit = self.unit.as_deref().map(|unit| format!(" in {unit}"));
        let unit = unit.unwrap_or_default();
        let mut text = String::new();
        let mut row = |name: &str, [rmse, mae, mape, r_squared]: [&str; 4]| {
            text += &format!("{name:<32} {rmse:>10} {mae:>10} {mape:>10} {r_squared:>8}\n");
        };
        for (split, evaluation) in [("eval", &self.eval), ("test", &self.test)] {
            let title = format!("{split}, {} rows{unit}", evaluation.model.count);
            row(&title, RegressionMetrics::TITLES);
            let figures = evaluation.model.figures();
            row("  this model", figures.each_ref().map(String::as_str));
            for (name, baseline) in &evaluation.baselines {
                let figures = baseline.figures();
                let name = format!("  baseline {name}");
                row(&name, figures.each_ref().map(String::as_str));
            }
        }
        text
    }
}

/// A value in the label's unit as people read it: two decimals, and as many more as the first
/// three digits of a small one need.
///
/// ```
/// use artifacts::figure;
///
/// assert_eq!(figure(12345.678), "12345.68");
/// assert_eq!(figure(0.005953), "0.00595");
/// ```
pub fn figure(value: f64) -> String {
    let magnitude = value.abs().log10().floor();
    let decimals = if magnitude.is_finite() {
        (2.0 - magnitude).clamp(2.0, 12.0) as usize
    } else {
        2
    };
    format!("{value:.decimals$}")
}

/// The model and the baselines on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The model's metrics.
    pub model: RegressionMetrics,
    /// Baselines by name, for example `naive_open`, `persistence`, `least_squares_raw`.
    pub baselines: BTreeMap<String, RegressionMetrics>,
    /// How much better than the naive forecast the model is, and how sure that is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub skill: Option<Skill>,
}

/// Skill against the naive forecast: 1 − MSE of the model / MSE of the forecast. 1 is perfect, 0
/// no better, below 0 worse.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// On all rows.
    pub value: f64,
    /// Lower end of the confidence interval.
    pub low: f64,
    /// Upper end of the confidence interval.
    pub high: f64,
    /// Probability the interval is made for, for example 0.95.
    pub confidence: f64,
}

impl Skill {
    /// Whether the whole confidence interval lies above 0.
    pub fn is_shown(&self) -> bool {
        self.low > 0.0
    }
}

/// Prediction intervals by split conformal prediction (Vovk, Gammerman & Shafer 2005; Lei et al.
/// 2018): as wide as the eval split's errors ask for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// Part of the labels they are made to hold, for example 0.9.
    pub level: f64,
    /// How an interval lies around its prediction.
    pub scale: IntervalScale,
    /// Half an interval's width, on that scale.
    pub half_width: f64,
    /// On the eval split, which they were calibrated on.
    pub eval: Coverage,
    /// On the test split.
    pub test: Coverage,
}

impl Intervals {
    /// Lower and upper end around a prediction, in the label's unit.
    pub fn around(&self, prediction: f64) -> (f64, f64) {
        match self.scale {
            IntervalScale::Absolute => (prediction - self.half_width, prediction + self.half_width),
            IntervalScale::Logarithmic => {
                let factor = self.half_width.exp();
                (prediction / factor, prediction * factor)
            }
        }
    }
}

/// How an interval lies around its prediction `p`, with half width `h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalScale {
    /// `p − h` to `p + h`, in the label's unit.
    Absolute,
    /// `p · e⁻ʰ` to `p · eʰ`, for a label encoded as a logarithm.
    Logarithmic,
}

/// What intervals are worth on some rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Part of the labels inside their interval.
    pub coverage: f64,
    /// Mean width, in the label's unit.
    pub mean_width: f64,
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

impl RegressionMetrics {
    /// What [`RegressionMetrics::figures`] are called.
    pub const TITLES: [&str; 4] = ["RMSE", "MAE", "MAPE", "R²"];

    /// The four metrics as people read them, RMSE and MAE in the label's unit.
    pub fn figures(&self) -> [String; 4] {
        [
            figure(self.root_mean_squared_error),
            figure(self.mean_absolute_error),
            format!("{:.2} %", 100.0 * self.mean_absolute_percentage_error),
            format!("{:.4}", self.r_squared),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_keeps_three_digits_of_a_small_value() {
        for (value, text) in [
            (0.0, "0.00"),
            (217.674, "217.67"),
            (-5.016, "-5.02"),
            (0.58, "0.580"),
            (0.01124, "0.0112"),
            (1.5e-9, "0.00000000150"),
            (1e-30, "0.000000000000"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn the_table_has_the_model_beside_its_baselines() {
        let regression = |error| RegressionMetrics {
            count: 284,
            root_mean_squared_error: error,
            mean_absolute_error: error / 2.0,
            mean_absolute_percentage_error: 0.0104,
            r_squared: 0.9964,
        };
        let evaluation = Evaluation {
            model: regression(43.8),
            baselines: BTreeMap::from([("naive_open".to_owned(), regression(135.04))]),
            skill: None,
        };
        let metrics = Metrics {
            version: crate::FORMAT_VERSION,
            unit: Some("USD".to_owned()),
            naive_baseline: "naive_open".to_owned(),
            eval: evaluation.clone(),
            test: evaluation,
            intervals: None,
        };
        let split = |name| {
            format!(
                "{name}, 284 rows in USD                  RMSE        MAE       MAPE       R²\n  \
                 this model                          43.80      21.90     1.04 %   0.9964\n  \
                 baseline naive_open                135.04      67.52     1.04 %   0.9964\n"
            )
        };
        assert_eq!(metrics.to_text(), split("eval") + &split("test"));
    }
}
