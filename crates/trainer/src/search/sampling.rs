//! Points and random numbers of a study.

use crate::Random;

/// The stream of one trial; different trials of one seed have unrelated streams.
pub(super) fn stream(seed: u64, trial: u64) -> Random {
    let mut of_seed = Random::new(seed);
    Random::new(of_seed.next_u64().wrapping_add(trial))
}

/// Standard normal (Box and Muller 1958).
pub(super) fn normal(random: &mut Random) -> f64 {
    let radius = (-2.0 * (1.0 - random.uniform()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.uniform()).cos()
}

/// A sequence that fills the unit cube evenly: the additive recurrence on powers of the generalised
/// golden ratio (Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018), shifted
/// at random by the seed.
pub(super) struct Spread {
    shifts: Vec<f64>,
    steps: Vec<f64>,
    index: usize,
}

impl Spread {
    pub(super) fn new(seed: u64, width: usize) -> Self {
        // The root above 1 of x^(width + 1) = x + 1, by fixed-point iteration.
        let exponent = 1.0 / (width as f64 + 1.0);
        let root = (0..64).fold(2.0_f64, |x, _| (1.0 + x).powf(exponent));
        let mut shift = stream(seed, u64::MAX);
        Self {
            shifts: (0..width).map(|_| shift.uniform()).collect(),
            steps: (1..=width as i32).map(|k| root.powi(-k)).collect(),
            index: 0,
        }
    }

    /// Point `index` of the sequence, from 0.
    pub(super) fn point(&self, index: usize) -> Vec<f64> {
        let along = self.shifts.iter().zip(&self.steps);
        along
            .map(|(shift, step)| (shift + (index as f64 + 1.0) * step).fract())
            .collect()
    }
}

impl Iterator for Spread {
    type Item = Vec<f64>;

    fn next(&mut self) -> Option<Vec<f64>> {
        self.index += 1;
        Some(self.point(self.index - 1))
    }
}
