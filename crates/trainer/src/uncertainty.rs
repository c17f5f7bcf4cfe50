//! How sure a figure is: confidence in skill, and prediction intervals.

use artifacts::{Coverage, Encoding, IntervalScale, Intervals, Skill};

use crate::{
    Random,
    store::{Column, StoreError, each_block},
};

/// Probability of the confidence interval of a skill.
const CONFIDENCE: f64 = 0.95;
/// Resamples of the bootstrap.
const RESAMPLES: usize = 2000;
/// Part of the labels prediction intervals are made to hold.
const LEVEL: f64 = 0.9;

/// Rows up to which each is resampled by itself; of more, neighbours go together.
const CELLS: usize = 1 << 20;

/// Skill of `predictions` against the `naive` forecast, all of one length and oldest first.
///
/// The confidence interval is the percentile interval of a moving block bootstrap (Künsch 1989):
/// errors of neighbouring rows are alike, so whole blocks of n^(1/3) rows, but at least the
/// horizon's length, are drawn. Of more than a million rows, as few neighbours as make less than a
/// million cells stay together, and blocks are of whole cells. `None` where the naive forecast has
/// no error to improve on.
pub fn skill(
    predictions: &Column<f64>,
    naive: &Column<f64>,
    labels: &Column<f64>,
    horizon: u32,
) -> Result<Option<Skill>, StoreError> {
    skill_of_cells(predictions, naive, labels, horizon, CELLS)
}

