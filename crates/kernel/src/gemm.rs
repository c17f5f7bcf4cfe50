//! The products of a dense layer.

use crate::product::{Left, Product};
use crate::transpose;

/// `y = x · weights + bias`: `x` is rows × inputs, `weights` inputs × outputs, `bias` outputs,
/// `y` rows × outputs.
pub fn affine(x: &[f32], weights: &[f32], bias: &[f32], y: &mut [f32]) {
    forward(x, weights, bias.len(), Some(bias), y);
}

fn forward(x: &[f32], weights: &[f32], outputs: usize, initial: Option<&[f32]>, y: &mut [f32]) {
    let depth = weights.len() / outputs;
    let left = Left {
        data: x,
        row_stride: depth,
        depth_stride: 1,
    };
    Product {
        depth,
        columns: outputs,
        left,
        right: weights,
        initial,
    }
    .run(y);
}

/// `dw = xᵀ · dy`: `x` is rows × inputs, `dy` rows × outputs, `dw` inputs × outputs.
pub fn weight_gradient(x: &[f32], dy: &[f32], outputs: usize, dw: &mut [f32]) {
    let inputs = dw.len() / outputs;
    let depth = dy.len() / outputs;
    // A single output would leave all lanes but one empty; the product the other way around,
    // dyᵀ · x, has the same elements in the same order.
    let (left, right, columns) = if outputs == 1 {
        (dy, x, inputs)
    } else {
        (x, dy, outputs)
    };
    let left = Left {
        data: left,
        row_stride: 1,
        depth_stride: left.len() / depth.max(1),
    };
    Product {
        depth,
        columns,
        left,
        right,
        initial: None,
    }
    .run(dw);
}

/// `dx = dy · weightsᵀ`: `dy` is rows × outputs, `weights` inputs × outputs, `dx` rows × inputs.
/// `scratch` is working memory; reuse it to avoid allocation.
pub fn input_gradient(
    dy: &[f32],
    weights: &[f32],
    outputs: usize,
    dx: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    let rows = dy.len() / outputs;
    let inputs = weights.len() / outputs;
    if rows == 0 {
        return;
    }
    // Either the weights are transposed, or the batch is and its result back. Measured,
    // transposed weights are worth copying twice as much, for the product runs faster on them.
    // The bits are the same.
    if outputs == 1 || weights.len() <= 2 * rows * (inputs + outputs) {
        scratch.resize(weights.len(), 0.0);
        transpose(weights, outputs, scratch);
        return forward(dy, scratch, inputs, None, dx);
    }
    scratch.resize(dy.len() + dx.len(), 0.0);
    let (dy_transposed, dx_transposed) = scratch.split_at_mut(dy.len());
    transpose(dy, outputs, dy_transposed);
    forward(weights, dy_transposed, rows, None, dx_transposed);
    transpose(dx_transposed, rows, dx);
}

#[cfg(test)]
#[path = "gemm_tests.rs"]
mod tests;
