//! A Gaussian process with a Matérn 5/2 kernel, one length scale a parameter (Rasmussen &
//! Williams, *Gaussian Processes for Machine Learning*, 2006, chapters 2, 4.2 and 5.4).

use super::sampling::normal;
use crate::Random;

/// Shape of the process, all as natural logarithms so that a search over them is unbounded.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Length scale of each axis; a categorical axis counts distance 1 between any two values.
    pub(super) log_lengths: Vec<f64>,
    /// Noise variance as a part of the signal's.
    pub(super) log_noise: f64,
}

/// Prior on the shape, in logarithms: length scales around half the cube, little noise. Without
/// it, a handful of points allows absurd shapes.
const LENGTH_PRIOR: (f64, f64) = (-0.7, 0.8);
const NOISE_PRIOR: (f64, f64) = (-6.0, 1.5);
/// Starting points of the search for the shape, and its shrinking steps.
const STARTS: usize = 8;
const STEPS: [f64; 5] = [1.0, 0.5, 0.25, 0.12, 0.06];

/// A process conditioned on observations.
#[derive(Clone, Debug)]
pub(super) struct GaussianProcess {
    points: Vec<Vec<f64>>,
    categorical: Vec<bool>,
    shape: Shape,
    factor: Cholesky,
    /// (K + noise)⁻¹ y
    weights: Vec<f64>,
    /// Variance of the signal.
    variance: f64,
}

impl GaussianProcess {
    /// The shape of largest posterior density for values `y` (mean 0) at `points`.
    pub(super) fn fit_shape(
        points: &[Vec<f64>],
        categorical: &[bool],
        y: &[f64],
        random: &mut Random,
    ) -> Shape {
        let width = categorical.len();
        let mut best: Option<(f64, Shape)> = None;
        for start in 0..STARTS {
            let spread = if start == 0 { 0.0 } else { 1.0 };
            let mut sample =
                |(mean, deviation): (f64, f64)| mean + spread * deviation * normal(random);
            let mut shape = Shape {
                log_lengths: (0..width).map(|_| sample(LENGTH_PRIOR)).collect(),
                log_noise: sample(NOISE_PRIOR),
            };
            let mut score = posterior(points, categorical, y, &shape);
            for step in STEPS {
                for axis in 0..=width {
                    for change in [step, -step] {
                        let mut candidate = shape.clone();
                        *candidate
                            .log_lengths
                            .get_mut(axis)
                            .unwrap_or(&mut candidate.log_noise) += change;
                        let found = posterior(points, categorical, y, &candidate);
                        if found > score {
                            (score, shape) = (found, candidate);
                            break;
                        }
                    }
                }
            }
            if best.as_ref().is_none_or(|(found, _)| score > *found) {
                best = Some((score, shape));
            }
        }
        best.expect("there is at least one start").1
    }

    /// The process of a shape through values `y` (mean 0) at `points`.
    pub(super) fn condition(
        points: Vec<Vec<f64>>,
        categorical: &[bool],
        y: &[f64],
        shape: Shape,
    ) -> Option<Self> {
        let factor = Cholesky::new(covariance(&points, categorical, &shape), points.len())?;
        let weights = factor.solve(y);
        let variance = (dot(y, &weights) / y.len() as f64).max(f64::MIN_POSITIVE);
        Some(Self {
            points,
            categorical: categorical.to_vec(),
            shape,
            factor,
            weights,
            variance,
        })
    }

    /// Mean and standard deviation of the signal at `point`.
    pub(super) fn predict(&self, point: &[f64]) -> (f64, f64) {
        let covariance: Vec<f64> = self
            .points
            .iter()
            .map(|other| kernel(point, other, &self.categorical, &self.shape.log_lengths))
            .collect();
        let mean = dot(&covariance, &self.weights);
        let explained = self.factor.half_solve(&covariance);
        let part = (1.0 - dot(&explained, &explained)).max(1e-12);
        (mean, (self.variance * part).sqrt())
    }
}

/// Logarithm of the posterior density of a shape, up to a constant, with the signal's variance
/// at its most likely value.
fn posterior(points: &[Vec<f64>], categorical: &[bool], y: &[f64], shape: &Shape) -> f64 {
    let Some(factor) = Cholesky::new(covariance(points, categorical, shape), y.len()) else {
        return f64::NEG_INFINITY;
    };
    let explained = factor.half_solve(y);
    let count = y.len() as f64;
    let variance = (dot(&explained, &explained) / count).max(f64::MIN_POSITIVE);
    let likelihood = -0.5 * count * variance.ln() - factor.log_diagonal();
    let prior =
        |value: f64, (mean, deviation): (f64, f64)| -0.5 * ((value - mean) / deviation).powi(2);
    let lengths: f64 = shape
        .log_lengths
        .iter()
        .map(|length| prior(*length, LENGTH_PRIOR))
        .sum();
    likelihood + lengths + prior(shape.log_noise, NOISE_PRIOR)
}

