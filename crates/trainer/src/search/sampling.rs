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

/// Point `index` of a sequence that fills the unit cube evenly: the additive recurrence on
/// powers of the generalised golden ratio (Roberts, "The unreasonable effectiveness of
/// quasirandom sequences", 2018), shifted at random by the seed.
pub(super) fn spread(seed: u64, index: usize, width: usize) -> Vec<f64> {
    // The root above 1 of x^(width + 1) = x + 1, by fixed-point iteration.
    let exponent = 1.0 / (width as f64 + 1.0);
    let root = (0..64).fold(2.0_f64, |x, _| (1.0 + x).powf(exponent));
    let mut shift = stream(seed, u64::MAX);
    (1..=width as i32)
        .map(|k| (shift.uniform() + (index as f64 + 1.0) * root.powi(-k)).fract())
        .collect()
}
