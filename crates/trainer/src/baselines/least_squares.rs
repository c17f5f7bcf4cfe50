//! Ordinary least squares by Householder QR with column pivoting (Golub & Van Loan, *Matrix
//! Computations*, 4th ed., algorithm 5.4.1), in f64.

/// Why a least-squares fit is impossible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeastSquaresError {
    /// More unknowns than rows: the solution would be arbitrary.
    #[error("least squares with {unknowns} unknowns needs at least as many rows, found {rows}")]
    TooFewRows {
        /// Rows given.
        rows: usize,
        /// Coefficients and the intercept.
        unknowns: usize,
    },
    /// A value (after encoding) is NaN or infinite.
    #[error("least squares: a value of row {row} is not a finite number")]
    NotFinite {
        /// The row, from 1.
        row: usize,
    },
}

/// A fitted linear function `intercept + Σ coefficientᵢ · xᵢ`.
#[derive(Clone, Debug, PartialEq)]
pub struct LeastSquares {
    coefficients: Vec<f64>,
    intercept: f64,
}

/// Columns whose remaining norm is below this part of their own norm are linear combinations of
/// the columns before them; their coefficient is 0.
const RANK_TOLERANCE: f64 = 1e-10;

impl LeastSquares {
    /// Fits `y` (length n) on `x` (n × `width`, row-major) with an intercept. Columns that are
    /// linear combinations of others get the coefficient 0, as does a constant column.
    pub fn fit(x: &[f64], width: usize, y: &[f64]) -> Result<Self, LeastSquaresError> {
        let rows = y.len();
        if rows <= width {
            return Err(LeastSquaresError::TooFewRows {
                rows,
                unknowns: width + 1,
            });
        }
        let finite = |row: usize| {
            y[row].is_finite()
                && x[row * width..(row + 1) * width]
                    .iter()
                    .all(|v| v.is_finite())
        };
        if let Some(row) = (0..rows).find(|&row| !finite(row)) {
            return Err(LeastSquaresError::NotFinite { row: row + 1 });
        }
        // Centred, the intercept drops out of the system, which is far better conditioned so.
        let mean = |column: &dyn Fn(usize) -> f64| (0..rows).map(column).sum::<f64>() / rows as f64;
        let means: Vec<f64> = (0..width).map(|j| mean(&|i| x[i * width + j])).collect();
        let y_mean = mean(&|i| y[i]);
        let columns: Vec<Vec<f64>> = (0..width)
            .map(|j| (0..rows).map(|i| x[i * width + j] - means[j]).collect())
            .collect();
        let scale: Vec<f64> = (0..width)
            .map(|j| {
                norm(
                    (0..rows)
                        .map(|i| x[i * width + j])
                        .collect::<Vec<_>>()
                        .as_slice(),
                )
            })
            .collect();
        let coefficients = solve(
            columns,
            &scale,
            y.iter().map(|value| value - y_mean).collect(),
        );
        let shift: f64 = coefficients.iter().zip(&means).map(|(c, m)| c * m).sum();
        Ok(Self {
            coefficients,
            intercept: y_mean - shift,
        })
    }

    /// Predictions for `x` (n × width, row-major).
    pub fn predict(&self, x: &[f64]) -> Vec<f64> {
        x.chunks_exact(self.coefficients.len())
            .map(|row| {
                self.intercept
                    + row
                        .iter()
                        .zip(&self.coefficients)
                        .map(|(x, c)| x * c)
                        .sum::<f64>()
            })
            .collect()
    }
}