fn skill_of_cells(
    predictions: &Column<f64>,
    naive: &Column<f64>,
    labels: &Column<f64>,
    horizon: u32,
    cells: usize,
) -> Result<Option<Skill>, StoreError> {
    let rows = labels.rows();
    let cell_rows = rows.div_ceil(cells);
    // Squared errors of the model and of the naive forecast, by cell and in all.
    let mut sums: Vec<(f64, f64)> = Vec::with_capacity(rows.div_ceil(cell_rows));
    let mut all = (0.0, 0.0);
    let mut row = 0;
    each_block([labels, predictions, naive], |[labels, model, naive]| {
        for ((label, model), naive) in labels.iter().zip(model).zip(naive) {
            let (model, naive) = ((model - label).powi(2), (naive - label).powi(2));
            all = (all.0 + model, all.1 + naive);
            match sums.last_mut() {
                Some(sum) if row % cell_rows > 0 => *sum = (sum.0 + model, sum.1 + naive),
                _ => sums.push((model, naive)),
            }
            row += 1;
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(bootstrap(all, &sums, rows, cell_rows, horizon))
}

fn bootstrap(
    all: (f64, f64),
    sums: &[(f64, f64)],
    rows: usize,
    cell_rows: usize,
    horizon: u32,
) -> Option<Skill> {
    let skill_of = |model: f64, naive: f64| (naive > 0.0).then(|| 1.0 - model / naive);
    let value = skill_of(all.0, all.1)?;
    let block = ((rows as f64).cbrt().ceil() as usize)
        .max(horizon as usize + 1)
        .div_ceil(cell_rows)
        .min(sums.len());
    let mut random = Random::new(0);
    let mut resample = || {
        let (mut total, mut drawn) = ((0.0, 0.0), 0);
        while drawn < sums.len() {
            let first = random.below((sums.len() - block + 1) as u64) as usize;
            for (model, naive) in &sums[first..first + block.min(sums.len() - drawn)] {
                total = (total.0 + model, total.1 + naive);
            }
            drawn += block;
        }
        skill_of(total.0, total.1)
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
    pub predictions: &'a Column<f64>,
    /// As many labels.
    pub labels: &'a Column<f64>,
}

impl Predicted<'_> {
    /// Gives `each` the distance of every label from its prediction, on a scale; not below 0.
    fn distances(&self, scale: IntervalScale, mut each: impl FnMut(f64)) -> Result<(), StoreError> {
        self.each(|prediction, label| {
            each(match scale {
                IntervalScale::Absolute => (label - prediction).abs(),
                IntervalScale::Logarithmic => (label / prediction).ln().abs(),
            });
        })
    }

    fn each(&self, mut each: impl FnMut(f64, f64)) -> Result<(), StoreError> {
        each_block([self.labels, self.predictions], |[labels, predictions]| {
            let rows = predictions.iter().zip(labels);
            rows.for_each(|(prediction, label)| each(*prediction, *label));
            Ok(())
        })
    }

    fn coverage(&self, intervals: &Intervals) -> Result<Coverage, StoreError> {
        let (mut inside, mut width) = (0.0, 0.0);
        self.each(|prediction, label| {
            let (low, high) = intervals.around(prediction);
            inside += f64::from((low..=high).contains(&label));
            width += high - low;
        })?;
        let rows = self.labels.rows() as f64;
        Ok(Coverage {
            coverage: inside / rows,
            mean_width: width / rows,
        })
    }
}

/// Split conformal intervals: the half width is the ⌈(n + 1) · level⌉-th smallest of the n eval
/// rows' errors, on the logarithm's scale for a label encoded so. `None` with fewer rows than
/// that rank, or where a logarithm has no value.
pub fn intervals(
    label: Encoding,
    eval: Predicted<'_>,
    test: Predicted<'_>,
) -> Result<Option<Intervals>, StoreError> {
    let scale = match label {
        Encoding::LogRatio => IntervalScale::Logarithmic,
        _ => IntervalScale::Absolute,
    };
    let rows = eval.labels.rows();
    let rank = ((rows as f64 + 1.0) * LEVEL).ceil() as usize;
    if rank == 0 || rank > rows {
        return Ok(None);
    }
    let half_width = smallest(rank, |each| eval.distances(scale, each))?;
    if !half_width.is_finite() {
        return Ok(None);
    }
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
    intervals.eval = eval.coverage(&intervals)?;
    intervals.test = test.coverage(&intervals)?;
    Ok(Some(intervals))
}

/// The `rank`-th smallest (from 1) of the numbers that each call of `pass` gives again, none below
/// 0; NaN counts as the largest. Exact, without keeping them: bits of such numbers are in the
/// numbers' order, so each of four passes counts sixteen of them.
fn smallest(
    rank: usize,
    mut pass: impl FnMut(&mut dyn FnMut(f64)) -> Result<(), StoreError>,
) -> Result<f64, StoreError> {
    let (mut found, mut before) = (0_u64, 0);
    for shift in [48, 32, 16, 0] {
        let mut counts = vec![0_usize; 1 << 16];
        pass(&mut |number| {
            let bits = number.to_bits();
            if (bits ^ found).checked_shr(shift + 16).unwrap_or(0) == 0 {
                counts[usize::from((bits >> shift) as u16)] += 1;
            }
        })?;
        for (part, count) in (0_u64..).zip(counts) {
            if before + count >= rank {
                found |= part << shift;
                break;
            }
            before += count;
        }
    }
    Ok(f64::from_bits(found))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column(values: &[f64]) -> Column<f64> {
        Column::held(1, values.to_vec())
    }

    fn skill(
        predictions: &[f64],
        naive: &[f64],
        labels: &[f64],
        horizon: u32,
        cells: usize,
    ) -> Option<Skill> {
        let [predictions, naive, labels] = [predictions, naive, labels].map(column);
        skill_of_cells(&predictions, &naive, &labels, horizon, cells).unwrap()
    }

    fn predicted<'a>(predictions: &'a Column<f64>, labels: &'a Column<f64>) -> Predicted<'a> {
        Predicted {
            predictions,
            labels,
        }
    }

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
        let better = skill(&forecast(2, 1.0), &naive, &labels, 1, CELLS).unwrap();
        assert!(better.is_shown(), "{better:?}");
        assert!(better.low < better.value && better.value < better.high);
        assert!((better.value - 0.75).abs() < 0.1, "{better:?}");
        let equal = skill(&forecast(3, 2.0), &naive, &labels, 1, CELLS).unwrap();
        assert!(!equal.is_shown() && equal.high > 0.0, "{equal:?}");
        assert_eq!(
            skill(&naive, &labels, &labels, 1, CELLS),
            None,
            "nothing to improve"
        );
        assert!(
            skill(&[1.0], &[2.0], &[1.5], 3, CELLS).is_some(),
            "a single row"
        );
        // Blocks of seven rows, of single rows or of pairs.
        let pairs = skill(&forecast(2, 1.0), &naive, &labels, 1, 150).unwrap();
        assert_eq!(pairs.value, better.value);
        assert!((pairs.low - better.low).abs() < 0.03, "{pairs:?}");
        assert!((pairs.high - better.high).abs() < 0.03, "{pairs:?}");
    }

    #[test]
    fn intervals_hold_their_share_of_rows_like_the_calibration_s() {
        let rows = |seed| -> (Vec<f64>, Vec<f64>) {
            let labels: Vec<f64> = noise(seed, 2000).iter().map(|e| (e + 5.0).exp()).collect();
            (vec![5.0_f64.exp(); 2000], labels)
        };
        let columns = |(p, y): (Vec<f64>, Vec<f64>)| (column(&p), column(&y));
        let ((p, y), (q, z)) = (columns(rows(1)), columns(rows(2)));
        for encoding in [Encoding::LogRatio, Encoding::Identity] {
            let found = intervals(encoding, predicted(&p, &y), predicted(&q, &z));
            let found = found.unwrap().unwrap();
            assert!((found.eval.coverage - 0.9).abs() < 1e-3, "{found:?}");
            assert!((found.test.coverage - 0.9).abs() < 0.03, "{found:?}");
            let (low, high) = found.around(5.0_f64.exp());
            assert!((found.test.mean_width - (high - low)).abs() < 1e-9);
        }
        let (p, y) = (p.slice(0..8), y.slice(0..8));
        let few = predicted(&p, &y);
        assert_eq!(intervals(Encoding::Identity, few, few).unwrap(), None);
    }

    proptest! {
        #[test]
        fn the_number_of_a_rank_is_that_of_the_sorted_list(
            bits in prop::collection::vec(any::<u64>(), 1..80),
            rank in 1..80_usize,
        ) {
            let mut numbers: Vec<f64> = bits.iter().map(|bits| f64::from_bits(*bits).abs()).collect();
            let rank = rank.min(numbers.len());
            let found = smallest(rank, |each| {
                for number in &numbers {
                    each(*number);
                }
                Ok(())
            });
            let found = found.unwrap();
            numbers.sort_by(f64::total_cmp);
            prop_assert_eq!(found.to_bits(), numbers[rank - 1].to_bits());
        }
    }
}
