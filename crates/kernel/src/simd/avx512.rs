//! AVX-512.

use std::arch::x86_64::{
    __m512, __mmask16, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_ps, _mm512_set1_ps, _mm512_storeu_ps,
};

use super::Simd;

/// 16 lanes; needs `avx512f`.
pub(crate) struct Avx512;

impl Simd for Avx512 {
    const LANES: usize = 16;
    // 6 rows × 4 vectors of sums, 4 vectors of the right side: 28 of 32 registers.
    const VECTORS: usize = 4;
    // 12 vectors of sums and 12 of the right side: 25 registers with the value.
    const ROW_VECTORS: usize = 12;
    type Vector = __m512;
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: the caller has AVX-512F.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(source: *const f32) -> __m512 {
        // SAFETY: the caller has AVX-512F and 16 readable elements.
        unsafe { _mm512_loadu_ps(source) }
    }

    #[inline(always)]
    unsafe fn store(target: *mut f32, vector: __m512) {
        // SAFETY: the caller has AVX-512F and 16 writable elements.
        unsafe { _mm512_storeu_ps(target, vector) }
    }

    #[inline(always)]
    unsafe fn fused_multiply_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the caller has AVX-512F.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn mask(count: usize) -> __mmask16 {
        ((1_u32 << count) - 1) as __mmask16
    }

    #[inline(always)]
    unsafe fn load_partial(source: *const f32, mask: __mmask16) -> __m512 {
        // SAFETY: the caller has AVX-512F; masked-off elements are not read.
        unsafe { _mm512_maskz_loadu_ps(mask, source) }
    }

    #[inline(always)]
    unsafe fn store_partial(target: *mut f32, vector: __m512, mask: __mmask16) {
        // SAFETY: the caller has AVX-512F; masked-off elements are not written.
        unsafe { _mm512_mask_storeu_ps(target, mask, vector) }
    }
}
