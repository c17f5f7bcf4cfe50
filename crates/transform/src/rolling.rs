//! Statistics over windows of rows.
//!
//! Each window is computed from its own values: an update from window to window would carry
//! rounding errors along the whole series, and a value would depend on where the series begins.

use crate::config::RollingStatistic;

/// The statistic over each window of `window` values, at the window's last value; `None` where a
/// window is not whole.
pub fn rolling(values: &[f64], window: usize, statistic: RollingStatistic) -> Vec<Option<f64>> {
    let before = (window - 1).min(values.len());
    let statistics = values
        .windows(window)
        .map(|values| Some(compute(values, statistic)));
    std::iter::repeat_n(None, before)
        .chain(statistics)
        .collect()
}

fn compute(values: &[f64], statistic: RollingStatistic) -> f64 {
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
    fn windows_end_at_their_row() {
        let values = [1.0, 2.0, 4.0, 3.0];
        let of = |statistic| rolling(&values, 3, statistic);
        assert_eq!(
            of(RollingStatistic::Mean),
            [None, None, Some(7.0 / 3.0), Some(3.0)]
        );
        assert_eq!(of(RollingStatistic::Std)[3], Some(1.0));
        assert_eq!(
            of(RollingStatistic::Min),
            [None, None, Some(1.0), Some(2.0)]
        );
        assert_eq!(
            of(RollingStatistic::Max),
            [None, None, Some(4.0), Some(4.0)]
        );
    }

    #[test]
    fn a_series_shorter_than_the_window_has_none() {
        assert_eq!(
            rolling(&[1.0, 2.0], 5, RollingStatistic::Mean),
            [None, None]
        );
    }
}
