//! Dense f32 matrix kernels with the same bits on every thread count and instruction set.
//!
//! All matrices are row-major slices without padding. Every output element is one chain of fused
//! multiply-adds in the order of the summed index, starting from its initial value; instruction
//! sets and threads only decide which elements are computed side by side. That is what makes a
//! run repeat bit for bit.
//!
//! Functions panic where slice lengths do not fit together: shapes are the caller's invariant,
//! checked where a network is built, not data.

mod elementwise;
mod gemm;

pub use elementwise::{AdamStep, adam, column_sums, relu, relu_gradient, transpose};
pub use gemm::{add_product, affine, input_gradient, weight_gradient};
