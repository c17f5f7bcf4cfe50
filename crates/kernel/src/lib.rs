//! Dense f32 matrix kernels with the same bits on every thread count and instruction set.
