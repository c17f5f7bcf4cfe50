//! Writing the outputs, and reading the model back.

use std::sync::Arc;

use artifacts::{Golden, Metrics, ModelMetadata, RegressionMetrics, layout, to_json};
use bytes::Bytes;
use model::{Model, PredictScratch};
use serde_json::{Map, Value, json};
use storage::{PutOptions, Storage, Uri};
use trainer::store::{StoreError, each_block};

use crate::{Args, Error, training::Trained};

const JSON: &str = "application/json";

/// Everything a run writes.
pub(crate) struct Files {
    pub(crate) onnx: Bytes,
    pub(crate) golden: Bytes,
    pub(crate) metrics: Bytes,
    pub(crate) report: Bytes,
    pub(crate) model_card: Bytes,
}

impl Files {
    /// Those of a model trained here.
    pub(crate) fn of(trained: &Trained) -> Self {
        Self {
            onnx: trained.onnx.clone().into(),
            golden: to_json(&trained.golden).into(),
            metrics: to_json(&trained.model.metadata().metrics).into(),
            report: trained.report.clone().into(),
            model_card: trained.model_card.clone().into(),
        }
    }
}

/// Writes everything, the model's marker last, and checks that what can be read predicts the
/// golden rows and, where it was trained here, the test rows.
pub(crate) async fn publish(
    storage: &Storage,
    args: &Args,
    files: &Files,
    trained: Option<&Trained>,
) -> Result<(), Error> {
    let marker = args.model().join(layout::model::ONNX);
    storage.delete(&marker).await?;
    let beside = args.model().join(layout::model::METRICS);
    let golden = args.model().join(layout::model::GOLDEN);
    for (uri, content, content_type) in [
        (args.metrics.as_ref(), &files.metrics, JSON),
        (
            args.report.as_ref(),
            &files.report,
            "text/html; charset=utf-8",
        ),
        (
            args.model_card.as_ref(),
            &files.model_card,
            "text/markdown; charset=utf-8",
        ),
        (Some(&beside), &files.metrics, JSON),
        (Some(&golden), &files.golden, JSON),
        (Some(&marker), &files.onnx, "application/octet-stream"),
    ] {
        if let Some(uri) = uri {
            let options = PutOptions::of_type(content_type);
            storage.write(uri, content.clone(), options).await?;
        }
    }
    let checked = read_back(storage, &marker, &golden, trained).await;
    if checked.is_err() {
        storage.delete(&marker).await?;
    }
    checked
}

/// The model as a server will see it must predict the test rows to the bit, and the golden rows
/// as they were written down.
async fn read_back(
    storage: &Storage,
    marker: &Uri,
    golden: &Uri,
    trained: Option<&Trained>,
) -> Result<(), Error> {
    let differs = |uri: &Uri, problem: String| Error::ReadBack {
        uri: uri.clone(),
        problem,
    };
    let bytes = storage.read(marker).await?;
    let model = Model::from_onnx(&bytes).map_err(|error| differs(marker, error.to_string()))?;
    let model = Arc::new(model);
    if let Some(trained) = trained
        && let Some(row) = first_test_row(&model, trained).await?
    {
        let problem = format!("test row {} is predicted differently", row + 1);
        return Err(differs(marker, problem));
    }
    let bytes = storage.read(golden).await?;
    let read: Golden = artifacts::parse(layout::model::GOLDEN, &bytes)
        .map_err(|error| differs(golden, error.to_string()))?;
    let rows: Vec<f32> = read
        .instances
        .iter()
        .flatten()
        .map(|value| *value as f32)
        .collect();
    let predictions = model.predict(&rows, &mut PredictScratch::default());
    match first_difference(&predictions, &read.predictions) {
        Some(row) => Err(differs(
            golden,
            format!("row {} is predicted differently", row + 1),
        )),
        None => Ok(()),
    }
}

