//! Expected improvement (Jones, Schonlau & Welch, 1998), and where it is largest.

use super::{
    effort::Effort,
    sampling::{Spread, normal},
    space::Space,
    surrogate::Surrogate,
};
use crate::Random;

/// Points of the cube that are looked at first.
const SPREAD_POINTS: usize = 384;
/// Best observed points, and how many points are looked at around each.
const CENTRES: usize = 3;
const AROUND: usize = 32;
/// Candidates that are improved step by step: the longest and the shortest step.
const REFINED: usize = 4;
const LONGEST: f64 = 0.1;
const SHORTEST: f64 = 2e-5;

/// The point of `space` with the largest expected improvement, for what it takes where that is
/// known, among those not proposed yet.
pub(super) fn maximise(
    surrogate: &Surrogate,
    space: &Space,
    effort: Option<&Effort>,
    proposed: &[Vec<f64>],
    random: &mut Random,
) -> Vec<f64> {
    let mut search = Search {
        surrogate,
        space,
        effort,
        proposed,
        scratch: Vec::new(),
    };
    let width = space.width();
    let seed = random.next_u64();
    let mut leaders: Vec<(f64, Vec<f64>)> = Vec::new();
    for point in Spread::new(seed, width).take(SPREAD_POINTS) {
        search.consider(&point, &mut leaders);
    }
    for centre in surrogate.ranking.iter().take(CENTRES) {
        for step in (0..AROUND).map(|i| 0.2 * (i as f64 + 1.0) / AROUND as f64) {
            let near: Vec<f64> = centre
                .iter()
                .map(|u| (u + step * normal(random)).clamp(0.0, 1.0))
                .collect();
            search.consider(&near, &mut leaders);
        }
    }
    let best = leaders
        .into_iter()
        .map(|(score, point)| search.refine(score, point))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, point)| point);
    best.unwrap_or_else(|| unproposed(space, proposed))
}

struct Search<'a> {
    surrogate: &'a Surrogate,
    space: &'a Space,
    effort: Option<&'a Effort>,
    proposed: &'a [Vec<f64>],
    scratch: Vec<f64>,
}

impl Search<'_> {
    /// Puts a point among the leaders, best first, where it belongs there.
    fn consider(&mut self, point: &[f64], leaders: &mut Vec<(f64, Vec<f64>)>) {
        let worst = match leaders.last() {
            Some((worst, _)) if leaders.len() == REFINED => *worst,
            _ => f64::NEG_INFINITY,
        };
        let point = self.space.snap(point);
        let Some(score) = self.score_above(worst, &point) else {
            return;
        };
        if leaders.iter().any(|(_, leader)| *leader == point) {
            return;
        }
        let place = leaders.partition_point(|(other, _)| *other >= score);
        leaders.insert(place, (score, point));
        leaders.truncate(REFINED);
    }

    /// Walks uphill along the axes, in shorter and shorter steps.
    fn refine(&mut self, mut best: f64, mut point: Vec<f64>) -> (f64, Vec<f64>) {
        let mut step = LONGEST;
        while step > SHORTEST {
            let mut moved_on = false;
            for axis in 0..point.len() {
                for change in [step, -step] {
                    let mut moved = point.clone();
                    moved[axis] = (moved[axis] + change).clamp(0.0, 1.0);
                    let moved = self.space.snap(&moved);
                    if let Some(score) = self.score_above(best, &moved) {
                        (best, point, moved_on) = (score, moved, true);
                        break;
                    }
                }
            }
            if !moved_on {
                step *= 0.4;
            }
        }
        (best, point)
    }

    /// The score of a point that was not proposed yet, if it is above `least`. The costly part of
    /// it, the deviation, is left out where even the largest deviation would not do.
    fn score_above(&mut self, least: f64, point: &Vec<f64>) -> Option<f64> {
        let takes = self
            .effort
            .map_or(0.0, |effort| effort.of(&self.space.parameters(point)).ln());
        let lowest = self.surrogate.lowest;
        let process = &self.surrogate.process;
        let mean = self.surrogate.mean(point, &mut self.scratch);
        let score = |deviation| log_expected_improvement(lowest, mean, deviation) - takes;
        if score(process.prior_deviation()) <= least {
            return None;
        }
        let score = score(process.deviation(&mut self.scratch));
        (score > least && !self.proposed.contains(point)).then_some(score)
    }
}

/// Any point not proposed yet: a finite space of which every candidate was.
pub(super) fn unproposed(space: &Space, proposed: &[Vec<f64>]) -> Vec<f64> {
    let points = (0..=proposed.len() as u64).map(|index| space.snap(&space.grid_point(index)));
    let mut new = points.filter(|point| !proposed.contains(point));
    new.next()
        .expect("ask() ends a study whose space is exhausted")
}

/// Logarithm of E[max(0, lowest − Y)] for Y ~ N(mean, deviation²): keeps its order where the
/// improvement itself underflows.
fn log_expected_improvement(lowest: f64, mean: f64, deviation: f64) -> f64 {
    let z = (lowest - mean) / deviation;
    let log_density = -0.5 * (z * z + std::f64::consts::TAU.ln());
    // φ(z) + z Φ(z); its asymptotic series where the two cancel.
    let log_part = if z > -5.0 {
        (log_density.exp() + z * normal_cdf(z)).ln()
    } else {
        log_density - 2.0 * (-z).ln() + (-3.0 / (z * z)).ln_1p()
    };
    deviation.ln() + log_part
}

/// Φ(z) = erfc(−z / √2) / 2, erfc by the rational Chebyshev fit of Press et al., *Numerical
/// Recipes* (2nd ed., section 6.2), relative error below 1.2e-7 everywhere.
pub(super) fn normal_cdf(z: f64) -> f64 {
    const COEFFICIENTS: [f64; 10] = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
        -1.265_512_23,
    ];
    let x = -z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let polynomial = COEFFICIENTS.iter().fold(0.0, |sum, c| sum * t + c);
    let erfc = t * (-x * x + polynomial).exp();
    0.5 * if x >= 0.0 { erfc } else { 2.0 - erfc }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_has_its_known_values() {
        for (z, wanted) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746),
            (-1.959_964, 0.025),
            (-4.0, 3.167_124e-5),
        ] {
            let found = normal_cdf(z);
            assert!(
                (found / wanted - 1.0).abs() < 1e-6,
                "Φ({z}) = {found}, not {wanted}"
            );
        }
    }

    #[test]
    fn expected_improvement_is_right_and_keeps_its_order_far_out() {
        // E[max(0, −Y)] for a standard normal is φ(0).
        let at_mean = log_expected_improvement(0.0, 0.0, 1.0);
        assert!((at_mean.exp() - 0.398_942_28).abs() < 1e-6);
        // The two branches meet.
        let (near, far) = (4.999_999, 5.000_001);
        let gap =
            log_expected_improvement(0.0, near, 1.0) - log_expected_improvement(0.0, far, 1.0);
        assert!(gap > 0.0 && gap < 0.05, "{gap}");
        assert!(
            log_expected_improvement(0.0, 60.0, 1.0) > log_expected_improvement(0.0, 61.0, 1.0)
        );
    }
}
