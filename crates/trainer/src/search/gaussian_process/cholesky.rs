//! Cholesky factors of small matrices.

/// The lower factor L of a positive definite matrix L Lᵀ, row by row.
#[derive(Clone, Debug)]
pub(super) struct Cholesky {
    lower: Vec<f64>,
    size: usize,
}

/// Where a row of a packed lower triangle begins.
fn start(row: usize) -> usize {
    row * (row + 1) / 2
}

impl Cholesky {
    /// Factors a lower triangle in place; `None` where it is not positive definite.
    pub(super) fn new(mut lower: Vec<f64>, size: usize) -> Option<Self> {
        for row in 0..size {
            let (above, current) = lower.split_at_mut(start(row));
            for column in 0..row {
                let other = &above[start(column)..=start(column) + column];
                let sum = dot(&current[..column], &other[..column]);
                current[column] = (current[column] - sum) / other[column];
            }
            let rest = current[row] - dot(&current[..row], &current[..row]);
            if rest.is_nan() || rest <= 0.0 {
                return None;
            }
            current[row] = rest.sqrt();
        }
        Some(Self { lower, size })
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.lower[start(row)..start(row + 1)]
    }

    /// b becomes L⁻¹ b.
    pub(super) fn half_solve(&self, b: &mut [f64]) {
        for i in 0..self.size {
            let row = self.row(i);
            b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
        }
    }

    /// b becomes L⁻ᵀ b.
    pub(super) fn other_half_solve(&self, b: &mut [f64]) {
        for i in (0..self.size).rev() {
            let row = self.row(i);
            b[i] /= row[i];
            let (head, tail) = b.split_at_mut(i);
            for (value, factor) in head.iter_mut().zip(row) {
                *value -= factor * tail[0];
            }
        }
    }

    /// Half the logarithm of the determinant.
    pub(super) fn log_diagonal(&self) -> f64 {
        (0..self.size).map(|i| self.row(i)[i].ln()).sum()
    }

    /// (L Lᵀ)⁻¹, its lower triangle row by row.
    pub(super) fn inverse(&self) -> Vec<f64> {
        let size = self.size;
        // Row j holds column j of L⁻¹ from the diagonal on, so that all sums run along rows.
        let mut columns: Vec<Vec<f64>> = Vec::with_capacity(size);
        for j in 0..size {
            let mut column = Vec::with_capacity(size - j);
            column.push(1.0 / self.row(j)[j]);
            for i in j + 1..size {
                let row = self.row(i);
                column.push(-dot(&row[j..i], &column) / row[i]);
            }
            columns.push(column);
        }
        let mut inverse = Vec::with_capacity(self.lower.len());
        for i in 0..size {
            for j in 0..=i {
                inverse.push(dot(&columns[i], &columns[j][i - j..]));
            }
        }
        inverse
    }
}

/// Four sums at a time: one alone waits for each addition.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_fours, b_fours) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a_fours
        .remainder()
        .iter()
        .zip(&b[a.len() - a_fours.remainder().len()..])
        .map(|(a, b)| a * b)
        .sum();
    let mut sums = [0.0; 4];
    for (a, b) in a_fours.zip(b_fours) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_solves_its_system() {
        // [[4, 2, 1], [2, 5, 3], [1, 3, 6]] · [1, −2, 3] = [3, 1, 13]
        let factor = Cholesky::new(vec![4.0, 2.0, 5.0, 1.0, 3.0, 6.0], 3).unwrap();
        let mut found = vec![3.0, 1.0, 13.0];
        factor.half_solve(&mut found);
        factor.other_half_solve(&mut found);
        for (found, wanted) in found.iter().zip([1.0, -2.0, 3.0]) {
            assert!((found - wanted).abs() < 1e-12, "{found} is not {wanted}");
        }
        // The determinant is 67.
        assert!((2.0 * factor.log_diagonal() - 67_f64.ln()).abs() < 1e-12);
        let wanted = [21.0, -9.0, 23.0, 1.0, -10.0, 16.0].map(|x| x / 67.0);
        for (found, wanted) in factor.inverse().iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-12, "{found} is not {wanted}");
        }
        assert!(
            Cholesky::new(vec![1.0, 2.0, 1.0], 2).is_none(),
            "not positive definite"
        );
    }

    #[test]
    fn a_dot_product_of_any_length() {
        for length in 0..10_u32 {
            let a: Vec<f64> = (0..length).map(f64::from).collect();
            let wanted: f64 = a.iter().map(|x| x * x).sum();
            assert_eq!(dot(&a, &a), wanted);
        }
    }
}
