//! Mean squared error.

/// Mean of the squared differences, in f64, summed in row order.
pub(super) fn mean_squared_error(outputs: &[f32], targets: &[f32]) -> f64 {
    let mut sum = 0.0;
    add_squared_errors(&mut sum, outputs, targets);
    sum / targets.len() as f64
}

/// Adds the squared differences to a sum, one after the other.
pub(super) fn add_squared_errors(sum: &mut f64, outputs: &[f32], targets: &[f32]) {
    for (output, target) in outputs.iter().zip(targets) {
        let error = f64::from(output - target);
        *sum += error * error;
    }
}

/// Its gradient by some of the outputs of a batch of `batch` rows: 2 (output − target) / batch.
pub(super) fn gradient(outputs: &[f32], targets: &[f32], batch: usize, gradient: &mut [f32]) {
    let factor = 2.0 / batch as f32;
    for ((gradient, output), target) in gradient.iter_mut().zip(outputs).zip(targets) {
        *gradient = factor * (output - target);
    }
}
