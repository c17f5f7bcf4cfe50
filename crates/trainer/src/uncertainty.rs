//! How sure a figure is: confidence in skill, and prediction intervals.

use artifacts::{Coverage, Encoding, IntervalScale, Intervals, Skill};

use crate::Random;

/// Probability of the confidence interval of a skill.
const CONFIDENCE: f64 = 0.95;
/// Resamples of the bootstrap.
const RESAMPLES: usize = 2000;
/// Part of the labels prediction intervals are made to hold.
const LEVEL: f64 = 0.9;

/// Skill of `predictions` against the `naive` forecast, all of one length and oldest first.
///
/// The confidence interval is the percentile interval of a moving block bootstrap (Künsch 1989):
/// errors of neighbouring rows are alike, so whole blocks of n^(1/3) rows, but at least the
/// horizon's length, are drawn. `None` where the naive forecast has no error to improve on.
pub fn skill(predictions: &[f64], naive: &[f64], labels: &[f64], horizon: u32) -> Option<Skill> {
    let squares = |forecast: &[f64]| -> Vec<f64> {
        let errors = forecast.iter().zip(labels);
        errors.map(|(f, label)| (f - label).powi(2)).collect()
    };
    let (model, naive) = (squares(predictions), squares(naive));
    let skill_of = |model: f64, naive: f64| (naive > 0.0).then(|| 1.0 - model / naive);
    let value = skill_of(model.iter().sum(), naive.iter().sum())?;
    let rows = labels.len();
    let block = ((rows as f64).cbrt().ceil() as usize)
        .max(horizon as usize + 1)
        .min(rows);
    let mut random = Random::new(0);
    let mut resample = || {
        let (mut sums, mut drawn) = ((0.0, 0.0), 0);
        while drawn < rows {
            let first = random.below((rows - block + 1) as u64) as usize;
            for row in first..first + block.min(rows - drawn) {
                sums = (sums.0 + model[row], sums.1 + naive[row]);
            }
            drawn += block;
        }
        skill_of(sums.0, sums.1)
    };
    let mut skills: Vec<f64> = (0..RESAMPLES).filter_map(|_| resample()).collect();
    skills.sort_by(f64::total_cmp);
    let quantile =
        |q: f64| Some(*skills.get(((skills.len().checked_sub(1)?) as f64 * q) as usize)?);
    Some(Skill {
        value,
        low: quantile(0.5 - CONFIDENCE / 2.0)?,
        high: quantile(0.5 + CONFIDENCE / 2.0)?,
        confidence: CONFIDENCE,
    })
}

/// Predictions beside labels, both in the label's unit.
#[derive(Clone, Copy, Debug)]
pub struct Predicted<'a> {
    /// Predictions.
    pub predictions: &'a [f64],
    /// As many labels.
    pub labels: &'a [f64],
}

impl Predicted<'_> {
    /// Distance of each label from its prediction, on a scale.
    fn distances(&self, scale: IntervalScale) -> impl Iterator<Item = f64> {
        let pairs = self.predictions.iter().zip(self.labels);
        pairs.map(move |(prediction, label)| match scale {
            IntervalScale::Absolute => (label - prediction).abs(),
            IntervalScale::Logarithmic => (label / prediction).ln().abs(),
        })
    }

    fn coverage(&self, intervals: &Intervals) -> Coverage {
        let (mut inside, mut width) = (0.0, 0.0);
        for (prediction, label) in self.predictions.iter().zip(self.labels) {
            let (low, high) = intervals.around(*prediction);
            inside += f64::from((low..=high).contains(label));
            width += high - low;
        }
        let rows = self.labels.len() as f64;
        Coverage {
            coverage: inside / rows,
            mean_width: width / rows,
        }
    }
}

/// Split conformal intervals: the half width is the ⌈(n + 1) · level⌉-th smallest of the n eval
/// rows' errors, on the logarithm's scale for a label encoded so. `None` with fewer rows than
/// that rank, or where a logarithm has no value.
pub fn intervals(label: Encoding, eval: Predicted<'_>, test: Predicted<'_>) -> Option<Intervals> {
    let scale = match label {
        Encoding::LogRatio => IntervalScale::Logarithmic,
        _ => IntervalScale::Absolute,
    };
    let mut distances: Vec<f64> = eval.distances(scale).collect();
    distances.sort_by(f64::total_cmp);
    let rank = ((distances.len() as f64 + 1.0) * LEVEL).ceil() as usize;
    let half_width = *distances.get(rank.checked_sub(1)?)?;
    let empty = Coverage {
        coverage: 0.0,
        mean_width: 0.0,
    };
    let mut intervals = Intervals {
        level: LEVEL,
        scale,
        half_width,
        eval: empty,
        test: empty,
    };
    intervals.eval = eval.coverage(&intervals);
    intervals.test = test.coverage(&intervals);
    half_width.is_finite().then_some(intervals)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64, rows: usize) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..rows).map(|_| random.uniform() - 0.5).collect()
    }

    #[test]
    fn a_better_forecast_shows_skill_and_an_equal_one_does_not() {
        let labels = vec![100.0; 300];
        let forecast = |seed, size: f64| -> Vec<f64> {
            noise(seed, 300).iter().map(|e| 100.0 + size * e).collect()
        };
        let naive = forecast(1, 2.0);
        let better = skill(&forecast(2, 1.0), &naive, &labels, 1).unwrap();
        assert!(better.is_shown(), "{better:?}");
        assert!(better.low < better.value && better.value < better.high);
        assert!((better.value - 0.75).abs() < 0.1, "{better:?}");
        let equal = skill(&forecast(3, 2.0), &naive, &labels, 1).unwrap();
        assert!(!equal.is_shown() && equal.high > 0.0, "{equal:?}");
        assert_eq!(
            skill(&naive, &labels, &labels, 1),
            None,
            "nothing to improve"
        );
        assert!(skill(&[1.0], &[2.0], &[1.5], 3).is_some(), "a single row");
    }

    #[test]
    fn intervals_hold_their_share_of_rows_like_the_calibration_s() {
        let rows = |seed| -> (Vec<f64>, Vec<f64>) {
            let labels: Vec<f64> = noise(seed, 2000).iter().map(|e| (e + 5.0).exp()).collect();
            (vec![5.0_f64.exp(); 2000], labels)
        };
        let ((p, y), (q, z)) = (rows(1), rows(2));
        let predicted = |predictions, labels| Predicted {
            predictions,
            labels,
        };
        for encoding in [Encoding::LogRatio, Encoding::Identity] {
            let found = intervals(encoding, predicted(&p, &y), predicted(&q, &z)).unwrap();
            assert!((found.eval.coverage - 0.9).abs() < 1e-3, "{found:?}");
            assert!((found.test.coverage - 0.9).abs() < 0.03, "{found:?}");
            let (low, high) = found.around(p[0]);
            assert!((found.test.mean_width - (high - low)).abs() < 1e-9);
        }
        let few = predicted(&p[..8], &y[..8]);
        assert_eq!(intervals(Encoding::Identity, few, few), None);
    }
}
