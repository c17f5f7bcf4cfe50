//! Samples a second of training and of prediction, by network and batch size.
//!
//! `cargo run --release -p trainer --example throughput [THREADS]`; without a number, on a thread
//! for each processor. Each cell is the median of five runs on synthetic rows.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::ops::ControlFlow;
use std::time::Instant;

use artifacts::{Encoding, TransformParams};
use model::FeatureTransform;
use trainer::{EncodedSet, FitOptions, Forward, Random, Schedule, Threads, fit};

const ROWS: usize = 20_000;
const INPUTS: usize = 8;

fn main() {
    let threads = std::env::args().nth(1);
    let threads = threads.map_or_else(Threads::available, |n| n.parse().expect("a number"));
    Threads::new(threads).expect("threads").run(measure);
}

fn measure() {
    let (train, eval) = (examples(ROWS), examples(1));
    println!(
        "{:<14}{:>7}{:>20}{:>20}",
        "hidden units", "batch", "train samples/s", "predict rows/s"
    );
    for hidden_units in [vec![256, 179, 125], vec![64, 32]] {
        for batch_size in [20, 256, 1024] {
            let work = if hidden_units[0] > 100 {
                300_000
            } else {
                3_000_000
            };
            let options = FitOptions {
                hidden_units: hidden_units.clone(),
                schedule: Schedule::Constant,
                batch_size,
                train_steps: (work / batch_size) as u64,
                eval_every: u64::MAX,
                ..FitOptions::default()
            };
            let train_rate = median_rate(work, || {
                fit(&train, &eval, &options, &mut |_| ControlFlow::Continue(())).expect("fits");
            });
            let steps = FitOptions {
                train_steps: 1,
                ..options
            };
            let network = fit(&train, &eval, &steps, &mut |_| ControlFlow::Continue(()));
            let network = network.expect("fits").network;
            let batch = train.inputs().held_rows(0..batch_size).expect("in memory");
            let mut forward = Forward::default();
            let predict_rate = median_rate(work, || {
                for _ in 0..work / batch_size {
                    std::hint::black_box(forward.run(&network, batch));
                }
            });
            let name: Vec<String> = hidden_units.iter().map(ToString::to_string).collect();
            println!(
                "{:<14}{batch_size:>7}{train_rate:>20.0}{predict_rate:>20.0}",
                name.join("/")
            );
        }
    }
}

/// Work done a second, the median of five runs.
fn median_rate(work: usize, mut run: impl FnMut()) -> f64 {
    let mut rates = [(); 5].map(|()| {
        let start = Instant::now();
        run();
        work as f64 / start.elapsed().as_secs_f64()
    });
    rates.sort_by(f64::total_cmp);
    rates[2]
}

/// Rows of a smooth function of eight inputs.
fn examples(rows: usize) -> EncodedSet {
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
    let mut random = Random::new(1);
    let values: Vec<f32> = (0..rows * INPUTS)
        .map(|_| random.uniform() as f32)
        .collect();
    let label = |row: &[f32]| f64::from((3.0 * row[0]).sin() + row[1] * row[2] - row[3]);
    let labels: Vec<f64> = values.chunks_exact(INPUTS).map(label).collect();
    EncodedSet::new(&transform, &values, &labels).expect("finite values")
}
