//! Model folders made by hand: one dense layer, so that every prediction can be told in advance.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use artifacts::{
    Column, ColumnKind, Encoding, Evaluation, ExamplesFormat, FeatureTransform, Golden,
    InputDistribution, LabelTransform, Metrics, ModelMetadata, Provenance, RegressionMetrics,
    Schema, SplitInfo, Splits, TrainingSummary, TransformParams, layout,
};
use model::{Dense, Model, Network, PredictScratch};

/// Golden rows: open, high, low.
pub(crate) const ROWS: [[f64; 3]; 3] = [
    [100.0, 110.0, 90.0],
    [2_500.5, 2_600.25, 2_400.75],
    [19_343.04, 19_716.7, 18_000.0],
];

/// A model to be made: predicts `open × exp(bias)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixture {
    /// Logarithm of close / open that it predicts for every row.
    pub(crate) bias: f32,
    /// Test error it claims, in US dollars; the naive baseline's is 600.
    pub(crate) rmse: f64,
}

impl Default for Fixture {
    fn default() -> Self {
        Self {
            bias: 0.5,
            rmse: 220.0,
        }
    }
}

impl Fixture {
    pub(crate) fn with_bias(bias: f32) -> Self {
        Self {
            bias,
            ..Self::default()
        }
    }

    pub(crate) fn with_rmse(rmse: f64) -> Self {
        Self {
            rmse,
            ..Self::default()
        }
    }

    /// Writes the model folder.
    pub(crate) fn write(self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        let model = self.model();
        let put = |name: &str, bytes: Vec<u8>| fs::write(folder.join(name), bytes).unwrap();
        put(
            layout::model::METRICS,
            artifacts::to_json(&model.metadata().metrics),
        );
        put(layout::model::GOLDEN, artifacts::to_json(&golden(&model)));
        put(layout::model::ONNX, model.to_onnx());
    }

    fn model(self) -> Model {
        let dense = Dense::new(2, vec![0.0, 0.0], vec![self.bias]).unwrap();
        let network = Network::new(vec![dense]).unwrap();
        Model::new(self.metadata(), network).unwrap()
    }

    fn metadata(self) -> ModelMetadata {
        let feature = |input: &str| FeatureTransform {
            input: input.to_owned(),
            encoding: Encoding::LogRatio,
            mean: 0.0,
            scale: 1.0,
        };
        ModelMetadata {
            version: artifacts::FORMAT_VERSION,
            schema: schema(),
            transform_params: TransformParams {
                version: artifacts::FORMAT_VERSION,
                inputs: inputs(),
                reference: Some("open".to_owned()),
                features: vec![feature("high"), feature("low")],
                label: LabelTransform {
                    encoding: Encoding::LogRatio,
                    mean: 0.0,
                    scale: 1.0,
                },
            },
            training: TrainingSummary {
                hyperparameters: BTreeMap::new(),
                hidden_units: vec![],
                seed: 1,
                steps: 10,
                best_step: 10,
            },
            metrics: metrics(self.rmse),
            inputs: distributions(),
            provenance: Provenance::default(),
        }
    }
}

/// Train rows whose inputs are the numbers from 1 to 1000.
fn distributions() -> Vec<InputDistribution> {
    let inputs = inputs();
    let values = || (1..=1_000).map(|value| value as f32).collect();
    let distributions = inputs
        .iter()
        .map(|input| InputDistribution::of(input, values()));
    distributions.map(Option::unwrap).collect()
}

/// Names of the inputs, in order.
pub(crate) fn inputs() -> Vec<String> {
    ["open", "high", "low"].map(str::to_owned).to_vec()
}

fn golden(model: &Model) -> Golden {
    let rows: Vec<f32> = ROWS.iter().flatten().map(|cell| *cell as f32).collect();
    Golden {
        version: artifacts::FORMAT_VERSION,
        inputs: inputs(),
        instances: ROWS.iter().map(|row| row.to_vec()).collect(),
        predictions: model.predict(&rows, &mut PredictScratch::default()),
        relative_tolerance: 1e-5,
    }
}

fn schema() -> Schema {
    let split = |rows| SplitInfo {
        rows,
        first_date: "2013-04-28".to_owned(),
        last_date: "2018-03-25".to_owned(),
    };
    let numbers = ["open", "high", "low", "close"];
    Schema {
        version: artifacts::FORMAT_VERSION,
        series: None,
        columns: numbers
            .map(|name| Column {
                name: name.to_owned(),
                kind: ColumnKind::Number,
            })
            .to_vec(),
        date_column: "date".to_owned(),
        inputs: inputs(),
        label_column: "close".to_owned(),
        label_source: "close".to_owned(),
        horizon: 0,
        naive_column: "open".to_owned(),
        label_unit: Some("USD".to_owned()),
        format: ExamplesFormat::Parquet,
        splits: Splits {
            train: split(1_255),
            eval: split(269),
            test: split(269),
            gap_rows: 0,
        },
        provenance: Provenance::default(),
    }
}

fn metrics(rmse: f64) -> Metrics {
    let regression = |rmse: f64| RegressionMetrics {
        count: 269,
        root_mean_squared_error: rmse,
        mean_absolute_error: rmse / 2.0,
        mean_absolute_percentage_error: 0.02,
        r_squared: 0.9,
    };
    let evaluation = Evaluation {
        model: regression(rmse),
        baselines: BTreeMap::from([
            ("least_squares_raw".to_owned(), regression(220.44)),
            ("naive_open".to_owned(), regression(600.0)),
        ]),
        skill: None,
    };
    Metrics {
        version: artifacts::FORMAT_VERSION,
        unit: Some("USD".to_owned()),
        naive_baseline: "naive_open".to_owned(),
        eval: evaluation.clone(),
        test: evaluation,
        intervals: None,
    }
}
