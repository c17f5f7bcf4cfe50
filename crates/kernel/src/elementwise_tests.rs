//! The loops against their definitions, on every instruction set.

use super::*;

const LENGTHS: [usize; 8] = [0, 1, 7, 8, 15, 17, 33, 100];

fn values(count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 37 + 11) % 101) as f32 / 17.0 - 3.0)
        .collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn relu_keeps_what_is_positive_and_what_is_not_a_number() {
    for instructions in InstructionSet::available() {
        let mut y = [-1.0, 0.0, 2.0, f32::NAN, f32::NEG_INFINITY, f32::INFINITY].repeat(7);
        relu::run(instructions, &mut y);
        let expected = [0.0, 0.0, 2.0, f32::NAN, 0.0, f32::INFINITY].repeat(7);
        assert_eq!(bits(&y), bits(&expected), "{instructions:?}");
    }
}

#[test]
fn relu_gradient_passes_where_the_unit_is_active() {
    for instructions in InstructionSet::available() {
        let mut gradient = [5.0, 6.0, 7.0, 8.0].repeat(9);
        relu_gradient::run(
            instructions,
            &[0.0, 1.0, 0.0, 1e-30].repeat(9),
            &mut gradient,
        );
        assert_eq!(gradient, [0.0, 6.0, 0.0, 8.0].repeat(9), "{instructions:?}");
    }
}

#[test]
fn column_sums_add_in_row_order() {
    for columns in LENGTHS.into_iter().filter(|&columns| columns > 0) {
        let rows = values(columns * 9);
        let column = |j| (0..9).fold(0.0, |sum: f32, i| sum + rows[i * columns + j]);
        let expected: Vec<f32> = (0..columns).map(column).collect();
        for instructions in InstructionSet::available() {
            let mut sums = vec![f32::NAN; columns];
            column_sums::run(instructions, &rows, &mut sums);
            assert_eq!(bits(&sums), bits(&expected), "{instructions:?}");
        }
    }
}

#[test]
fn transposing_twice_changes_nothing() {
    for (rows, columns) in [(1, 1), (1, 40), (40, 1), (16, 16), (17, 33), (50, 20)] {
        let source = values(rows * columns);
        let (mut once, mut twice) = (vec![0.0; source.len()], vec![0.0; source.len()]);
        transpose(&source, columns, &mut once);
        for (i, value) in once.iter().enumerate() {
            assert_eq!(*value, source[i % rows * columns + i / rows]);
        }
        transpose(&once, rows, &mut twice);
        assert_eq!(twice, source);
    }
}

const STEP: AdamStep = AdamStep {
    beta1: 0.9,
    beta2: 0.999,
    rate: 1e-3 / 0.1,
    second_correction: 31.622_776,
    epsilon: 1e-8,
    keep: 0.99,
};

#[test]
fn the_first_adam_step_has_the_size_of_the_learning_rate() {
    // m̂ = g and v̂ = g² after one step, so that a parameter moves by α against the gradient's
    // sign, whatever its size; weight decay takes its share of the old value.
    for instructions in InstructionSet::available() {
        let (mut parameters, gradients) = ([2.0, 2.0, 2.0], [5.0, -1e-3, 0.0]);
        let (mut first, mut second) = ([0.0; 3], [0.0; 3]);
        adam::run(
            instructions,
            &STEP,
            &gradients,
            &mut parameters,
            &mut first,
            &mut second,
        );
        for (parameter, expected) in parameters.iter().zip([1.979, 1.981, 1.98]) {
            assert!(
                (parameter - expected).abs() < 1e-6,
                "{instructions:?}: {parameter}"
            );
        }
        assert_eq!(first[1], -1e-3 * (1.0 - 0.9_f32));
    }
}

#[test]
fn adam_has_the_same_bits_on_every_instruction_set() {
    for length in LENGTHS {
        let run = |instructions| {
            let gradients = values(length);
            let mut parameters: Vec<f32> = values(length).iter().map(|x| x * 0.7).collect();
            let (mut first, mut second) = (vec![0.0; length], vec![0.0; length]);
            for _ in 0..50 {
                let (p, m, v) = (&mut parameters, &mut first, &mut second);
                adam::run(instructions, &STEP, &gradients, p, m, v);
            }
            [bits(&parameters), bits(&first), bits(&second)]
        };
        let portable = run(InstructionSet::Portable);
        for instructions in InstructionSet::available() {
            assert_eq!(
                run(instructions),
                portable,
                "{instructions:?}, {length} elements"
            );
        }
    }
}

#[test]
fn the_moments_of_a_dead_unit_never_become_denormal() {
    let (mut parameter, mut first, mut second) = ([1.0_f32], [0.0_f32], [0.0_f32]);
    adam(&STEP, &[1e-3], &mut parameter, &mut first, &mut second);
    for _ in 0..100_000 {
        adam(&STEP, &[0.0], &mut parameter, &mut first, &mut second);
        assert!(!first[0].is_subnormal() && !second[0].is_subnormal());
    }
    assert_eq!((first, second), ([0.0], [0.0]));
}
