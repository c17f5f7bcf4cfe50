//! The shape of a process, and the most likely one.

use super::{
    cholesky::{Cholesky, dot},
    matern,
};
use crate::{Random, search::sampling::normal};

/// Shape of the process, all as natural logarithms so that a search over them is unbounded.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::search) struct Shape {
    /// Length scale of each axis; a categorical axis counts distance 1 between any two values.
    pub(in crate::search) log_lengths: Vec<f64>,
    /// Noise variance as a part of the signal's.
    pub(in crate::search) log_noise: f64,
}

/// Prior on the shape, in logarithms: length scales around half the cube, little noise. Without
/// it, a handful of points allows absurd shapes.
const LENGTH_PRIOR: (f64, f64) = (-0.7, 0.5);
const NOISE_PRIOR: (f64, f64) = (-9.0, 2.0);

/// Shapes drawn from the prior where the search for the best one may begin: without an earlier
/// one to begin from, and with one.
const FIRST_DRAWS: usize = 8;
const DRAWS: usize = 2;
/// Steps of a search, and the gain of a step below which it ends.
const MOST_STEPS: usize = 30;
const LEAST_GAIN: f64 = 1e-3;
/// Longest step.
const LONGEST: f64 = 2.0;

/// What a noise variance is at least, so that a matrix with equal points can be factored.
const JITTER: f64 = 1e-9;

impl Shape {
    /// Variance of an observation at its own point.
    pub(super) fn diagonal(&self) -> f64 {
        1.0 + self.log_noise.exp() + JITTER
    }

    fn to_vector(&self) -> Vec<f64> {
        let mut vector = self.log_lengths.clone();
        vector.push(self.log_noise);
        vector
    }

    fn from_vector(vector: &[f64]) -> Self {
        let (log_noise, log_lengths) = vector.split_last().expect("the noise is always there");
        Self {
            log_lengths: log_lengths.to_vec(),
            log_noise: *log_noise,
        }
    }
}

/// The shape of largest posterior density for values `y` (mean 0) at `points`.
pub(super) fn fit(
    points: &[Vec<f64>],
    categorical: &[bool],
    y: &[f64],
    start: Option<&Shape>,
    random: &mut Random,
) -> Shape {
    let posterior = Posterior::new(points, categorical, y);
    let width = categorical.len();
    let mut starts = vec![[vec![LENGTH_PRIOR.0; width], vec![NOISE_PRIOR.0]].concat()];
    starts.extend(start.map(Shape::to_vector));
    let draws = if start.is_some() { DRAWS } else { FIRST_DRAWS };
    for _ in 0..draws {
        let mut draw = |(mean, deviation): (f64, f64)| mean + deviation * normal(random);
        let mut drawn: Vec<f64> = (0..width).map(|_| draw(LENGTH_PRIOR)).collect();
        drawn.push(draw(NOISE_PRIOR));
        starts.push(drawn);
    }
    let best = starts
        .into_iter()
        .map(|vector| (posterior.density(&vector), vector))
        .reduce(|best, other| if other.0 > best.0 { other } else { best })
        .map(|(_, vector)| vector)
        .expect("there is at least one start");
    Shape::from_vector(&ascend(&posterior, best))
}

/// Climbs to a local maximum by BFGS (Nocedal & Wright, *Numerical Optimization*, 2006,
/// algorithm 6.1) with steps halved until they gain.
fn ascend(posterior: &Posterior, mut at: Vec<f64>) -> Vec<f64> {
    let size = at.len();
    let Some((mut density, mut gradient)) = posterior.gradient(&at) else {
        return at;
    };
    // Of the negated function, so that it is positive definite.
    let mut inverse_hessian = identity(size, 0.1);
    for _ in 0..MOST_STEPS {
        let mut step: Vec<f64> = inverse_hessian
            .iter()
            .map(|row| dot(row, &gradient))
            .collect();
        if dot(&step, &gradient) <= 0.0 {
            inverse_hessian = identity(size, 0.1);
            step = gradient.iter().map(|slope| 0.1 * slope).collect();
        }
        let length = dot(&step, &step).sqrt();
        let mut factor = (LONGEST / length.max(f64::MIN_POSITIVE)).min(1.0);
        let promised = dot(&step, &gradient);
        let mut found = None;
        for _ in 0..8 {
            let next: Vec<f64> = at.iter().zip(&step).map(|(x, s)| x + factor * s).collect();
            match posterior.gradient(&next) {
                Some(there) if there.0 >= density + 1e-4 * factor * promised => {
                    found = Some((next, there));
                    break;
                }
                _ => factor *= 0.4,
            }
        }
        let Some((next, (next_density, next_gradient))) = found else {
            return at;
        };
        let gain = next_density - density;
        let moved: Vec<f64> = next.iter().zip(&at).map(|(a, b)| a - b).collect();
        let turned: Vec<f64> = gradient
            .iter()
            .zip(&next_gradient)
            .map(|(a, b)| a - b)
            .collect();
        update(&mut inverse_hessian, &moved, &turned);
        (at, density, gradient) = (next, next_density, next_gradient);
        if gain < LEAST_GAIN {
            break;
        }
    }
    at
}

