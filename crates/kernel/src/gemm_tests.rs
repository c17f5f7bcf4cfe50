//! The layer's products against their definitions.

use super::*;

fn values(count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 37 + 11) % 101) as f32 / 17.0 - 3.0)
        .collect()
}

/// Shapes that take every branch: one output, small and large batches, no rows.
const SHAPES: [(usize, usize, usize); 6] = [
    (20, 2, 64),
    (20, 33, 7),
    (64, 9, 5),
    (100, 12, 1),
    (3, 5, 1),
    (0, 4, 3),
];

#[test]
fn affine_adds_the_bias() {
    for (rows, inputs, outputs) in SHAPES {
        let (x, w, bias) = (
            values(rows * inputs),
            values(inputs * outputs),
            values(outputs),
        );
        let mut y = vec![f32::NAN; rows * outputs];
        affine(&x, &w, &bias, &mut y);
        for (row, y) in y.chunks_exact(outputs).enumerate() {
            for (j, y) in y.iter().enumerate() {
                let term = |sum, k: usize| x[row * inputs + k].mul_add(w[k * outputs + j], sum);
                assert_eq!(*y, (0..inputs).fold(bias[j], term));
            }
        }
    }
}

#[test]
fn weight_gradient_sums_over_rows() {
    for (rows, inputs, outputs) in SHAPES {
        let (x, dy) = (values(rows * inputs), values(rows * outputs));
        let mut dw = vec![f32::NAN; inputs * outputs];
        weight_gradient(&x, &dy, outputs, &mut dw);
        for (i, dw) in dw.chunks_exact(outputs).enumerate() {
            for (j, dw) in dw.iter().enumerate() {
                let term = |sum, n: usize| x[n * inputs + i].mul_add(dy[n * outputs + j], sum);
                assert_eq!(*dw, (0..rows).fold(0.0, term));
            }
        }
    }
}

#[test]
fn input_gradient_sums_over_outputs() {
    let mut scratch = Vec::new();
    for (rows, inputs, outputs) in SHAPES {
        let (dy, w) = (values(rows * outputs), values(inputs * outputs));
        let mut dx = vec![f32::NAN; rows * inputs];
        input_gradient(&dy, &w, outputs, &mut dx, &mut scratch);
        for (row, dx) in dx.chunks_exact(inputs).enumerate() {
            for (i, dx) in dx.iter().enumerate() {
                let term = |sum, k: usize| dy[row * outputs + k].mul_add(w[i * outputs + k], sum);
                assert_eq!(*dx, (0..outputs).fold(0.0, term));
            }
        }
    }
}