/// The `b` that minimises ‖columns · b − y‖; `scale` is the size below which (times the
/// tolerance) what is left of a column counts as nothing.
fn solve(mut columns: Vec<Vec<f64>>, scale: &[f64], mut y: Vec<f64>) -> Vec<f64> {
    let width = columns.len();
    let mut order: Vec<usize> = (0..width).collect();
    let mut diagonal = Vec::with_capacity(width);
    for step in 0..width {
        let (pivot, remaining) = (step..width)
            .map(|j| {
                (
                    j,
                    norm(&columns[j][step..]) / scale[order[j]].max(f64::MIN_POSITIVE),
                )
            })
            .fold(
                (step, -1.0),
                |best, found| if found.1 > best.1 { found } else { best },
            );
        if remaining <= RANK_TOLERANCE {
            break;
        }
        columns.swap(step, pivot);
        order.swap(step, pivot);
        // The reflection v = x − α e₁ with α of the sign opposite to x₁, so nothing cancels.
        let length = norm(&columns[step][step..]);
        let alpha = if columns[step][step] > 0.0 {
            -length
        } else {
            length
        };
        diagonal.push(alpha);
        let mut v = columns[step][step..].to_vec();
        v[0] -= alpha;
        for column in &mut columns[step + 1..] {
            reflect(&v, &mut column[step..]);
        }
        reflect(&v, &mut y[step..]);
    }
    let mut solution = vec![0.0; width];
    for step in (0..diagonal.len()).rev() {
        let known: f64 = (step + 1..diagonal.len())
            .map(|j| columns[j][step] * solution[order[j]])
            .sum();
        solution[order[step]] = (y[step] - known) / diagonal[step];
    }
    solution
}

/// `target ← (I − 2 v vᵀ / vᵀv) target`
fn reflect(v: &[f64], target: &mut [f64]) {
    let factor = 2.0 * dot(v, target) / dot(v, v);
    for (t, v) in target.iter_mut().zip(v) {
        *t -= factor * v;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_function_is_found_again() {
        let x: Vec<f64> = (0..20)
            .flat_map(|i| [f64::from(i), f64::from(i * i % 7)])
            .collect();
        let y: Vec<f64> = x
            .chunks_exact(2)
            .map(|r| 3.0 - 2.0 * r[0] + 0.5 * r[1])
            .collect();
        let fit = LeastSquares::fit(&x, 2, &y).unwrap();
        for (found, wanted) in fit
            .coefficients
            .iter()
            .chain([&fit.intercept])
            .zip([-2.0, 0.5, 3.0])
        {
            assert!((found - wanted).abs() < 1e-12, "{found} is not {wanted}");
        }
    }

    #[test]
    fn the_residual_is_orthogonal_to_every_column() {
        let x: Vec<f64> = (0..60_u32)
            .map(|i| f64::from(i.wrapping_mul(2_654_435_761) >> 16))
            .collect();
        let y: Vec<f64> = (0..20_u32)
            .map(|i| f64::from(i.wrapping_mul(40_503) % 97))
            .collect();
        let predictions = LeastSquares::fit(&x, 3, &y).unwrap().predict(&x);
        let residual: Vec<f64> = y.iter().zip(&predictions).map(|(y, p)| y - p).collect();
        assert!(residual.iter().sum::<f64>().abs() < 1e-9);
        for column in 0..3 {
            let along: f64 = (0..20).map(|i| x[i * 3 + column] * residual[i]).sum();
            assert!(along.abs() < 1e-5, "column {column}: {along}");
        }
    }

    #[test]
    fn repeated_and_constant_columns_change_nothing() {
        let slim: Vec<f64> = (0..12).map(|i| f64::from(i * i)).collect();
        let y: Vec<f64> = (0..12).map(|i| f64::from(i * 5 % 7)).collect();
        let wide: Vec<f64> = slim.iter().flat_map(|v| [*v, 2.0 * v, 4711.0]).collect();
        let (slim_fit, wide_fit) = (
            LeastSquares::fit(&slim, 1, &y).unwrap(),
            LeastSquares::fit(&wide, 3, &y).unwrap(),
        );
        for (a, b) in slim_fit.predict(&slim).iter().zip(wide_fit.predict(&wide)) {
            assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        }
    }

    #[test]
    fn impossible_fits_are_refused() {
        let few = LeastSquares::fit(&[1.0, 2.0, 3.0, 4.0], 2, &[1.0, 2.0]).unwrap_err();
        assert_eq!(
            few.to_string(),
            "least squares with 3 unknowns needs at least as many rows, found 2"
        );
        let nan = LeastSquares::fit(&[1.0, f64::NAN, 3.0], 1, &[1.0, 2.0, 3.0]).unwrap_err();
        assert_eq!(
            nan.to_string(),
            "least squares: a value of row 2 is not a finite number"
        );
    }
}
