//! Ordinary least squares by Householder QR with column pivoting (Golub & Van Loan, *Matrix
//! Computations*, 4th ed., algorithm 5.4.1), in f64.
//!
//! More rows than a window holds are reduced on the way to the triangle of their own QR, which
//! stands for them (a sequential "tall skinny" QR: Demmel, Grigori, Hoemmen and Langou 2012).
//! Normal equations would square the condition number.

use crate::store::StoreError;

/// Why a least-squares fit is impossible.
#[derive(Debug, thiserror::Error)]
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
    /// The rows cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Bytes of the window.
const WINDOW: usize = 64 << 20;

/// A fitted linear function `intercept + Σ coefficientᵢ · xᵢ`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LeastSquares {
    coefficients: Vec<f64>,
    intercept: f64,
}

/// Columns whose remaining norm is below this part of their own norm are linear combinations of
/// the columns before them; their coefficient is 0.
const RANK_TOLERANCE: f64 = 1e-10;

/// Takes a row's values and its label.
type Take<'a> = dyn FnMut(&[f64], f64) + 'a;

impl LeastSquares {
    /// Fits labels on rows of `width` values with an intercept; `pass` gives each of the `rows`
    /// rows to what it is called with, in the same order every time. Columns that are linear
    /// combinations of others get the coefficient 0, as does a constant column.
    pub(super) fn fit(
        rows: usize,
        width: usize,
        pass: impl FnMut(&mut Take<'_>) -> Result<(), StoreError>,
    ) -> Result<Self, LeastSquaresError> {
        let window = (WINDOW / size_of::<f64>() / (width + 1)).max(4 * width);
        Self::fit_by_windows(rows, width, window, pass)
    }

    fn fit_by_windows(
        rows: usize,
        width: usize,
        window: usize,
        mut pass: impl FnMut(&mut Take<'_>) -> Result<(), StoreError>,
    ) -> Result<Self, LeastSquaresError> {
        if rows <= width {
            return Err(LeastSquaresError::TooFewRows {
                rows,
                unknowns: width + 1,
            });
        }
        let mut sums = Sums {
            values: vec![0.0; width],
            squares: vec![0.0; width],
            label: 0.0,
            rows: 0,
            not_finite: None,
        };
        pass(&mut |values, label| sums.add(values, label))?;
        if let Some(row) = sums.not_finite {
            return Err(LeastSquaresError::NotFinite { row });
        }
        // Centred, the intercept drops out of the system, which is far better conditioned so.
        let mean = |sum: &f64| sum / rows as f64;
        let means: Vec<f64> = sums.values.iter().map(mean).collect();
        let label_mean = mean(&sums.label);
        let scale: Vec<f64> = sums.squares.iter().map(|sum| sum.sqrt()).collect();
        let mut system = System {
            columns: vec![Vec::new(); width],
            y: Vec::new(),
            window,
        };
        pass(&mut |values, label| {
            let centred = values.iter().zip(&means).map(|(value, mean)| value - mean);
            system.add(centred, label - label_mean);
        })?;
        let coefficients = solve(system.columns, &scale, system.y);
        let shift: f64 = coefficients.iter().zip(&means).map(|(c, m)| c * m).sum();
        Ok(Self {
            coefficients,
            intercept: label_mean - shift,
        })
    }

    /// The prediction for a row.
    pub(super) fn predict(&self, row: &[f64]) -> f64 {
        let terms = row.iter().zip(&self.coefficients).map(|(x, c)| x * c);
        self.intercept + terms.sum::<f64>()
    }
}

/// Sums over rows.
struct Sums {
    values: Vec<f64>,
    squares: Vec<f64>,
    label: f64,
    rows: usize,
    /// The first row with a value that is no finite number, from 1.
    not_finite: Option<usize>,
}

impl Sums {
    fn add(&mut self, values: &[f64], label: f64) {
        self.rows += 1;
        if !(label.is_finite() && values.iter().all(|value| value.is_finite())) {
            self.not_finite.get_or_insert(self.rows);
        }
        self.label += label;
        for ((sum, square), value) in self.values.iter_mut().zip(&mut self.squares).zip(values) {
            *sum += value;
            *square += value * value;
        }
    }
}

/// A system of equations that stays as small as a window, and has the same least-squares solution
/// as all the rows.
struct System {
    columns: Vec<Vec<f64>>,
    y: Vec<f64>,
    window: usize,
}

impl System {
    fn add(&mut self, values: impl Iterator<Item = f64>, y: f64) {
        if self.y.len() == self.window {
            self.reduce();
        }
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(value);
        }
        self.y.push(y);
    }

    /// Leaves the triangle of the QR of what is there, a row for each column; what is left of `y`
    /// below it is the residual, which decides nothing.
    fn reduce(&mut self) {
        let width = self.columns.len();
        for step in 0..width {
            let (before, after) = self.columns.split_at_mut(step + 1);
            let Some((v, alpha)) = reflection(&before[step][step..]) else {
                continue;
            };
            before[step][step] = alpha;
            before[step][step + 1..].fill(0.0);
            for column in after {
                reflect(&v, &mut column[step..]);
            }
            reflect(&v, &mut self.y[step..]);
        }
        for column in self.columns.iter_mut().chain([&mut self.y]) {
            column.truncate(width);
        }
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
        let (v, alpha) = reflection(&columns[step][step..]).expect("something remains");
        diagonal.push(alpha);
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

/// The reflection `v = x − α e₁` that takes `x` to `α e₁`, with `α` of the sign opposite to `x₁`, so
/// that nothing cancels; none is needed for a vector of nothing.
fn reflection(x: &[f64]) -> Option<(Vec<f64>, f64)> {
    let length = norm(x);
    if length == 0.0 {
        return None;
    }
    let alpha = if x[0] > 0.0 { -length } else { length };
    let mut v = x.to_vec();
    v[0] -= alpha;
    Some((v, alpha))
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
    use proptest::prelude::*;

    use super::*;

    /// Fits by windows of so many rows.
    fn fit_by(
        window: usize,
        x: &[f64],
        width: usize,
        y: &[f64],
    ) -> Result<LeastSquares, LeastSquaresError> {
        LeastSquares::fit_by_windows(y.len(), width, window, |take| {
            let rows = x.chunks_exact(width).zip(y);
            rows.for_each(|(values, label)| take(values, *label));
            Ok(())
        })
    }

    fn fit(x: &[f64], width: usize, y: &[f64]) -> Result<LeastSquares, LeastSquaresError> {
        fit_by(usize::MAX, x, width, y)
    }

    fn predict(fit: &LeastSquares, x: &[f64], width: usize) -> Vec<f64> {
        x.chunks_exact(width).map(|row| fit.predict(row)).collect()
    }

    #[test]
    fn a_linear_function_is_found_again() {
        let x: Vec<f64> = (0..20)
            .flat_map(|i| [f64::from(i), f64::from(i * i % 7)])
            .collect();
        let y: Vec<f64> = x
            .chunks_exact(2)
            .map(|r| 3.0 - 2.0 * r[0] + 0.5 * r[1])
            .collect();
        let found = fit(&x, 2, &y).unwrap();
        for (value, wanted) in found
            .coefficients
            .iter()
            .chain([&found.intercept])
            .zip([-2.0, 0.5, 3.0])
        {
            assert!((value - wanted).abs() < 1e-12, "{value} is not {wanted}");
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
        let predictions = predict(&fit(&x, 3, &y).unwrap(), &x, 3);
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
        let (slim_fit, wide_fit) = (fit(&slim, 1, &y).unwrap(), fit(&wide, 3, &y).unwrap());
        let slim = predict(&slim_fit, &slim, 1);
        for (a, b) in slim.iter().zip(predict(&wide_fit, &wide, 3)) {
            assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        }
    }

    #[test]
    fn impossible_fits_are_refused() {
        let few = fit(&[1.0, 2.0, 3.0, 4.0], 2, &[1.0, 2.0]).unwrap_err();
        assert_eq!(
            few.to_string(),
            "least squares with 3 unknowns needs at least as many rows, found 2"
        );
        let nan = fit(&[1.0, f64::NAN, 3.0], 1, &[1.0, 2.0, 3.0]).unwrap_err();
        assert_eq!(
            nan.to_string(),
            "least squares: a value of row 2 is not a finite number"
        );
    }
    proptest! {
        #[test]
        fn what_windows_leave_has_the_same_solution(
            rows in prop::collection::vec(prop::array::uniform4(-100.0..100.0_f64), 20..120),
            window in 12..40_usize,
            repeat in any::<bool>(),
        ) {
            // The third column repeats the first, or adds something.
            let row = |row: &[f64; 4]| [row[0], row[1], if repeat { row[0] } else { row[2] }];
            let x: Vec<f64> = rows.iter().flat_map(row).collect();
            let y: Vec<f64> = rows.iter().map(|row| row[3] + 3.0 * row[1] - 50.0).collect();
            let whole = predict(&fit(&x, 3, &y).unwrap(), &x, 3);
            let reduced = predict(&fit_by(window, &x, 3, &y).unwrap(), &x, 3);
            for (whole, reduced) in whole.iter().zip(&reduced) {
                prop_assert!((whole - reduced).abs() < 1e-8, "{reduced} is not {whole}");
            }
        }
    }
}
