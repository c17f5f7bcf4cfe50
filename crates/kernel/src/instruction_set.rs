//! Which vector instructions the processor has.

/// The instruction sets the kernels are compiled for. Held only where [`Self::is_available`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InstructionSet {
    /// 16 lanes and masks: `avx512f`.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 8 lanes: `avx2` and `fma`.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Whatever the compiler makes of `f32::mul_add`.
    Portable,
}

impl InstructionSet {
    /// All of them, fastest first.
    const ALL: &[Self] = &[
        #[cfg(target_arch = "x86_64")]
        Self::Avx512,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        Self::Portable,
    ];

    /// Those this processor has, fastest first.
    pub(crate) fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|set| set.is_available())
    }

    /// The fastest one this processor has; a look at a cached flag after the first call.
    pub(crate) fn detect() -> Self {
        Self::available().next().unwrap_or(Self::Portable)
    }

    fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Self::Portable => true,
        }
    }
}
