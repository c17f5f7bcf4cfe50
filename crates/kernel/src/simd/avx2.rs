//! AVX2 with FMA.

use std::arch::x86_64::{
    __m256, __m256i, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_maskload_ps,
    _mm256_maskstore_ps, _mm256_set1_ps, _mm256_storeu_ps,
};

use super::Simd;

/// 8 lanes; needs `avx2` and `fma`.
pub(crate) struct Avx2;

/// Eight elements from `8 - count` on have the sign bit in the first `count` lanes.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

impl Simd for Avx2 {
    const LANES: usize = 8;
    // 6 rows × 2 vectors of sums, 2 vectors of the right side, 1 of the left: 15 of 16 registers.
    const VECTORS: usize = 2;
    // 8 vectors of sums; those of the right side are read by the multiplications.
    const ROW_VECTORS: usize = 8;
    type Vector = __m256;
    type Mask = __m256i;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        // SAFETY: the caller has AVX2.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(source: *const f32) -> __m256 {
        // SAFETY: the caller has AVX2 and 8 readable elements.
        unsafe { _mm256_loadu_ps(source) }
    }

    #[inline(always)]
    unsafe fn store(target: *mut f32, vector: __m256) {
        // SAFETY: the caller has AVX2 and 8 writable elements.
        unsafe { _mm256_storeu_ps(target, vector) }
    }

    #[inline(always)]
    unsafe fn fused_multiply_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the caller has FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn mask(count: usize) -> __m256i {
        let lanes = &MASKS[Self::LANES - count..][..Self::LANES];
        // SAFETY: the caller has AVX2; `lanes` is 8 elements of 4 bytes.
        unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) }
    }

    #[inline(always)]
    unsafe fn load_partial(source: *const f32, mask: __m256i) -> __m256 {
        // SAFETY: the caller has AVX2; masked-off elements are not read.
        unsafe { _mm256_maskload_ps(source, mask) }
    }

    #[inline(always)]
    unsafe fn store_partial(target: *mut f32, vector: __m256, mask: __m256i) {
        // SAFETY: the caller has AVX2; masked-off elements are not written.
        unsafe { _mm256_maskstore_ps(target, mask, vector) }
    }
}