/// The first test row that a model predicts differently than it was when it was trained; computed
/// on the training's threads.
async fn first_test_row(model: &Arc<Model>, trained: &Trained) -> Result<Option<usize>, Error> {
    let (model, threads) = (Arc::clone(model), Arc::clone(&trained.threads));
    let inputs = trained.test.examples.inputs.clone();
    let predictions = trained.test_predictions.clone();
    let find = move || -> Result<Option<usize>, StoreError> {
        let (mut first, mut found) = (0, None);
        let mut scratch = PredictScratch::default();
        each_block([&predictions, &inputs], |[wanted, inputs]| {
            if found.is_none() {
                let inputs: Vec<f32> = inputs.iter().map(|value| *value as f32).collect();
                let again = model.predict(&inputs, &mut scratch);
                found = first_difference(&again, wanted).map(|row| first + row);
            }
            first += wanted.len();
            Ok::<_, StoreError>(())
        })?;
        Ok(found)
    };
    Ok(component::blocking(move || threads.run(find)).await?)
}

/// The first place where two lists differ in any bit, or in length.
fn first_difference(found: &[f64], wanted: &[f64]) -> Option<usize> {
    let differs = found
        .iter()
        .zip(wanted)
        .position(|(a, b)| a.to_bits() != b.to_bits());
    differs.or((found.len() != wanted.len()).then_some(found.len().min(wanted.len())))
}

/// The model artifact's metadata.
pub(crate) fn model_metadata(metadata: &ModelMetadata) -> Value {
    let units: Vec<String> = metadata
        .training
        .hidden_units
        .iter()
        .map(u32::to_string)
        .collect();
    let mut fields = Map::new();
    fields.insert("framework".to_owned(), json!("onnx"));
    fields.insert("hidden_units".to_owned(), json!(units.join(",")));
    fields.insert("seed".to_owned(), json!(metadata.training.seed));
    fields.insert("steps".to_owned(), json!(metadata.training.steps));
    fields.insert("best_step".to_owned(), json!(metadata.training.best_step));
    fields.extend(metadata.training.hyperparameters.clone());
    for file in &metadata.provenance.inputs {
        fields.insert(format!("{}.sha256", file.name), json!(file.sha256));
    }
    Value::Object(fields)
}

/// All metrics as flat numbers: `test_root_mean_squared_error` for the model,
/// `test_naive_open_root_mean_squared_error` for a baseline.
pub(crate) fn flat_metrics(metrics: &Metrics) -> Value {
    let mut fields = Map::new();
    for (split, evaluation) in [("eval", &metrics.eval), ("test", &metrics.test)] {
        insert(&mut fields, split, &evaluation.model);
        for (name, baseline) in &evaluation.baselines {
            insert(&mut fields, &format!("{split}_{name}"), baseline);
        }
        if let Some(skill) = &evaluation.skill {
            fields.insert(format!("{split}_skill"), json!(skill.value));
            fields.insert(format!("{split}_skill_low"), json!(skill.low));
            fields.insert(format!("{split}_skill_high"), json!(skill.high));
        }
    }
    if let Some(intervals) = &metrics.intervals {
        fields.insert("interval_level".to_owned(), json!(intervals.level));
        for (split, found) in [("eval", &intervals.eval), ("test", &intervals.test)] {
            fields.insert(format!("{split}_interval_coverage"), json!(found.coverage));
            fields.insert(
                format!("{split}_interval_mean_width"),
                json!(found.mean_width),
            );
        }
    }
    Value::Object(fields)
}

fn insert(fields: &mut Map<String, Value>, prefix: &str, metrics: &RegressionMetrics) {
    let values = [
        ("root_mean_squared_error", metrics.root_mean_squared_error),
        ("mean_absolute_error", metrics.mean_absolute_error),
        (
            "mean_absolute_percentage_error",
            metrics.mean_absolute_percentage_error,
        ),
        ("r_squared", metrics.r_squared),
    ];
    for (name, value) in values {
        fields.insert(format!("{prefix}_{name}"), json!(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_differ_where_a_bit_or_the_length_does() {
        assert_eq!(first_difference(&[1.0, 2.0], &[1.0, 2.0]), None);
        assert_eq!(first_difference(&[1.0, 0.0], &[1.0, -0.0]), Some(1));
        assert_eq!(first_difference(&[1.0, f64::NAN], &[1.0, f64::NAN]), None);
        assert_eq!(first_difference(&[1.0], &[1.0, 2.0]), Some(1));
    }
}
