//! Writes a small model folder for every encoding, so that other runtimes can be compared with
//! this crate: `cargo run -p model --example sample_models -- DIR`, then
//! `tests/python/check_onnx.py DIR/*` or `tests/python/check_parity.py DEPLOY DIR/*`.

use std::io;
use std::path::PathBuf;
use std::{env, fs};

use artifacts::{FORMAT_VERSION, Golden, layout};
use model::{Model, PredictScratch};

#[path = "../tests/it/sample.rs"]
mod sample;

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("usage: sample_models DIR"))?;
    for name in sample::NAMES {
        let (model, folder) = (sample::model(name), folder.join(name));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(layout::model::ONNX), model.to_onnx())?;
        let metrics = artifacts::to_json(&model.metadata().metrics);
        fs::write(folder.join(layout::model::METRICS), metrics)?;
        let golden = artifacts::to_json(&golden(&model, 1000));
        fs::write(folder.join(layout::model::GOLDEN), golden)?;
    }
    Ok(())
}

/// The golden rows of a model.
fn golden(model: &Model, count: usize) -> Golden {
    let rows = sample::rows(count);
    let instance = |row: &[f32]| row.iter().copied().map(f64::from).collect();
    Golden {
        version: FORMAT_VERSION,
        inputs: sample::INPUTS.map(str::to_owned).to_vec(),
        instances: rows
            .chunks_exact(sample::INPUTS.len())
            .map(instance)
            .collect(),
        predictions: model.predict(&rows, &mut PredictScratch::default()),
        relative_tolerance: 1e-5,
    }
}
