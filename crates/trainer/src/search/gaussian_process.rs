//! A Gaussian process with a Matérn 5/2 kernel, one length scale a parameter (Rasmussen &
//! Williams, *Gaussian Processes for Machine Learning*, 2006, chapters 2, 4.2 and 5.4).

mod cholesky;
mod shape;

use crate::Random;
use cholesky::{Cholesky, dot};
pub(super) use shape::Shape;

/// A process conditioned on observations.
#[derive(Clone, Debug)]
pub(super) struct GaussianProcess {
    /// The observed points, axis by axis.
    columns: Vec<Vec<f64>>,
    categorical: Vec<bool>,
    shape: Shape,
    /// One over the squared length scale of each axis.
    scales: Vec<f64>,
    factor: Cholesky,
    /// (K + noise)⁻¹ y
    weights: Vec<f64>,
    /// Variance of the signal.
    variance: f64,
}

impl GaussianProcess {
    /// The shape of largest posterior density for values `y` (mean 0) at `points`; the search for
    /// it begins at `start`, where there is one, or at what the prior likes.
    pub(super) fn fit_shape(
        points: &[Vec<f64>],
        categorical: &[bool],
        y: &[f64],
        start: Option<&Shape>,
        random: &mut Random,
    ) -> Shape {
        shape::fit(points, categorical, y, start, random)
    }

    /// The process of a shape through values `y` (mean 0) at `points`.
    pub(super) fn condition(
        points: &[Vec<f64>],
        categorical: &[bool],
        y: &[f64],
        shape: Shape,
    ) -> Option<Self> {
        let column = |axis: usize| points.iter().map(|point| point[axis]).collect();
        let mut process = Self {
            columns: (0..categorical.len()).map(column).collect(),
            categorical: categorical.to_vec(),
            scales: shape.log_lengths.iter().map(|l| (-2.0 * l).exp()).collect(),
            factor: Cholesky::new(Vec::new(), 0)?,
            weights: y.to_vec(),
            variance: 0.0,
            shape,
        };
        let mut lower = Vec::with_capacity(points.len() * (points.len() + 1) / 2);
        let mut row = Vec::new();
        for (index, point) in points.iter().enumerate() {
            process.covariances(point, index, &mut row);
            lower.append(&mut row);
            lower.push(process.shape.diagonal());
        }
        process.factor = Cholesky::new(lower, points.len())?;
        process.factor.half_solve(&mut process.weights);
        process.variance =
            (dot(&process.weights, &process.weights) / y.len() as f64).max(f64::MIN_POSITIVE);
        process.factor.other_half_solve(&mut process.weights);
        Some(process)
    }

    /// Covariances of `point` with the first `count` observed points.
    fn covariances(&self, point: &[f64], count: usize, into: &mut Vec<f64>) {
        into.clear();
        into.resize(count, 0.0);
        for (axis, column) in self.columns.iter().enumerate() {
            let (u, scale) = (point[axis], self.scales[axis]);
            if self.categorical[axis] {
                for (sum, other) in into.iter_mut().zip(column) {
                    *sum += if u == *other { 0.0 } else { scale };
                }
            } else {
                for (sum, other) in into.iter_mut().zip(column) {
                    *sum += (u - other) * (u - other) * scale;
                }
            }
        }
        for square in into {
            *square = matern(*square).0;
        }
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Mean of the signal at `point`; its covariances are left in `scratch` for
    /// [`Self::deviation`].
    pub(super) fn mean(&self, point: &[f64], scratch: &mut Vec<f64>) -> f64 {
        self.covariances(point, self.weights.len(), scratch);
        dot(scratch, &self.weights)
    }

    /// Standard deviation of the signal where `scratch` has the covariances.
    pub(super) fn deviation(&self, scratch: &mut [f64]) -> f64 {
        self.factor.half_solve(scratch);
        let part = (1.0 - dot(scratch, scratch)).max(1e-12);
        (self.variance * part).sqrt()
    }

    /// Standard deviation of the signal where nothing is known.
    pub(super) fn prior_deviation(&self) -> f64 {
        self.variance.sqrt()
    }

    /// Mean and standard deviation of an observation, noise and all, at `point`.
    pub(super) fn predict_observation(&self, point: &[f64]) -> (f64, f64) {
        let mut scratch = Vec::new();
        let mean = self.mean(point, &mut scratch);
        let deviation = self.deviation(&mut scratch);
        let noise = self.variance * self.shape.log_noise.exp();
        (mean, (deviation * deviation + noise).sqrt())
    }
}

/// Matérn 5/2 at a scaled squared distance r²: (1 + √5 r + 5/3 r²) exp(−√5 r), and its derivative
/// by r².
fn matern(square: f64) -> (f64, f64) {
    let scaled = (5.0 * square).sqrt();
    let falling = (-scaled).exp();
    (
        (1.0 + scaled + scaled * scaled / 3.0) * falling,
        -5.0 / 6.0 * (1.0 + scaled) * falling,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_passes_near_its_observations_and_is_unsure_elsewhere() {
        let points: Vec<Vec<f64>> = [0.0, 0.2, 0.4].iter().map(|x| vec![*x]).collect();
        let y = [1.0, -1.0, 0.0];
        let shape = Shape {
            log_lengths: vec![-1.0],
            log_noise: -12.0,
        };
        let process = GaussianProcess::condition(&points, &[false], &y, shape).unwrap();
        let mut scratch = Vec::new();
        let mean = process.mean(&[0.2], &mut scratch);
        let deviation = process.deviation(&mut scratch);
        assert!(
            (mean + 1.0).abs() < 1e-3 && deviation < 0.05,
            "{mean} ± {deviation}"
        );
        process.mean(&[1.0], &mut scratch);
        assert!(process.deviation(&mut scratch) > 0.5);
        assert!(process.deviation(&mut scratch) <= process.prior_deviation());
        let (_, unsure) = process.predict_observation(&[0.2]);
        assert!(unsure > deviation, "an observation has noise");
    }
}