fn identity(size: usize, scale: f64) -> Vec<Vec<f64>> {
    let row = |i| {
        (0..size)
            .map(|j| if i == j { scale } else { 0.0 })
            .collect()
    };
    (0..size).map(row).collect()
}

/// The BFGS update of an inverse Hessian; left as it was where the curvature is not positive.
fn update(inverse: &mut [Vec<f64>], moved: &[f64], turned: &[f64]) {
    let curvature = dot(moved, turned);
    if curvature <= 1e-12 {
        return;
    }
    let times: Vec<f64> = inverse.iter().map(|row| dot(row, turned)).collect();
    let scale = (1.0 + dot(turned, &times) / curvature) / curvature;
    for (i, row) in inverse.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            *value += scale * moved[i] * moved[j]
                - (times[i] * moved[j] + moved[i] * times[j]) / curvature;
        }
    }
}

/// The posterior density of shapes, given observations.
struct Posterior<'a> {
    y: &'a [f64],
    /// Squared distances along each axis, of all pairs in the order of a lower triangle without
    /// its diagonal.
    squares: Vec<Vec<f64>>,
}

impl<'a> Posterior<'a> {
    fn new(points: &[Vec<f64>], categorical: &[bool], y: &'a [f64]) -> Self {
        let pairs = || (0..points.len()).flat_map(|row| (0..row).map(move |column| (row, column)));
        let squares = (0..categorical.len()).map(|axis| {
            let square = |(row, column): (usize, usize)| {
                let (a, b) = (points[row][axis], points[column][axis]);
                if categorical[axis] {
                    f64::from(a != b)
                } else {
                    (a - b) * (a - b)
                }
            };
            pairs().map(square).collect()
        });
        Self {
            y,
            squares: squares.collect(),
        }
    }

    /// Scaled squared distances of all pairs.
    fn distances(&self, shape: &[f64]) -> Vec<f64> {
        let pairs = self.y.len() * self.y.len().saturating_sub(1) / 2;
        let mut sums = vec![0.0; pairs];
        for (squares, log_length) in self.squares.iter().zip(shape) {
            let factor = (-2.0 * log_length).exp();
            for (sum, square) in sums.iter_mut().zip(squares) {
                *sum += factor * square;
            }
        }
        sums
    }

    fn factor(&self, covariances: impl Iterator<Item = f64>, shape: &[f64]) -> Option<Cholesky> {
        let size = self.y.len();
        let diagonal = Shape::from_vector(shape).diagonal();
        let mut lower = Vec::with_capacity(size * (size + 1) / 2);
        let mut covariances = covariances;
        for row in 0..size {
            lower.extend(covariances.by_ref().take(row));
            lower.push(diagonal);
        }
        Cholesky::new(lower, size)
    }

    /// Logarithm of the posterior density of a shape, up to a constant, with the signal's variance
    /// at its most likely value.
    fn density(&self, shape: &[f64]) -> f64 {
        let distances = self.distances(shape);
        let covariances = distances.into_iter().map(|square| matern(square).0);
        let Some(factor) = self.factor(covariances, shape) else {
            return f64::NEG_INFINITY;
        };
        let mut half = self.y.to_vec();
        factor.half_solve(&mut half);
        self.likelihood(&half, &factor) + prior(shape)
    }

    fn likelihood(&self, half: &[f64], factor: &Cholesky) -> f64 {
        -0.5 * self.y.len() as f64 * self.variance(half).ln() - factor.log_diagonal()
    }

