//! Loops over elements: activation, sums and the optimizer's update.
//!
//! They name no instructions. Each is compiled once for every instruction set and vectorised by
//! the compiler, which never changes a float's bits: the loops hold no sum across elements
//! except in a fixed order.

use crate::instruction_set::InstructionSet;

/// Defines a function together with its body compiled for each instruction set.
macro_rules! for_each_instruction_set {
    ($(#[$attribute:meta])* pub fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$attribute])*
        pub fn $name($($argument: $type),*) {
            $name::run(InstructionSet::detect(), $($argument),*);
        }

        mod $name {
            use super::*;

            pub(super) fn run(instructions: InstructionSet, $($argument: $type),*) {
                match instructions {
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: this value is only made where AVX-512F was detected.
                    InstructionSet::Avx512 => unsafe { avx512($($argument),*) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: this value is only made where AVX2 and FMA were detected.
                    InstructionSet::Avx2 => unsafe { avx2($($argument),*) },
                    InstructionSet::Portable => body($($argument),*),
                }
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            fn avx512($($argument: $type),*) {
                body($($argument),*);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $type),*) {
                body($($argument),*);
            }

            #[inline(always)]
            fn body($($argument: $type),*) $body
        }
    };
}

for_each_instruction_set! {
    /// `y = max(y, 0)`, element by element; a NaN stays a NaN, so that a diverged run shows.
    pub fn relu(y: &mut [f32]) {
        for y in y {
            *y = if *y < 0.0 { 0.0 } else { *y };
        }
    }
}

for_each_instruction_set! {
    /// Zeroes `gradient` wherever the activation (the output of [`relu`]) is not above 0.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn relu_gradient(activations: &[f32], gradient: &mut [f32]) {
        assert_eq!(activations.len(), gradient.len(), "one activation for each gradient");
        for (activation, gradient) in activations.iter().zip(gradient) {
            *gradient = if *activation > 0.0 { *gradient } else { 0.0 };
        }
    }
}

for_each_instruction_set! {
    /// Sums each column of `rows`, a matrix with `sums.len()` columns, in row order.
    pub fn column_sums(rows: &[f32], sums: &mut [f32]) {
        sums.fill(0.0);
        for row in rows.chunks_exact(sums.len()) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

for_each_instruction_set! {
    /// Moves each average towards its value by `share` of the distance: an exponential moving
    /// average with decay 1 − `share`.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn move_average(share: f32, values: &[f32], averages: &mut [f32]) {
        assert_eq!(values.len(), averages.len(), "one value for each average");
        for (value, average) in values.iter().zip(averages) {
            *average = share.mul_add(*value - *average, *average);
        }
    }
}

for_each_instruction_set! {
    /// One Adam step on `parameters`; `first` and `second` are the moments, zero before the
    /// first step. Moments and gradients far too small to move a parameter become 0: left alone,
    /// those of dead units decay into denormal numbers, which processors multiply many times
    /// more slowly.
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
        let AdamStep { beta1, beta2, rate, second_correction, epsilon, keep } = *step;
        for (((parameter, gradient), first), second) in
            parameters.iter_mut().zip(gradients).zip(first).zip(second)
        {
            let gradient = flush(*gradient, 1e-15);
            *first = flush((1.0 - beta1).mul_add(gradient, beta1 * *first), 1e-20);
            *second = flush((1.0 - beta2).mul_add(gradient * gradient, beta2 * *second), 1e-30);
            let denominator = second.sqrt().mul_add(second_correction, epsilon);
            *parameter = (-rate).mul_add(*first / denominator, keep * *parameter);
        }
    }
}

/// `value`, or 0 where it is smaller than `threshold`.
#[inline(always)]
fn flush(value: f32, threshold: f32) -> f32 {
    if value.abs() < threshold { 0.0 } else { value }
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

/// Writes the transpose of `source`, a matrix with `columns` columns, to `target`.
///
/// # Panics
/// When the lengths differ.
pub fn transpose(source: &[f32], columns: usize, target: &mut [f32]) {
    /// Side of the blocks the matrix is walked in, so that both sides stay in cache.
    const BLOCK: usize = 16;
    assert_eq!(
        source.len(),
        target.len(),
        "as many elements after as before"
    );
    let rows = source.len() / columns;
    for top in (0..rows).step_by(BLOCK) {
        let bottom = (top + BLOCK).min(rows);
        for left in (0..columns).step_by(BLOCK) {
            for column in left..(left + BLOCK).min(columns) {
                let target = &mut target[column * rows + top..column * rows + bottom];
                for (row, target) in (top..bottom).zip(target) {
                    *target = source[row * columns + column];
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "elementwise_tests.rs"]
mod tests;
