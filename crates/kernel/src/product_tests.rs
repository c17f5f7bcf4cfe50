//! Every instruction set and every split gives the bits of the naive loop.

use proptest::prelude::*;

use super::*;

/// Deterministic values of mixed sign and size, so that the order of additions shows.
fn values(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let value = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963);
        let bits = (state >> 40) as f32 / (1 << 24) as f32 - 0.5;
        bits * [1.0, 1e3, 1e-3][(state >> 33) as usize % 3]
    };
    (0..count).map(value).collect()
}

fn naive(product: &Product, rows: usize, output: &mut [f32]) {
    let Product {
        depth,
        columns,
        left,
        right,
        initial,
    } = *product;
    for row in 0..rows {
        for column in 0..columns {
            let cell = &mut output[row * columns + column];
            let mut sum = initial.map_or(0.0, |values| values[column]);
            for k in 0..depth {
                let a = left.data[row * left.row_stride + k * left.depth_stride];
                sum = a.mul_add(right[k * columns + column], sum);
            }
            *cell = sum;
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Compares all instruction sets, and all thread counts up to 3, with the naive loop.
fn check(rows: usize, depth: usize, columns: usize, transposed: bool, start: bool) {
    let left_data = values(rows * depth, 1);
    let right = values(depth * columns, 2);
    let row = values(columns, 3);
    let (row_stride, depth_stride) = if transposed { (1, rows) } else { (depth, 1) };
    let left = Left {
        data: &left_data,
        row_stride,
        depth_stride,
    };
    let initial = start.then_some(row.as_slice());
    let product = Product {
        depth,
        columns,
        left,
        right: &right,
        initial,
    };
    let mut expected = vec![0.0; rows * columns];
    naive(&product, rows, &mut expected);
    for instructions in InstructionSet::available() {
        for threads in 1..=3 {
            let mut output = vec![f32::NAN; rows * columns];
            product.split(instructions, threads, &mut output);
            assert_eq!(
                bits(&output),
                bits(&expected),
                "{instructions:?}, {threads} threads"
            );
        }
    }
}

#[test]
fn every_tile_shape_and_mask_edge() {
    for rows in 1..=13 {
        for columns in (1..=17).chain([31, 32, 33, 47, 48, 49, 63, 64, 65, 80, 127, 129]) {
            check(rows, 3, columns, rows % 2 == 0, columns % 2 == 0);
        }
    }
}

#[test]
fn nothing_to_sum_and_nothing_to_compute() {
    check(5, 0, 20, false, true);
    check(0, 4, 3, false, false);
}

#[test]
fn a_product_beyond_the_parallel_threshold() {
    // 200 × 150 × 101 multiply-adds; `run` decides by itself.
    let (rows, depth, columns) = (200, 150, 101);
    let (left_data, right) = (values(rows * depth, 5), values(depth * columns, 6));
    let left = Left {
        data: &left_data,
        row_stride: depth,
        depth_stride: 1,
    };
    let product = Product {
        depth,
        columns,
        left,
        right: &right,
        initial: None,
    };
    assert!(rows * depth * columns >= PARALLEL_OPERATIONS);
    let mut expected = vec![0.0; rows * columns];
    naive(&product, rows, &mut expected);
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let mut output = vec![f32::NAN; rows * columns];
        pool.install(|| product.run(&mut output));
        assert_eq!(bits(&output), bits(&expected), "{threads} threads");
    }
}

#[test]
fn partial_vectors_touch_nothing_beyond_the_output() {
    for instructions in InstructionSet::available() {
        for columns in 1..=70 {
            let (left_data, right) = (values(7 * 5, 7), values(5 * columns, 8));
            let left = Left {
                data: &left_data,
                row_stride: 5,
                depth_stride: 1,
            };
            let product = Product {
                depth: 5,
                columns,
                left,
                right: &right,
                initial: None,
            };
            let mut memory = vec![f32::NAN; 7 * columns + 64];
            let (output, guard) = memory.split_at_mut(7 * columns);
            product.run_on(instructions, output);
            assert!(output.iter().all(|value| !value.is_nan()));
            assert!(
                guard.iter().all(|value| value.is_nan()),
                "{instructions:?}, {columns}"
            );
        }
    }
}

#[test]
#[should_panic(expected = "the left side is rows × depth")]
fn operands_that_are_too_short_are_refused() {
    let left = Left {
        data: &[0.0; 5],
        row_stride: 3,
        depth_stride: 1,
    };
    let product = Product {
        depth: 3,
        columns: 1,
        left,
        right: &[0.0; 3],
        initial: None,
    };
    product.run(&mut [0.0; 2]);
}

proptest! {
    #[test]
    fn any_shape_gives_the_naive_bits(
        rows in 1_usize..40, depth in 1_usize..40, columns in 1_usize..140,
        transposed: bool, start: bool,
    ) {
        check(rows, depth, columns, transposed, start);
    }
}
