//! The one matrix product everything else is made of.

use crate::instruction_set::InstructionSet;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Portable, Simd};

/// Rows of the largest tile; see [`Simd::VECTORS`].
const TILE_ROWS: usize = 6;

/// Multiply-adds for which a second thread is worth being woken up.
const PARALLEL_OPERATIONS: usize = 1 << 21;

/// `output = initial + left · right`, for a `rows` × `depth` left and a `depth` × `columns`
/// right matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<'a> {
    pub(crate) depth: usize,
    pub(crate) columns: usize,
    pub(crate) left: Left<'a>,
    /// `depth` × `columns`, row-major.
    pub(crate) right: &'a [f32],
    /// What each column's sums start from; 0 where there is nothing.
    pub(crate) initial: Option<&'a [f32]>,
}

/// The left matrix: element (row, k) is `data[row * row_stride + k * depth_stride]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) row_stride: usize,
    pub(crate) depth_stride: usize,
}

impl Product<'_> {
    /// Computes into `output`, `rows` × `columns`, on the fastest instruction set there is, on
    /// the threads of the current rayon pool when there is enough to do.
    pub(crate) fn run(&self, output: &mut [f32]) {
        let rows = output.len() / self.columns;
        let left = self.left.data.len();
        assert_eq!(left, rows * self.depth, "the left side is rows × depth");
        self.run_on(InstructionSet::detect(), output);
    }

    fn run_on(&self, instructions: InstructionSet, output: &mut [f32]) {
        let rows = output.len() / self.columns;
        if rows < 2 || rows * self.columns * self.depth < PARALLEL_OPERATIONS {
            return self.run_here(instructions, output);
        }
        self.split(instructions, rayon::current_num_threads(), output);
    }

    /// Shares the output's rows between `threads`. No element is computed by two of them, so
    /// its bits do not depend on how many there are.
    fn split(&self, instructions: InstructionSet, threads: usize, output: &mut [f32]) {
        let rows = output.len() / self.columns;
        if threads < 2 || rows < 2 {
            return self.run_here(instructions, output);
        }
        let upper = (rows / 2).next_multiple_of(TILE_ROWS).min(rows - 1);
        let (first, second) = output.split_at_mut(upper * self.columns);
        let data = &self.left.data[upper * self.left.row_stride..];
        let lower = Self {
            left: Left { data, ..self.left },
            ..*self
        };
        rayon::join(
            || self.split(instructions, threads.div_ceil(2), first),
            || lower.split(instructions, threads / 2, second),
        );
    }

    fn run_here(&self, instructions: InstructionSet, output: &mut [f32]) {
        let rows = output.len() / self.columns;
        self.check(rows, output);
        if rows == 0 {
            return;
        }
        match instructions {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value is only made where AVX-512F was detected; `check` passed.
            InstructionSet::Avx512 => unsafe { avx512(self, rows, output) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this value is only made where AVX2 and FMA were detected; `check` passed.
            InstructionSet::Avx2 => unsafe { avx2(self, rows, output) },
            // SAFETY: portable code needs no instruction set; `check` passed.
            InstructionSet::Portable => unsafe { tiles::<Portable>(self, rows, output) },
        }
    }

    /// Everything the unsafe code relies on.
    fn check(&self, rows: usize, output: &[f32]) {
        let Self {
            depth,
            columns,
            left,
            right,
            initial,
        } = self;
        assert!(
            *columns > 0 && output.len() == rows * columns,
            "output is rows × columns"
        );
        assert_eq!(
            right.len(),
            depth * columns,
            "the right side is depth × columns"
        );
        if let (Some(row), Some(k)) = (rows.checked_sub(1), depth.checked_sub(1)) {
            let last = row * left.row_stride + k * left.depth_stride;
            assert!(last < left.data.len(), "the left side has all rows");
        }
        if let Some(values) = initial {
            assert_eq!(values.len(), *columns, "one initial value for each column");
        }
    }
}

/// # Safety
/// The processor has AVX-512F, and `product.check(rows, output)` passes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(product: &Product, rows: usize, output: &mut [f32]) {
    // SAFETY: as the caller promises.
    unsafe { tiles::<Avx512>(product, rows, output) }
}

/// # Safety
/// The processor has AVX2 and FMA, and `product.check(rows, output)` passes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(product: &Product, rows: usize, output: &mut [f32]) {
    // SAFETY: as the caller promises.
    unsafe { tiles::<Avx2>(product, rows, output) }
}

/// Covers the output with tiles: columns in blocks of the widest tile, the rest in one narrower
/// tile whose last vector is partial; rows in tiles of nearly equal height.
///
/// # Safety
/// The processor has the instruction set of `S`, and `product.check(rows, output)` passes.
#[inline(always)]
unsafe fn tiles<S: Simd>(product: &Product, rows: usize, output: &mut [f32]) {
    if rows == 1 {
        // SAFETY: as the caller promises.
        return unsafe { single_row::<S>(product, output) };
    }
    let columns = product.columns;
    let width = S::VECTORS * S::LANES;
    let height = rows.div_ceil(rows.div_ceil(TILE_ROWS));
    let output = output.as_mut_ptr();
    for column in (0..columns).step_by(width) {
        let rest = columns - column;
        let (vectors, last) = if rest < width {
            (rest.div_ceil(S::LANES), (rest - 1) % S::LANES + 1)
        } else {
            (0, S::LANES)
        };
        for row in (0..rows).step_by(height) {
            let place = Place {
                row,
                column,
                output,
            };
            // SAFETY: the caller has the instruction set; the tile's rows and columns are in
            // the output, and `check` put the operands' elements in their slices.
            unsafe {
                let mask = S::mask(last);
                by_height::<S>(height.min(rows - row), vectors, product, &place, mask);
            }
        }
    }
}

