//! Regression metrics, as every later step and report states them.

use artifacts::RegressionMetrics;

use crate::store::{Column, StoreError, each_block};

/// Metrics of `predictions` against `labels`, both in the label's raw unit and of one length.
///
/// # Panics
/// If there are no rows: a caller's mistake, not a property of data.
pub fn evaluate(
    predictions: &Column<f64>,
    labels: &Column<f64>,
) -> Result<RegressionMetrics, StoreError> {
    let mut errors = Errors::of(labels)?;
    each_block([labels, predictions], |[labels, predictions]| {
        for (prediction, label) in predictions.iter().zip(labels) {
            errors.add(*prediction, *label);
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(errors.metrics())
}

/// Sums of errors, to which predictions are added one after the other.
///
/// With `e = prediction − label`: RMSE `√(mean e²)`, MAE `mean |e|`, MAPE `mean |e / label|` over
/// the rows whose label is not 0 (0 if there is none), and the coefficient of determination
/// `R² = 1 − Σe² / Σ(label − mean)²`, 0 for a constant label so that it stays finite.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Errors {
    mean: f64,
    count: u64,
    squared: f64,
    absolute: f64,
    deviation: f64,
    relative: f64,
    relative_count: f64,
}

impl Errors {
    /// No errors yet, of predictions of these labels.
    pub(crate) fn of(labels: &Column<f64>) -> Result<Self, StoreError> {
        let mut sum = 0.0;
        each_block([labels], |[labels]| {
            for label in labels {
                sum += label;
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(Self {
            mean: sum / labels.rows() as f64,
            ..Self::default()
        })
    }

    /// Adds a prediction.
    pub(crate) fn add(&mut self, prediction: f64, label: f64) {
        let error = prediction - label;
        self.count += 1;
        self.squared += error * error;
        self.absolute += error.abs();
        self.deviation += (label - self.mean) * (label - self.mean);
        if label != 0.0 {
            self.relative += (error / label).abs();
            self.relative_count += 1.0;
        }
    }

    /// What they come to.
    ///
    /// # Panics
    /// If there are none.
    pub(crate) fn metrics(&self) -> RegressionMetrics {
        assert!(self.count > 0, "metrics of no rows");
        let count = self.count as f64;
        RegressionMetrics {
            count: self.count,
            root_mean_squared_error: (self.squared / count).sqrt(),
            mean_absolute_error: self.absolute / count,
            mean_absolute_percentage_error: if self.relative_count > 0.0 {
                self.relative / self.relative_count
            } else {
                0.0
            },
            r_squared: if self.deviation > 0.0 {
                1.0 - self.squared / self.deviation
            } else {
                0.0
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluate(predictions: &[f64], labels: &[f64]) -> RegressionMetrics {
        let column = |values: &[f64]| Column::held(1, values.to_vec());
        super::evaluate(&column(predictions), &column(labels)).unwrap()
    }

    #[test]
    fn the_definitions_hold_on_a_worked_example() {
        // errors 1, -2, 2; labels 1, 2, 6 (mean 3, deviations 4 + 1 + 9)
        let metrics = evaluate(&[2.0, 0.0, 8.0], &[1.0, 2.0, 6.0]);
        assert_eq!(metrics.count, 3);
        assert_eq!(metrics.root_mean_squared_error, 3.0_f64.sqrt());
        assert_eq!(metrics.mean_absolute_error, 5.0 / 3.0);
        assert!(
            (metrics.mean_absolute_percentage_error - (1.0 + 1.0 + 1.0 / 3.0) / 3.0).abs() < 1e-15
        );
        assert!((metrics.r_squared - (1.0 - 9.0 / 14.0)).abs() < 1e-15);
    }

    #[test]
    fn predicting_the_mean_has_no_r_squared_and_a_perfect_one_has_one() {
        let labels = [1.0, 2.0, 6.0];
        assert_eq!(evaluate(&[3.0; 3], &labels).r_squared, 0.0);
        assert_eq!(evaluate(&labels, &labels).r_squared, 1.0);
    }

    #[test]
    fn zero_and_constant_labels_stay_finite() {
        let metrics = evaluate(&[1.0, 1.0], &[0.0, 0.0]);
        assert_eq!(metrics.mean_absolute_percentage_error, 0.0);
        assert_eq!(metrics.r_squared, 0.0);
        assert_eq!(metrics.root_mean_squared_error, 1.0);
    }
}
