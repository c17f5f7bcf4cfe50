//! Dense f32 matrix kernels with the same bits on every thread count and instruction set.
//!
//! All matrices are row-major slices without padding. Every output element is one chain of fused
//! multiply-adds in the order of the summed index, starting from its initial value; instruction
//! sets and threads only decide which elements are computed side by side. That is what makes a
//! run repeat bit for bit.
//!
//! The instruction set is chosen at run time: AVX-512, AVX2 with FMA, or portable code, which is
//! fast where the target has a fused multiply-add (aarch64) and slow but equal where it has not.
//!
//! Functions panic where slice lengths do not fit together: shapes are the caller's invariant,
//! checked where a network is built, not data.
//!
//! This is the one crate of the workspace with `unsafe` code.

#![warn(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
#![allow(
    clippy::inline_always,
    reason = "generic code gets its instruction set from the function it is inlined into"
)]

mod elementwise;
mod gemm;
mod instruction_set;
mod product;
mod simd;

pub use elementwise::{AdamStep, adam, column_sums, move_average, relu, relu_gradient, transpose};
pub use gemm::{affine, input_gradient, weight_gradient};
