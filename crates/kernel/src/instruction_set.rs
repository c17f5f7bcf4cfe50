//! Which vector instructions the processor has.

/// The instruction sets the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InstructionSet {
    /// 16 lanes, masks. Held only where `avx512f` was detected.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 8 lanes. Held only where `avx2` and `fma` were detected.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Whatever the compiler makes of `f32::mul_add`.
    Portable,
}

impl InstructionSet {
    /// The fastest one this processor has; a look at a cached flag after the first call.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// All that this processor has.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        match Self::detect() {
            Self::Avx512 => return vec![Self::Avx512, Self::Avx2, Self::Portable],
            Self::Avx2 => return vec![Self::Avx2, Self::Portable],
            Self::Portable => {}
        }
        vec![Self::Portable]
    }
}
