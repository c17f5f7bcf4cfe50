//! Golden rows: predictions a correct server reproduces.

use artifacts::Golden;

/// A prediction that is not the golden one.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum GoldenError {
    /// Another number of predictions than rows.
    #[error("{found} predictions came back for {expected} golden rows")]
    Count {
        /// Predictions made.
        found: usize,
        /// Golden rows.
        expected: usize,
    },
    /// A prediction outside the tolerance.
    #[error(
        "golden row {row} predicts {found}, golden.json says {expected} \
         (relative tolerance {tolerance})"
    )]
    Value {
        /// Index of the row, from 0.
        row: usize,
        /// The prediction made, in the label's unit.
        found: f64,
        /// The prediction recorded with the model.
        expected: f64,
        /// Largest relative difference allowed.
        tolerance: f64,
    },
}

/// Compares predictions with the golden ones, each within the relative tolerance.
pub(crate) fn compare(golden: &Golden, predictions: &[f64]) -> Result<(), GoldenError> {
    if predictions.len() != golden.predictions.len() {
        return Err(GoldenError::Count {
            found: predictions.len(),
            expected: golden.predictions.len(),
        });
    }
    let tolerance = golden.relative_tolerance;
    let pairs = golden.predictions.iter().zip(predictions);
    for (row, (&expected, &found)) in pairs.enumerate() {
        // Written so that NaN is a difference.
        let same = (found - expected).abs() <= tolerance * expected.abs();
        if !same {
            return Err(GoldenError::Value {
                row,
                found,
                expected,
                tolerance,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> Golden {
        Golden {
            version: 1,
            inputs: vec!["open".to_owned()],
            instances: vec![vec![1.0], vec![2.0]],
            predictions: vec![100.0, -200.0],
            relative_tolerance: 1e-5,
        }
    }

    #[test]
    fn a_difference_within_the_tolerance_passes() {
        assert_eq!(compare(&golden(), &[100.000_9, -200.001_9]), Ok(()));
    }

    #[test]
    fn a_difference_above_the_tolerance_names_the_row() {
        let error = compare(&golden(), &[100.0, -200.003]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "golden row 1 predicts -200.003, golden.json says -200 (relative tolerance 0.00001)"
        );
    }

    #[test]
    fn nan_and_a_missing_prediction_are_differences() {
        assert!(compare(&golden(), &[100.0, f64::NAN]).is_err());
        assert_eq!(
            compare(&golden(), &[100.0]).unwrap_err().to_string(),
            "1 predictions came back for 2 golden rows"
        );
    }
}
