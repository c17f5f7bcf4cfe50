//! Whether the rows that come in are like those the model was trained on.
//!
//! The last rows are counted into the bins of the train rows, input by input, and the two
//! distributions compared by the population stability index,
//!
//! ```text
//! PSI = Σ (aᵢ − eᵢ) · ln(aᵢ / eᵢ)    aᵢ: share of the last rows in bin i, eᵢ: of the train rows
//! ```
//!
//! (N. Siddiqi, *Credit Risk Scorecards*, 2006, with the customary reading: below 0.1 no change,
//! from 0.25 on a large one). Where nothing has changed, a window of `n` rows has an index of about
//! (bins − 1) / n (B. Yurdakul and J. Naranjo, *Statistical properties of the population stability
//! index*, 2020): 0.009 for ten bins and 1000 rows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use artifacts::InputDistribution;

/// An empty bin counts as this share: the logarithm of 0 is no number.
const LEAST_SHARE: f64 = 1e-4;

/// The window of one model.
#[derive(Debug)]
pub(crate) struct Drift {
    inputs: Vec<InputDistribution>,
    /// Rows in a full window.
    size: usize,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    /// Bins of the rows, row by row; the oldest row is overwritten by the next.
    bins: Vec<u8>,
    /// Rows in it.
    rows: usize,
    /// Place of the next row.
    next: usize,
    /// Rows in each bin of each input.
    counts: Vec<Vec<u32>>,
}

impl Drift {
    /// A window of `size` rows; none without rows or without distributions to compare with.
    pub(crate) fn new(inputs: &[InputDistribution], size: usize) -> Option<Self> {
        if inputs.is_empty() || size == 0 {
            return None;
        }
        let counts = inputs.iter().map(|input| vec![0; input.shares.len()]);
        let window = Window {
            bins: vec![0; size * inputs.len()],
            rows: 0,
            next: 0,
            counts: counts.collect(),
        };
        Some(Self {
            inputs: inputs.to_vec(),
            size,
            window: Mutex::new(window),
        })
    }

    /// Counts raw rows (n × inputs, row-major).
    pub(crate) fn observe(&self, rows: &[f32]) {
        let width = self.inputs.len();
        let rows = rows.chunks_exact(width);
        let too_many = rows.len().saturating_sub(self.size);
        let mut window = self.lock();
        let Window {
            bins,
            rows: filled,
            next,
            counts,
        } = &mut *window;
        for row in rows.skip(too_many) {
            let place = &mut bins[*next * width..][..width];
            for (((value, input), place), counts) in row
                .iter()
                .zip(&self.inputs)
                .zip(place)
                .zip(counts.iter_mut())
            {
                if *filled == self.size {
                    counts[usize::from(*place)] -= 1;
                }
                let bin = input.bin(*value);
                counts[bin] += 1;
                *place = bin as u8;
            }
            *filled = self.size.min(*filled + 1);
            *next = (*next + 1) % self.size;
        }
    }

    /// Rows in the window.
    pub(crate) fn rows(&self) -> usize {
        self.lock().rows
    }

    /// The inputs with their index, once the window is full.
    pub(crate) fn indices(&self) -> Vec<(String, f64)> {
        let window = self.lock();
        if window.rows < self.size {
            return vec![];
        }
        let inputs = self.inputs.iter().zip(&window.counts);
        inputs
            .map(|(input, counts)| {
                let index = stability(counts, self.size, &input.shares);
                (input.input.clone(), index)
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The population stability index of counts that add up to `rows`.
fn stability(counts: &[u32], rows: usize, shares: &[f64]) -> f64 {
    let terms = counts.iter().zip(shares).map(|(count, expected)| {
        let actual = (f64::from(*count) / rows as f64).max(LEAST_SHARE);
        let expected = expected.max(LEAST_SHARE);
        (actual - expected) * (actual / expected).ln()
    });
    terms.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two inputs: the numbers from 1 to 100, and a hundred times that.
    fn drift(size: usize) -> Drift {
        let of = |name, factor: f32| {
            let values = (1..=100).map(|value| factor * value as f32);
            InputDistribution::of(name, values.collect()).unwrap()
        };
        Drift::new(&[of("a", 1.0), of("b", 100.0)], size).unwrap()
    }

    /// The rows from `first` to `last`, of the same numbers.
    fn rows(first: u16, last: u16) -> Vec<f32> {
        let rows = (first..=last).map(f32::from);
        rows.flat_map(|value| [value, 100.0 * value]).collect()
    }

    #[test]
    fn the_index_is_the_textbooks() {
        // 0.2·ln 2 − 0.2·ln(0.3/0.5)
        let index = stability(&[40, 30, 30], 100, &[0.2, 0.5, 0.3]);
        let expected = 0.2 * 2.0_f64.ln() - 0.2 * (0.3_f64 / 0.5).ln();
        assert!((index - expected).abs() < 1e-12, "{index}");
    }

    #[test]
    fn like_rows_show_no_drift_and_others_do() {
        let drift = drift(100);
        drift.observe(&rows(1, 99));
        assert_eq!((drift.rows(), drift.indices()), (99, vec![]));
        drift.observe(&rows(100, 100));
        assert_eq!(
            drift.indices(),
            [("a".to_owned(), 0.0), ("b".to_owned(), 0.0)]
        );
        drift.observe(&rows(1001, 1050));
        let indices = drift.indices();
        assert_eq!(drift.rows(), 100);
        assert!(
            indices.iter().all(|(_, index)| *index > 0.25),
            "{indices:?}"
        );
        // The others have left the window again.
        drift.observe(&rows(1, 100));
        assert_eq!(drift.indices()[0].1, 0.0);
    }

    #[test]
    fn a_batch_larger_than_the_window_leaves_its_last_rows() {
        let (whole, last) = (drift(10), drift(10));
        whole.observe(&rows(1, 100));
        last.observe(&rows(91, 100));
        assert_eq!(whole.indices(), last.indices());
        assert!(whole.indices()[1].1 > 0.25);
    }

    #[test]
    fn nothing_to_compare_with_is_no_window() {
        assert!(Drift::new(&[], 10).is_none());
        assert!(Drift::new(&drift(1).inputs, 0).is_none());
    }
}