/// Covers an output of one row. One row's sums leave registers free, so its tiles are wider: more of
/// the right side is read in one piece, which is what a single row's time goes into.
///
/// # Safety
/// The processor has the instruction set of `S`, and `product.check(1, output)` passes.
#[inline(always)]
unsafe fn single_row<S: Simd>(product: &Product, output: &mut [f32]) {
    macro_rules! tile {
        ($vectors:expr, $place:expr, $mask:expr, $($count:literal)+) => {
            match $vectors {
                // SAFETY: as the caller promises.
                $($count => unsafe { tile::<S, 1, $count, true>(product, $place, $mask) },)+
                _ => unreachable!("no row's tile is wider than ROW_VECTORS"),
            }
        };
    }
    let output = output.as_mut_ptr();
    for column in (0..product.columns).step_by(S::ROW_VECTORS * S::LANES) {
        let width = (product.columns - column).min(S::ROW_VECTORS * S::LANES);
        let place = Place {
            row: 0,
            column,
            output,
        };
        // SAFETY: the caller has the instruction set.
        let mask = unsafe { S::mask((width - 1) % S::LANES + 1) };
        tile!(width.div_ceil(S::LANES), &place, mask, 1 2 3 4 5 6 7 8 9 10 11 12);
    }
}

/// Upper left corner of a tile, and the output's first element.
struct Place {
    row: usize,
    column: usize,
    output: *mut f32,
}

/// Calls the tile of a height (1 to [`TILE_ROWS`]) and of a number of vectors, the last of them
/// partial; 0 stands for the full width.
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn by_height<S: Simd>(
    height: usize,
    vectors: usize,
    product: &Product,
    place: &Place,
    mask: S::Mask,
) {
    macro_rules! tile {
        ($($rows:literal)+) => {
            match height {
                // SAFETY: as the caller promises.
                $($rows => unsafe { by_width::<S, $rows>(vectors, product, place, mask) },)+
                _ => unreachable!("no tile is higher than TILE_ROWS"),
            }
        };
    }
    tile!(1 2 3 4 5 6);
}

/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn by_width<S: Simd, const ROWS: usize>(
    vectors: usize,
    product: &Product,
    place: &Place,
    mask: S::Mask,
) {
    // The widths beyond an instruction set's own are compiled away by the constant condition.
    // SAFETY: as the caller promises.
    unsafe {
        match vectors {
            0 if S::VECTORS == 2 => tile::<S, ROWS, 2, false>(product, place, mask),
            0 => tile::<S, ROWS, 4, false>(product, place, mask),
            1 => tile::<S, ROWS, 1, true>(product, place, mask),
            2 => tile::<S, ROWS, 2, true>(product, place, mask),
            3 if S::VECTORS > 2 => tile::<S, ROWS, 3, true>(product, place, mask),
            4 if S::VECTORS > 2 => tile::<S, ROWS, 4, true>(product, place, mask),
            _ => unreachable!("no tile is wider than VECTORS"),
        }
    }
}

/// One tile of `ROWS` rows and `VECTORS` vectors of columns, its sums in registers throughout.
///
/// # Safety
/// The processor has the instruction set of `S`; the tile's rows and columns (those of the mask
/// in its last vector, if `PARTIAL`) are in the output and in both operands.
#[inline(always)]
unsafe fn tile<S: Simd, const ROWS: usize, const VECTORS: usize, const PARTIAL: bool>(
    product: &Product,
    place: &Place,
    mask: S::Mask,
) {
    let Product {
        depth,
        columns,
        left,
        right,
        initial,
    } = *product;
    let Place {
        row,
        column,
        output,
    } = *place;
    // SAFETY: all elements are within the tile's rows and columns and the product's depth.
    unsafe {
        let load = |source: *const f32, vector: usize| {
            let source = source.add(vector * S::LANES);
            if PARTIAL && vector == VECTORS - 1 {
                S::load_partial(source, mask)
            } else {
                S::load(source)
            }
        };
        let output = output.add(row * columns + column);
        let mut sums = [[S::splat(0.0); VECTORS]; ROWS];
        if let Some(initial) = initial {
            for sums in &mut sums {
                for (vector, sum) in sums.iter_mut().enumerate() {
                    *sum = load(initial.as_ptr().add(column), vector);
                }
            }
        }
        let mut left_k = left.data.as_ptr().wrapping_add(row * left.row_stride);
        let mut right_k = right.as_ptr().wrapping_add(column);
        for _ in 0..depth {
            let mut factors = [S::splat(0.0); VECTORS];
            for (vector, factor) in factors.iter_mut().enumerate() {
                *factor = load(right_k, vector);
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let value = S::splat(*left_k.add(r * left.row_stride));
                for (sum, factor) in sums.iter_mut().zip(factors) {
                    *sum = S::fused_multiply_add(value, factor, *sum);
                }
            }
            left_k = left_k.wrapping_add(left.depth_stride);
            right_k = right_k.wrapping_add(columns);
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (vector, sum) in sums.into_iter().enumerate() {
                let target = output.add(r * columns + vector * S::LANES);
                if PARTIAL && vector == VECTORS - 1 {
                    S::store_partial(target, sum, mask);
                } else {
                    S::store(target, sum);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "product_tests.rs"]
mod tests;
