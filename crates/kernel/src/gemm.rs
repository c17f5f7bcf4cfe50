//! The three products of a dense layer.

/// `y = x · weights + bias`: `x` is rows × inputs, `weights` inputs × outputs, `bias` outputs,
/// `y` rows × outputs.
pub fn affine(x: &[f32], weights: &[f32], bias: &[f32], y: &mut [f32]) {
    for row in y.chunks_exact_mut(bias.len()) {
        row.copy_from_slice(bias);
    }
    add_product(x, weights, bias.len(), y);
}

/// `y += x · weights`: `x` is rows × inputs, `weights` inputs × outputs, `y` rows × outputs.
pub fn add_product(x: &[f32], weights: &[f32], outputs: usize, y: &mut [f32]) {
    let inputs = weights.len() / outputs;
    for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)) {
        for (x, w) in x.iter().zip(weights.chunks_exact(outputs)) {
            for (y, w) in y.iter_mut().zip(w) {
                *y = x.mul_add(*w, *y);
            }
        }
    }
}

/// `dw = xᵀ · dy`: `x` is rows × inputs, `dy` rows × outputs, `dw` inputs × outputs.
pub fn weight_gradient(x: &[f32], dy: &[f32], outputs: usize, dw: &mut [f32]) {
    let inputs = dw.len() / outputs;
    dw.fill(0.0);
    for (x, dy) in x.chunks_exact(inputs).zip(dy.chunks_exact(outputs)) {
        for (x, dw) in x.iter().zip(dw.chunks_exact_mut(outputs)) {
            for (dw, dy) in dw.iter_mut().zip(dy) {
                *dw = x.mul_add(*dy, *dw);
            }
        }
    }
}

/// `dx = dy · weightsᵀ`: `dy` is rows × outputs, `weights` inputs × outputs, `dx` rows × inputs.
/// `scratch` is working memory; reuse it to avoid allocation.
pub fn input_gradient(
    dy: &[f32],
    weights: &[f32],
    outputs: usize,
    dx: &mut [f32],
    _scratch: &mut Vec<f32>,
) {
    let inputs = weights.len() / outputs;
    for (dy, dx) in dy.chunks_exact(outputs).zip(dx.chunks_exact_mut(inputs)) {
        for (dx, w) in dx.iter_mut().zip(weights.chunks_exact(outputs)) {
            *dx = dy
                .iter()
                .zip(w)
                .fold(0.0, |sum, (dy, w)| dy.mul_add(*w, sum));
        }
    }
}
