//! Statistics over windows of rows.
//!
//! Each window is computed from its own values: an update from window to window would carry
//! rounding errors along the whole series, and a value would depend on where the series begins.

use crate::config::RollingStatistic;

/// The statistic over the values of a window.
pub fn rolling(values: &[f64], statistic: RollingStatistic) -> f64 {
    let mean = || values.iter().sum::<f64>() / values.len() as f64;
    match statistic {
        RollingStatistic::Mean => mean(),
        RollingStatistic::Std => {
            let mean = mean();
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            (squares / (values.len() - 1) as f64).sqrt()
        }
        RollingStatistic::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        RollingStatistic::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statistic_is_that_of_its_window() {
        let of = |statistic| rolling(&[2.0, 4.0, 3.0], statistic);
        assert_eq!(of(RollingStatistic::Mean), 3.0);
        assert_eq!(of(RollingStatistic::Std), 1.0);
        assert_eq!(of(RollingStatistic::Min), 2.0);
        assert_eq!(of(RollingStatistic::Max), 4.0);
    }
}
