//! Loops over elements: activation, sums and the optimizer's update.

/// `y = max(y, 0)`, element by element; a NaN stays a NaN, so that a diverged run shows.
pub fn relu(y: &mut [f32]) {
    for y in y {
        *y = if *y < 0.0 { 0.0 } else { *y };
    }
}

/// Zeroes `gradient` wherever the activation (the output of [`relu`]) is not above 0.
///
/// # Panics
/// When the lengths differ.
pub fn relu_gradient(activations: &[f32], gradient: &mut [f32]) {
    assert_eq!(
        activations.len(),
        gradient.len(),
        "one activation for each gradient"
    );
    for (activation, gradient) in activations.iter().zip(gradient) {
        *gradient = if *activation > 0.0 { *gradient } else { 0.0 };
    }
}

/// Sums each column of `rows`, a matrix with `sums.len()` columns, in row order.
pub fn column_sums(rows: &[f32], sums: &mut [f32]) {
    sums.fill(0.0);
    for row in rows.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

/// Writes the transpose of `source`, a matrix with `columns` columns, to `target`.
///
/// # Panics
/// When the lengths differ.
pub fn transpose(source: &[f32], columns: usize, target: &mut [f32]) {
    assert_eq!(source.len(), target.len(), "as many cells after as before");
    let rows = source.len() / columns;
    for (i, row) in source.chunks_exact(columns).enumerate() {
        for (j, value) in row.iter().enumerate() {
            target[j * rows + i] = *value;
        }
    }
}

/// Constants of one Adam step (Kingma & Ba 2015, algorithm 1) with decoupled weight decay
/// (Loshchilov & Hutter 2019, algorithm 2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Decay of the first moment, β₁.
    pub beta1: f32,
    /// Decay of the second moment, β₂.
    pub beta2: f32,
    /// Learning rate over the first moment's bias correction, α / (1 − β₁ᵗ).
    pub rate: f32,
    /// 1 / √(1 − β₂ᵗ): the second moment's bias correction.
    pub second_correction: f32,
    /// Added to the denominator, ε.
    pub epsilon: f32,
    /// What each parameter is multiplied by first, 1 − α·λ; 1 without weight decay.
    pub keep: f32,
}

/// One Adam step on `parameters`; `first` and `second` are the moments, zero before the first
/// step. Moments and gradients far too small to move a parameter become 0: left alone, those of
/// dead units decay into denormal numbers, which processors multiply many times more slowly.
///
/// # Panics
/// When the lengths differ.
pub fn adam(
    step: &AdamStep,
    gradients: &[f32],
    parameters: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let length = parameters.len();
    assert!(
        gradients.len() == length && first.len() == length && second.len() == length,
        "one gradient and two moments for each parameter"
    );
    for (((parameter, gradient), first), second) in
        parameters.iter_mut().zip(gradients).zip(first).zip(second)
    {
        let gradient = flush(*gradient, 1e-15);
        *first = flush(
            (1.0 - step.beta1).mul_add(gradient, step.beta1 * *first),
            1e-20,
        );
        let square = gradient * gradient;
        *second = flush(
            (1.0 - step.beta2).mul_add(square, step.beta2 * *second),
            1e-30,
        );
        let denominator = second.sqrt().mul_add(step.second_correction, step.epsilon);
        *parameter = (-step.rate).mul_add(*first / denominator, step.keep * *parameter);
    }
}

fn flush(value: f32, threshold: f32) -> f32 {
    if value.abs() < threshold { 0.0 } else { value }
}
