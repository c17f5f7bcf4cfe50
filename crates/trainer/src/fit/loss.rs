//! Mean squared error.

/// Mean of the squared differences, in f64, summed in row order.
pub(super) fn mean_squared_error(outputs: &[f32], targets: &[f32]) -> f64 {
    let squares = outputs.iter().zip(targets).map(|(output, target)| {
        let error = f64::from(output - target);
        error * error
    });
    squares.sum::<f64>() / targets.len() as f64
}

/// Its gradient by some of the outputs of a batch of `batch` rows: 2 (output − target) / batch.
pub(super) fn gradient(outputs: &[f32], targets: &[f32], batch: usize, gradient: &mut [f32]) {
    let factor = 2.0 / batch as f32;
    for ((gradient, output), target) in gradient.iter_mut().zip(outputs).zip(targets) {
        *gradient = factor * (output - target);
    }
}
