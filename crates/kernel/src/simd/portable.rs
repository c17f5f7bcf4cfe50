//! No instructions named: the compiler vectorises where the target can.

use std::array;

use super::Simd;

/// 4 lanes (a NEON register); needs nothing.
pub(crate) struct Portable;

impl Simd for Portable {
    const LANES: usize = 4;
    // 6 rows × 4 vectors of sums, 4 vectors of the right side: 28 of NEON's 32 registers.
    const VECTORS: usize = 4;
    const ROW_VECTORS: usize = 4;
    type Vector = [f32; 4];
    type Mask = usize;

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; 4] {
        [value; 4]
    }

    #[inline(always)]
    unsafe fn load(source: *const f32) -> [f32; 4] {
        // SAFETY: the caller has 4 readable elements; an array of f32 is aligned like one f32.
        unsafe { source.cast::<[f32; 4]>().read() }
    }

    #[inline(always)]
    unsafe fn store(target: *mut f32, vector: [f32; 4]) {
        // SAFETY: the caller has 4 writable elements; an array of f32 is aligned like one f32.
        unsafe { target.cast::<[f32; 4]>().write(vector) }
    }

    #[inline(always)]
    unsafe fn fused_multiply_add(a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }

    #[inline(always)]
    unsafe fn mask(count: usize) -> usize {
        count
    }

    #[inline(always)]
    unsafe fn load_partial(source: *const f32, mask: usize) -> [f32; 4] {
        array::from_fn(|lane| {
            if lane < mask {
                // SAFETY: the caller has `mask` readable elements.
                unsafe { *source.add(lane) }
            } else {
                0.0
            }
        })
    }

    #[inline(always)]
    unsafe fn store_partial(target: *mut f32, vector: [f32; 4], mask: usize) {
        for (lane, value) in vector.into_iter().enumerate().take(mask) {
            // SAFETY: the caller has `mask` writable elements.
            unsafe { *target.add(lane) = value }
        }
    }
}
