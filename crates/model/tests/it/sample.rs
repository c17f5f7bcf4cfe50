//! Small models of every encoding, with weights made up from a formula.

#![allow(clippy::unwrap_used, reason = "the made-up shapes fit")]

use std::collections::BTreeMap;

use artifacts::{
    Column, ColumnKind, Encoding, Evaluation, ExamplesFormat, FORMAT_VERSION, LabelTransform,
    Metrics, ModelMetadata, Provenance, RegressionMetrics, Schema, SplitInfo, Splits,
    TrainingSummary, TransformParams,
};
use model::{Dense, Model, Network};

/// Names of the samples [`model()`] knows.
pub(crate) const NAMES: [&str; 4] = ["log_ratio", "raw", "mixed", "linear"];

/// Inputs of every sample.
pub(crate) const INPUTS: [&str; 4] = ["open", "high", "low", "volume"];

/// A sample model by name.
pub(crate) fn model(name: &str) -> Model {
    use Encoding::{Identity, Log1p, LogRatio, Ratio};
    let (label, features, hidden): (_, &[(&str, Encoding)], &[usize]) = match name {
        "log_ratio" => (LogRatio, &[("high", LogRatio), ("low", LogRatio)], &[16, 5]),
        "raw" => (
            Identity,
            &[("open", Identity), ("high", Identity), ("low", Identity)],
            &[7],
        ),
        "mixed" => {
            let high = [("high", LogRatio), ("high", Ratio), ("high", Identity)];
            let features = [
                high[0],
                ("low", LogRatio),
                high[1],
                ("volume", Log1p),
                high[2],
            ];
            return build(LogRatio, &features, &[64, 32]);
        }
        "linear" => (Identity, &[("volume", Log1p)], &[]),
        other => panic!("no sample is called {other}"),
    };
    build(label, features, hidden)
}

fn build(label: Encoding, features: &[(&str, Encoding)], hidden: &[usize]) -> Model {
    let params = params(label, features);
    let widths: Vec<usize> = [features.len()].iter().chain(hidden).copied().collect();
    let outputs = widths[1..].iter().copied().chain([1]);
    let layers = widths.iter().zip(outputs).map(|(&inputs, outputs)| {
        let spread = 2.0 / (inputs as f32).sqrt();
        let weights = numbers(inputs * outputs).map(|x| spread * x).collect();
        Dense::new(inputs, weights, numbers(outputs).map(|x| 0.1 * x).collect()).unwrap()
    });
    Model::new(metadata(params), Network::new(layers.collect()).unwrap()).unwrap()
}

/// Transform parameters over [`INPUTS`], relative to `open`.
pub(crate) fn params(label: Encoding, features: &[(&str, Encoding)]) -> TransformParams {
    let constants = |encoding| match encoding {
        Encoding::Identity => (300.0, 120.0),
        Encoding::LogRatio => (0.01, 0.05),
        Encoding::Ratio => (1.0, 0.1),
        Encoding::Log1p => (12.0, 2.5),
    };
    let feature = |&(input, encoding): &(&str, Encoding)| {
        let (mean, scale) = constants(encoding);
        artifacts::FeatureTransform {
            input: input.to_owned(),
            encoding,
            mean,
            scale,
        }
    };
    let (mean, scale) = constants(label);
    TransformParams {
        version: FORMAT_VERSION,
        inputs: INPUTS.map(str::to_owned).to_vec(),
        reference: Some("open".to_owned()),
        features: features.iter().map(feature).collect(),
        label: LabelTransform {
            encoding: label,
            mean,
            scale,
        },
    }
}

/// Raw rows that look like a market, row-major, [`INPUTS`] wide.
pub(crate) fn rows(count: usize) -> Vec<f32> {
    let mut numbers = numbers(count * 4);
    let mut next = || numbers.next().unwrap();
    let row = |_| {
        let open = 300.0 * (3.0 * next()).exp();
        let high = open * (1.0 + 0.1 * next().abs());
        let low = open * (1.0 - 0.1 * next().abs());
        [open, high, low, (15.0 + 5.0 * next()).exp().round()]
    };
    (0..count).flat_map(row).collect()
}

/// Numbers in [-1, 1), always the same.
fn numbers(count: usize) -> impl Iterator<Item = f32> {
    let mut state: u64 = 42;
    (0..count).map(move |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963);
        (state >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
    })
}

/// Metadata around the parameters; what it says of training is made up.
pub(crate) fn metadata(transform_params: TransformParams) -> ModelMetadata {
    let column = |name: &str| Column {
        name: name.to_owned(),
        kind: ColumnKind::Number,
    };
    let split = |rows, first: &str, last: &str| SplitInfo {
        rows,
        first_date: first.to_owned(),
        last_date: last.to_owned(),
    };
    let regression = RegressionMetrics {
        count: 10,
        root_mean_squared_error: 1.1,
        mean_absolute_error: 0.7,
        mean_absolute_percentage_error: 0.01,
        r_squared: 0.9,
    };
    let evaluation = Evaluation {
        model: regression,
        baselines: BTreeMap::from([("naive_open".to_owned(), regression)]),
        skill: None,
    };
    ModelMetadata {
        version: FORMAT_VERSION,
        schema: Schema {
            version: FORMAT_VERSION,
            series: None,
            columns: INPUTS
                .iter()
                .copied()
                .chain(["label"])
                .map(column)
                .collect(),
            date_column: "date".to_owned(),
            inputs: transform_params.inputs.clone(),
            label_column: "label".to_owned(),
            label_source: "close".to_owned(),
            horizon: 0,
            naive_column: "open".to_owned(),
            label_unit: Some("USD".to_owned()),
            format: ExamplesFormat::Parquet,
            splits: Splits {
                train: split(70, "2020-01-01", "2020-03-10"),
                eval: split(15, "2020-03-11", "2020-03-25"),
                test: split(15, "2020-03-26", "2020-04-09"),
                gap_rows: 0,
            },
            provenance: Provenance::default(),
        },
        transform_params,
        training: TrainingSummary {
            hyperparameters: BTreeMap::from([("learning_rate".to_owned(), 0.001.into())]),
            hidden_units: Vec::new(),
            seed: 0,
            steps: 5000,
            best_step: 4000,
        },
        metrics: Metrics {
            version: FORMAT_VERSION,
            unit: Some("USD".to_owned()),
            naive_baseline: "naive_open".to_owned(),
            eval: evaluation.clone(),
            test: evaluation,
            intervals: None,
        },
        inputs: Vec::new(),
        provenance: Provenance::default(),
    }
}
