//! Samples a second of training and of prediction, by network and batch size; one JSON line a cell:
//!
//! ```text
//! cargo run --release -p trainer --example throughput -- THREADS [RUNS]
//! ```
//!
//! `bench/train.py` runs it beside `PyTorch`, on the same task.

#![expect(
    clippy::print_stdout,
    reason = "the measurement is this program's output"
)]

use std::time::Instant;

use artifacts::{Encoding, TransformParams};
use model::FeatureTransform;
use serde_json::json;
use trainer::{EncodedSet, Fit, FitOptions, Forward, Random, Schedule, Threads, Training};

const ROWS: usize = 100_000;
const EVAL_ROWS: usize = 2_000;
const INPUTS: usize = 8;

fn main() {
    let numbers = std::env::args().skip(1).map(|text| text.parse());
    let numbers: Vec<usize> = numbers
        .collect::<Result<_, _>>()
        .expect("usage: throughput THREADS [RUNS]");
    let threads = numbers.first().copied().unwrap_or(1);
    let runs = numbers.get(1).copied().unwrap_or(5);
    let threads = Threads::new(threads).expect("threads");
    threads.run(|| measure(runs));
}

fn measure(runs: usize) {
    let (train, eval) = (examples(ROWS, 1), examples(EVAL_ROWS, 2));
    for hidden_units in [vec![256, 179, 125], vec![64, 32]] {
        for batch_size in [20, 256, 1024] {
            let samples = if hidden_units[0] > 100 {
                300_000
            } else {
                1_000_000
            };
            let options = FitOptions {
                hidden_units: hidden_units.clone(),
                schedule: Schedule::Constant,
                // The network as it is: an average lags behind in so few steps.
                average_decay: 0.0,
                batch_size,
                train_steps: (samples / batch_size) as u64,
                eval_every: u64::MAX,
                ..FitOptions::default()
            };
            let mut fits = Vec::new();
            let rates: Vec<f64> = (0..runs)
                .map(|_| {
                    let (fit, rate) = train_rate(&train, &eval, &options);
                    fits.push(fit);
                    rate
                })
                .collect();
            let fit = &fits[0];
            let predict_rates: Vec<f64> = (0..runs)
                .map(|_| predict_rate(fit, &train, batch_size, samples))
                .collect();
            let name: Vec<String> = hidden_units.iter().map(ToString::to_string).collect();
            let line = json!({
                "network": name.join("/"),
                "batch": batch_size,
                "steps": fit.steps,
                "rates": rates,
                "eval_loss": fit.kept().eval_loss,
                "predict_rates": predict_rates,
            });
            println!("{line}");
        }
    }
}

/// A fit, and the samples a second it took in; what happens before the first step is not timed.
fn train_rate(train: &EncodedSet, eval: &EncodedSet, options: &FitOptions) -> (Fit, f64) {
    let mut training = Training::new(train, eval, options).expect("the options are right");
    let start = Instant::now();
    while training.advance().expect("the task is harmless") {}
    let seconds = start.elapsed().as_secs_f64();
    let fit = training.finish();
    let samples = fit.steps as f64 * options.batch_size as f64;
    (fit, samples / seconds)
}

/// Rows a second of predicting a batch over and over.
fn predict_rate(fit: &Fit, rows: &EncodedSet, batch_size: usize, samples: usize) -> f64 {
    let batch = rows.inputs().held_rows(0..batch_size).expect("in memory");
    let mut forward = Forward::default();
    let times = samples / batch_size;
    let start = Instant::now();
    for _ in 0..times {
        std::hint::black_box(forward.run(&fit.network, batch));
    }
    (times * batch_size) as f64 / start.elapsed().as_secs_f64()
}

/// Rows of a smooth function of eight inputs.
fn examples(rows: usize, seed: u64) -> EncodedSet {
    let inputs: Vec<String> = (0..INPUTS).map(|i| format!("x{i}")).collect();
    let features = inputs.iter().map(|input| artifacts::FeatureTransform {
        input: input.clone(),
        encoding: Encoding::Identity,
        mean: 0.5,
        scale: 0.3,
    });
    let params = TransformParams {
        version: artifacts::FORMAT_VERSION,
        features: features.collect(),
        inputs,
        reference: None,
        label: artifacts::LabelTransform {
            encoding: Encoding::Identity,
            mean: 0.0,
            scale: 1.0,
        },
    };
    let transform = FeatureTransform::new(&params).expect("consistent parameters");
    let mut random = Random::new(seed);
    let values: Vec<f32> = (0..rows * INPUTS)
        .map(|_| random.uniform() as f32)
        .collect();
    let label = |row: &[f32]| f64::from((3.0 * row[0]).sin() + row[1] * row[2] - row[3]);
    let labels: Vec<f64> = values.chunks_exact(INPUTS).map(label).collect();
    EncodedSet::new(&transform, &values, &labels).expect("finite values")
}