/// Lower triangle of kernel plus noise, row by row.
fn covariance(points: &[Vec<f64>], categorical: &[bool], shape: &Shape) -> Vec<f64> {
    let mut lower = Vec::with_capacity(points.len() * (points.len() + 1) / 2);
    for (row, point) in points.iter().enumerate() {
        for other in &points[..row] {
            lower.push(kernel(point, other, categorical, &shape.log_lengths));
        }
        lower.push(1.0 + shape.log_noise.exp() + 1e-9);
    }
    lower
}

/// Matérn 5/2: (1 + √5 r + 5/3 r²) exp(−√5 r), r the scaled distance.
fn kernel(a: &[f64], b: &[f64], categorical: &[bool], log_lengths: &[f64]) -> f64 {
    let mut squared = 0.0;
    for axis in 0..a.len() {
        let distance = if categorical[axis] {
            f64::from(a[axis] != b[axis])
        } else {
            a[axis] - b[axis]
        };
        squared += distance * distance * (-2.0 * log_lengths[axis]).exp();
    }
    let scaled = (5.0 * squared).sqrt();
    (1.0 + scaled + scaled * scaled / 3.0) * (-scaled).exp()
}

/// The lower factor L of a positive definite matrix L Lᵀ, row by row.
#[derive(Clone, Debug)]
struct Cholesky {
    lower: Vec<f64>,
    size: usize,
}

impl Cholesky {
    /// Factors a lower triangle in place; `None` where it is not positive definite.
    fn new(mut lower: Vec<f64>, size: usize) -> Option<Self> {
        let start = |row: usize| row * (row + 1) / 2;
        for row in 0..size {
            for column in 0..=row {
                let (a, b) = (start(row), start(column));
                let sum = dot(&lower[a..a + column], &lower[b..b + column]);
                let rest = lower[a + column] - sum;
                lower[a + column] = if column < row {
                    rest / lower[b + column]
                } else if rest > 0.0 {
                    rest.sqrt()
                } else {
                    return None;
                };
            }
        }
        Some(Self { lower, size })
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.lower[row * (row + 1) / 2..(row + 1) * (row + 2) / 2]
    }

    /// L⁻¹ b
    fn half_solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = Vec::with_capacity(self.size);
        for (i, value) in b.iter().enumerate() {
            let row = self.row(i);
            x.push((value - dot(&row[..i], &x)) / row[i]);
        }
        x
    }

    /// (L Lᵀ)⁻¹ b
    fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = self.half_solve(b);
        for i in (0..self.size).rev() {
            let row = self.row(i);
            x[i] /= row[i];
            let (head, tail) = x.split_at_mut(i);
            for (value, factor) in head.iter_mut().zip(row) {
                *value -= factor * tail[0];
            }
        }
        x
    }

    /// Half the logarithm of the determinant.
    fn log_diagonal(&self) -> f64 {
        (0..self.size).map(|i| self.row(i)[i].ln()).sum()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::sampling::stream;

    #[test]
    fn the_factor_solves_its_system() {
        // [[4, 2, 1], [2, 5, 3], [1, 3, 6]] · [1, −2, 3] = [3, 1, 13]
        let factor = Cholesky::new(vec![4.0, 2.0, 5.0, 1.0, 3.0, 6.0], 3).unwrap();
        for (found, wanted) in factor.solve(&[3.0, 1.0, 13.0]).iter().zip([1.0, -2.0, 3.0]) {
            assert!((found - wanted).abs() < 1e-12, "{found} is not {wanted}");
        }
        assert!(
            Cholesky::new(vec![1.0, 2.0, 1.0], 2).is_none(),
            "not positive definite"
        );
    }

    #[test]
    fn a_process_passes_near_its_observations_and_is_unsure_elsewhere() {
        let points: Vec<Vec<f64>> = [0.0, 0.2, 0.4].iter().map(|x| vec![*x]).collect();
        let y = [1.0, -1.0, 0.0];
        let shape = Shape {
            log_lengths: vec![-1.0],
            log_noise: -12.0,
        };
        let process = GaussianProcess::condition(points, &[false], &y, shape).unwrap();
        let (mean, deviation) = process.predict(&[0.2]);
        assert!(
            (mean + 1.0).abs() < 1e-3 && deviation < 0.05,
            "{mean} ± {deviation}"
        );
        assert!(process.predict(&[1.0]).1 > 0.5);
    }

    #[test]
    fn an_axis_that_does_not_matter_gets_a_longer_length_scale() {
        let mut random = stream(1, 1);
        let points: Vec<Vec<f64>> = (0..25)
            .map(|_| vec![random.uniform(), random.uniform()])
            .collect();
        let y: Vec<f64> = points.iter().map(|p| (6.0 * p[0]).sin()).collect();
        let shape = GaussianProcess::fit_shape(&points, &[false, false], &y, &mut random);
        assert!(
            shape.log_lengths[1] > shape.log_lengths[0] + 0.5,
            "{shape:?}"
        );
    }
}
