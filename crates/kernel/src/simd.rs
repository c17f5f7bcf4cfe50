//! What the product needs of an instruction set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use portable::Portable;

/// Vectors of [`Simd::LANES`] f32.
///
/// Implementations are `#[inline(always)]`: they take on the target features of the function
/// they end up in, which a trait's methods cannot declare themselves.
///
/// # Safety of the methods
/// All of them need a processor with the instruction set. Pointers need no alignment; a partial
/// load or store touches the lanes of its mask and no other memory.
pub(crate) trait Simd {
    /// Elements of a vector.
    const LANES: usize;
    /// Vectors side by side in the largest tile; its rows and these fill the registers.
    const VECTORS: usize;
    /// Vectors side by side in the tile of a single row; at most 12.
    const ROW_VECTORS: usize;
    /// A vector.
    type Vector: Copy;
    /// The first few lanes of a vector.
    type Mask: Copy;

    /// All lanes equal to `value`.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn splat(value: f32) -> Self::Vector;

    /// The elements at `source`.
    ///
    /// # Safety
    /// See the trait; `LANES` elements are readable.
    unsafe fn load(source: *const f32) -> Self::Vector;

    /// Writes all lanes to `target`.
    ///
    /// # Safety
    /// See the trait; `LANES` elements are writable.
    unsafe fn store(target: *mut f32, vector: Self::Vector);

    /// `a × b + c`, rounded once.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn fused_multiply_add(a: Self::Vector, b: Self::Vector, c: Self::Vector)
    -> Self::Vector;

    /// The first `count` lanes; `count` is at most `LANES`.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn mask(count: usize) -> Self::Mask;

    /// The elements at `source` in the mask's lanes, 0 in the others.
    ///
    /// # Safety
    /// See the trait; the mask's elements are readable.
    unsafe fn load_partial(source: *const f32, mask: Self::Mask) -> Self::Vector;

    /// Writes the mask's lanes to `target`.
    ///
    /// # Safety
    /// See the trait; the mask's elements are writable.
    unsafe fn store_partial(target: *mut f32, vector: Self::Vector, mask: Self::Mask);
}
