//! The knobs of a training run by name: what a study searches and a model records.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{FitOptions, hidden_units};

/// Hyperparameters of a training run. Names are the fields', which are also `train`'s flags;
/// in a name, hyphens and underscores are the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameters {
    /// Adam's learning rate at the start.
    pub learning_rate: f64,
    /// Units of the first hidden layer.
    pub first_layer_size: u32,
    /// Number of hidden layers; 0 is a linear model.
    pub num_layers: u32,
    /// Units of each further layer as a part of the layer before.
    pub scale_factor: f64,
    /// Rows in an optimizer step.
    pub batch_size: u32,
    /// Optimizer steps.
    pub train_steps: u32,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

/// Why a hyperparameter is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HyperparameterError {
    /// No such name.
    #[error("unknown hyperparameter `{name}`; there are {}", Hyperparameters::NAMES.join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
    /// The value is not in the hyperparameter's range.
    #[error("hyperparameter `{name}` is {value}; it must be {requirement}")]
    Value {
        /// The name.
        name: &'static str,
        /// The value, as JSON.
        value: String,
        /// Its range, in words.
        requirement: &'static str,
    },
}

const POSITIVE: &str = "a number above 0";
const NOT_NEGATIVE: &str = "a number at least 0";
const FRACTION: &str = "a number above 0 and at most 1";
// The largest network stays within what a model file may hold.
const LAYER_SIZE: &str = "a whole number from 1 to 1024";
const LAYERS: &str = "a whole number from 0 to 60";
const COUNT: &str = "a whole number above 0";

impl Hyperparameters {
    /// All names, in the order of the fields.
    pub const NAMES: [&str; 7] = [
        "learning_rate",
        "first_layer_size",
        "num_layers",
        "scale_factor",
        "batch_size",
        "train_steps",
        "weight_decay",
    ];

    /// Sets one by name. Whole numbers may arrive as `3.0`, as Vertex AI sends them.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<(), HyperparameterError> {
        let wanted = canonical(name);
        let Some(name) = Self::NAMES.into_iter().find(|known| *known == wanted) else {
            return Err(HyperparameterError::Unknown {
                name: name.to_owned(),
            });
        };
        let refuse = |requirement| HyperparameterError::Value {
            name,
            value: value.to_string(),
            requirement,
        };
        let number = |requirement, accepts: fn(f64) -> bool| {
            let found = value.as_f64().filter(|number| number.is_finite());
            found
                .filter(|number| accepts(*number))
                .ok_or_else(|| refuse(requirement))
        };
        let whole = |requirement, range: std::ops::RangeInclusive<u32>| {
            let found = value.as_f64().filter(|number| number.fract() == 0.0);
            found
                .filter(|number| {
                    (f64::from(*range.start())..=f64::from(*range.end())).contains(number)
                })
                .map(|number| number as u32)
                .ok_or_else(|| refuse(requirement))
        };
        match name {
            "learning_rate" => self.learning_rate = number(POSITIVE, |x| x > 0.0)?,
            "first_layer_size" => self.first_layer_size = whole(LAYER_SIZE, 1..=1024)?,
            "num_layers" => self.num_layers = whole(LAYERS, 0..=60)?,
            "scale_factor" => self.scale_factor = number(FRACTION, |x| x > 0.0 && x <= 1.0)?,
            "batch_size" => self.batch_size = whole(COUNT, 1..=u32::MAX)?,
            "train_steps" => self.train_steps = whole(COUNT, 1..=u32::MAX)?,
            _ => self.weight_decay = number(NOT_NEGATIVE, |x| x >= 0.0)?,
        }
        Ok(())
    }

    /// Whether the hyperparameter of this name takes whole numbers only; `None` if there is none.
    pub fn is_whole(name: &str) -> Option<bool> {
        match canonical(name).as_str() {
            "first_layer_size" | "num_layers" | "batch_size" | "train_steps" => Some(true),
            "learning_rate" | "scale_factor" | "weight_decay" => Some(false),
            _ => None,
        }
    }

    /// All values by name.
    pub fn to_map(&self) -> BTreeMap<String, Value> {
        let values = [
            json!(self.learning_rate),
            json!(self.first_layer_size),
            json!(self.num_layers),
            json!(self.scale_factor),
            json!(self.batch_size),
            json!(self.train_steps),
            json!(self.weight_decay),
        ];
        Self::NAMES
            .into_iter()
            .map(str::to_owned)
            .zip(values)
            .collect()
    }

    /// Units of each hidden layer, first to last.
    pub fn hidden_units(&self) -> Vec<u32> {
        hidden_units(self.first_layer_size, self.num_layers, self.scale_factor)
    }

    /// What a training of a network with this many inputs takes, in multiplications of a row with a
    /// parameter, forward and back. The optimizer's update of a parameter takes as much as ten of
    /// them, and a step besides as much as 30,000 (measured on one core with AVX-512).
    pub fn effort(&self, inputs: usize) -> f64 {
        let hidden = self.hidden_units();
        let widths = hidden.iter().map(|units| f64::from(*units));
        let layers = [inputs as f64].into_iter().chain(widths.clone());
        let parameters: f64 = layers
            .zip(widths.chain([1.0]))
            .map(|(inputs, outputs)| (inputs + 1.0) * outputs)
            .sum();
        f64::from(self.train_steps) * (parameters * (f64::from(self.batch_size) + 10.0) + 30_000.0)
    }

    /// The options of a fit with these values; everything else as in `rest`.
    pub fn fit_options(&self, rest: &FitOptions) -> FitOptions {
        FitOptions {
            hidden_units: self.hidden_units(),
            learning_rate: self.learning_rate,
            batch_size: self.batch_size as usize,
            train_steps: u64::from(self.train_steps),
            weight_decay: self.weight_decay,
            ..rest.clone()
        }
    }
}