    fn variance(&self, half: &[f64]) -> f64 {
        (dot(half, half) / self.y.len() as f64).max(f64::MIN_POSITIVE)
    }

    /// [`Self::density`] and its gradient; `None` where it is nothing.
    fn gradient(&self, shape: &[f64]) -> Option<(f64, Vec<f64>)> {
        let (covariances, slopes): (Vec<f64>, Vec<f64>) =
            self.distances(shape).into_iter().map(matern).unzip();
        let factor = self.factor(covariances.into_iter(), shape)?;
        let mut weights = self.y.to_vec();
        factor.half_solve(&mut weights);
        let density = self.likelihood(&weights, &factor) + prior(shape);
        let variance = self.variance(&weights);
        factor.other_half_solve(&mut weights);
        // Half of the derivative by each entry of the covariance matrix is (α αᵀ / σ² − K⁻¹) / 2;
        // a pair is two entries.
        let mut inverse = factor.inverse().into_iter();
        let mut by_distance = Vec::with_capacity(slopes.len());
        let mut by_diagonal = 0.0;
        let mut slopes = slopes.into_iter();
        for (row, weight) in weights.iter().enumerate() {
            let pairs = weights[..row].iter().zip(inverse.by_ref().take(row));
            by_distance.extend(
                pairs
                    .zip(slopes.by_ref())
                    .map(|((other, inverse), slope)| (weight * other / variance - inverse) * slope),
            );
            let own = inverse.next().unwrap_or_default();
            by_diagonal += 0.5 * (weight * weight / variance - own);
        }
        let mut gradient: Vec<f64> = self
            .squares
            .iter()
            .zip(shape)
            .map(|(squares, log_length)| {
                -2.0 * (-2.0 * log_length).exp() * dot(&by_distance, squares)
                    - slope_of_prior(*log_length, LENGTH_PRIOR)
            })
            .collect();
        let log_noise = shape[self.squares.len()];
        gradient.push(by_diagonal * log_noise.exp() - slope_of_prior(log_noise, NOISE_PRIOR));
        density.is_finite().then_some((density, gradient))
    }
}

/// Logarithm of the prior density, up to a constant.
fn prior(shape: &[f64]) -> f64 {
    let (log_noise, log_lengths) = shape.split_last().expect("the noise is always there");
    let of =
        |value: f64, (mean, deviation): (f64, f64)| -0.5 * ((value - mean) / deviation).powi(2);
    let lengths: f64 = log_lengths
        .iter()
        .map(|length| of(*length, LENGTH_PRIOR))
        .sum();
    lengths + of(*log_noise, NOISE_PRIOR)
}

/// What the prior takes off the density's slope.
fn slope_of_prior(value: f64, (mean, deviation): (f64, f64)) -> f64 {
    (value - mean) / (deviation * deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::sampling::stream;

    #[test]
    fn the_gradient_is_the_slope_of_the_density() {
        let mut random = stream(3, 1);
        let points: Vec<Vec<f64>> = (0..12)
            .map(|i| vec![random.uniform(), random.uniform(), f64::from(i % 3)])
            .collect();
        let y: Vec<f64> = points
            .iter()
            .map(|p| (5.0 * p[0]).sin() + p[1] * p[2])
            .collect();
        let posterior = Posterior::new(&points, &[false, false, true], &y);
        let shape = [-0.9, -0.3, 0.4, -4.0];
        let (density, gradient) = posterior.gradient(&shape).unwrap();
        assert!((density - posterior.density(&shape)).abs() < 1e-9);
        for axis in 0..shape.len() {
            let at = |change: f64| {
                let mut moved = shape;
                moved[axis] += change;
                posterior.density(&moved)
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            let found = gradient[axis];
            assert!(
                (found - slope).abs() < 1e-5 * slope.abs().max(1.0),
                "{axis}: {found} {slope}"
            );
        }
    }

    #[test]
    fn an_axis_that_does_not_matter_gets_a_longer_length_scale() {
        let mut random = stream(1, 1);
        let points: Vec<Vec<f64>> = (0..25)
            .map(|_| vec![random.uniform(), random.uniform()])
            .collect();
        let y: Vec<f64> = points.iter().map(|p| (6.0 * p[0]).sin()).collect();
        let shape = fit(&points, &[false, false], &y, None, &mut random);
        assert!(
            shape.log_lengths[1] > shape.log_lengths[0] + 0.5,
            "{shape:?}"
        );
    }
}
