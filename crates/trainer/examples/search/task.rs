//! The real task of a study: the eval error of a network trained on an examples folder.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use artifacts::{Split, layout};
use serde_json::{Value, json};
use trainer::dataset::Dataset;
use trainer::examples::Content;
use trainer::hyperparameters::Hyperparameters;
use trainer::search::Effort;
use trainer::store::Keep;
use trainer::{EncodedSet, FitOptions, fit};

use crate::Function;

/// Steps of a trial, as `hptune` has them by default.
const TRAIN_STEPS: u32 = 1000;

/// The examples.
pub(crate) struct Task {
    train: EncodedSet,
    eval: EncodedSet,
}

impl Task {
    pub(crate) fn read(examples: &Path) -> Result<Self, Box<dyn Error>> {
        let read = |name: &str| fs::read(examples.join(name));
        let dataset = Dataset::parse(
            &read(layout::examples::SCHEMA)?,
            &read(layout::examples::TRANSFORM_PARAMS)?,
        )?;
        let rows = |split: Split| -> Result<EncodedSet, Box<dyn Error>> {
            let bytes = read(&dataset.schema().file_name(split))?;
            Ok(dataset
                .rows(split, Content::Bytes(bytes.into()), Keep::InMemory)?
                .encoded)
        };
        Ok(Self {
            train: rows(Split::Train)?,
            eval: rows(Split::Eval)?,
        })
    }

    /// RMSE on the eval split after a training with these hyperparameters; infinite where it
    /// diverges.
    pub(crate) fn error(&self, values: &BTreeMap<String, Value>) -> f64 {
        let options = hyperparameters(values.iter()).fit_options(&FitOptions::default());
        let fit = fit(&self.train, &self.eval, &options, &mut |_| {
            ControlFlow::Continue(())
        });
        fit.map_or(f64::INFINITY, |fit| fit.kept().eval_root_mean_squared_error)
    }

    /// The task over the space `hptune` searches by default.
    pub(crate) fn function(self) -> Function {
        let parameters = vec![
            json!({ "parameterId": "learning_rate", "doubleValueSpec": { "minValue": 0.0003, "maxValue": 0.003 }, "scaleType": "UNIT_LOG_SCALE" }),
            json!({ "parameterId": "first_layer_size", "integerValueSpec": { "minValue": 50, "maxValue": 500 } }),
            json!({ "parameterId": "num_layers", "integerValueSpec": { "minValue": 1, "maxValue": 15 } }),
            json!({ "parameterId": "scale_factor", "doubleValueSpec": { "minValue": 0.1, "maxValue": 1.0 }, "scaleType": "UNIT_REVERSE_LOG_SCALE" }),
        ];
        let name = |parameter: &Value| parameter["parameterId"].as_str().unwrap_or("").to_owned();
        let names: Vec<String> = parameters.iter().map(name).collect();
        let inputs = self.train.width();
        let value = move |values: &[Value]| {
            let values = names.iter().cloned().zip(values.iter().cloned());
            self.error(&values.collect())
        };
        Function {
            name: "real task",
            parameters,
            value: Box::new(value),
            effort: Some(Effort::new(move |parameters| {
                let values = parameters.iter().map(|p| (&p.parameter_id, &p.value));
                hyperparameters(values).effort(inputs)
            })),
        }
    }
}

/// Those of a trial with these values.
fn hyperparameters<'a>(values: impl Iterator<Item = (&'a String, &'a Value)>) -> Hyperparameters {
    let mut hyperparameters = Hyperparameters {
        train_steps: TRAIN_STEPS,
        ..Hyperparameters::default()
    };
    for (name, value) in values {
        let set = hyperparameters.set(name, value);
        set.expect("the space is one of hyperparameters");
    }
    hyperparameters
}