impl Default for Hyperparameters {
    /// What is good without tuning: [`FitOptions::default`] in these terms.
    fn default() -> Self {
        let options = FitOptions::default();
        Self {
            learning_rate: options.learning_rate,
            first_layer_size: 64,
            num_layers: 2,
            scale_factor: 0.5,
            batch_size: options.batch_size as u32,
            train_steps: options.train_steps as u32,
            weight_decay: options.weight_decay,
        }
    }
}

/// A hyperparameter's name as the fields are spelled.
pub fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &Value) -> Result<Hyperparameters, String> {
        let mut hyperparameters = Hyperparameters::default();
        match hyperparameters.set(name, value) {
            Ok(()) => Ok(hyperparameters),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn every_name_can_be_set_in_both_spellings() {
        for name in Hyperparameters::NAMES {
            for spelling in [name.to_owned(), name.replace('_', "-")] {
                let changed = set(&spelling, &json!(1)).unwrap();
                assert_eq!(changed.to_map()[name].as_f64(), Some(1.0), "{spelling}");
            }
            assert!(Hyperparameters::is_whole(name).is_some());
        }
        assert_eq!(set("num_layers", &json!(3.0)).unwrap().num_layers, 3);
    }

    #[test]
    fn the_defaults_are_the_fit_s_own() {
        let defaults = FitOptions::default();
        assert_eq!(Hyperparameters::default().fit_options(&defaults), defaults);
    }

    #[test]
    fn effort_counts_the_parameters_of_every_step() {
        let hyperparameters = Hyperparameters {
            first_layer_size: 4,
            num_layers: 2,
            scale_factor: 0.5,
            batch_size: 20,
            train_steps: 10,
            ..Hyperparameters::default()
        };
        let parameters = (3.0 + 1.0) * 4.0 + (4.0 + 1.0) * 2.0 + (2.0 + 1.0);
        let expected = 10.0 * (parameters * 30.0 + 30_000.0);
        assert!((hyperparameters.effort(3) - expected).abs() < 1e-6);
    }

    #[test]
    fn unknown_names_and_values_out_of_range_are_refused() {
        assert_eq!(
            set("learning-rte", &json!(0.1)).unwrap_err(),
            "unknown hyperparameter `learning-rte`; there are learning_rate, first_layer_size, \
             num_layers, scale_factor, batch_size, train_steps, weight_decay"
        );
        let refused = |name, value: Value, requirement: &str| {
            let expected = format!("hyperparameter `{name}` is {value}; it must be {requirement}");
            assert_eq!(set(name, &value).unwrap_err(), expected);
        };
        refused("learning_rate", json!(0.0), "a number above 0");
        refused("learning_rate", json!("fast"), "a number above 0");
        refused(
            "first_layer_size",
            json!(1025),
            "a whole number from 1 to 1024",
        );
        refused("num_layers", json!(2.5), "a whole number from 0 to 60");
        refused("scale_factor", json!(1.5), "a number above 0 and at most 1");
        refused("batch_size", json!(0), "a whole number above 0");
        refused("train_steps", json!(-1), "a whole number above 0");
        refused("weight_decay", json!(-0.1), "a number at least 0");
    }
}
