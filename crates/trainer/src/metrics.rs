//! Regression metrics, as every later step and report states them.

use artifacts::RegressionMetrics;

/// Metrics of `predictions` against `labels`, both in the label's raw unit and of one length.
///
/// With `e = prediction − label`: RMSE `√(mean e²)`, MAE `mean |e|`, MAPE `mean |e / label|` over
/// the rows whose label is not 0 (0 if there is none), and the coefficient of determination
/// `R² = 1 − Σe² / Σ(label − mean)²`, 0 for a constant label so that it stays finite.
///
/// # Panics
/// If the lengths differ or there are no rows: a caller's mistake, not a property of data.
pub fn evaluate(predictions: &[f64], labels: &[f64]) -> RegressionMetrics {
    assert_eq!(predictions.len(), labels.len(), "one prediction a label");
    assert!(!labels.is_empty(), "metrics of no rows");
    let count = labels.len() as f64;
    let mean = labels.iter().sum::<f64>() / count;
    let (mut squared, mut absolute, mut deviation) = (0.0, 0.0, 0.0);
    let (mut relative, mut relative_count) = (0.0, 0.0);
    for (prediction, label) in predictions.iter().zip(labels) {
        let error = prediction - label;
        squared += error * error;
        absolute += error.abs();
        deviation += (label - mean) * (label - mean);
        if *label != 0.0 {
            relative += (error / label).abs();
            relative_count += 1.0;
        }
    }
    RegressionMetrics {
        count: labels.len() as u64,
        root_mean_squared_error: (squared / count).sqrt(),
        mean_absolute_error: absolute / count,
        mean_absolute_percentage_error: if relative_count > 0.0 {
            relative / relative_count
        } else {
            0.0
        },
        r_squared: if deviation > 0.0 {
            1.0 - squared / deviation
        } else {
            0.0
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
