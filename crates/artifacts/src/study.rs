//! Studies and trials in Vertex AI's shapes (`StudySpec`, `Trial`; lowerCamelCase, int64 as strings),
//! so that one specification file serves the local tuner and Vertex AI.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The study file: the part of a `HyperparameterTuningJob` that describes the search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StudyConfig {
    /// What to search, and for which goal.
    pub study_spec: StudySpec,
    /// Trials in all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_trial_count: Option<u32>,
    /// Trials at a time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parallel_trial_count: Option<u32>,
    /// Failed trials after which the study fails; 0 or absent: the tuner decides.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_failed_trial_count: Option<u32>,
}

/// Vertex AI `StudySpec`. Fields it does not know are refused by name, as are the stopping
/// rules and algorithms a tuner does not support.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StudySpec {
    /// Metrics; the first is the one optimised.
    pub metrics: Vec<MetricSpec>,
    /// Parameters to search.
    pub parameters: Vec<ParameterSpec>,
    /// `ALGORITHM_UNSPECIFIED`, `GRID_SEARCH` or `RANDOM_SEARCH`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub algorithm: Option<String>,
    /// `LAST_MEASUREMENT` or `BEST_MEASUREMENT`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub measurement_selection_type: Option<String>,
    /// Median stopping, in Vertex AI's shape.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub median_automated_stopping_spec: Option<Value>,
    /// Decay-curve stopping, in Vertex AI's shape.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decay_curve_stopping_spec: Option<Value>,
    /// When the whole study stops early, in Vertex AI's shape.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub study_stopping_config: Option<Value>,
}

/// One metric and its goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricSpec {
    /// Name, no white space.
    pub metric_id: String,
    /// Direction; Vertex AI's default is to maximise.
    #[serde(default)]
    pub goal: Goal,
}

/// Direction of a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Goal {
    /// Larger is better (the default of the API).
    #[default]
    Maximize,
    /// Smaller is better.
    Minimize,
}

/// One parameter; exactly one of the four value specifications is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParameterSpec {
    /// Name, for example `learning_rate`; hyphens and underscores are the same.
    pub parameter_id: String,
    /// A real interval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub double_value_spec: Option<DoubleValueSpec>,
    /// An integer interval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub integer_value_spec: Option<IntegerValueSpec>,
    /// An ordered list of numbers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub discrete_value_spec: Option<DiscreteValueSpec>,
    /// A set of names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub categorical_value_spec: Option<CategoricalValueSpec>,
    /// How the interval is searched; unset for categories.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scale_type: Option<ScaleType>,
    /// Parameters that exist for some values of this one.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub conditional_parameter_specs: Vec<ConditionalParameterSpec>,
}

/// A real interval, both ends included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DoubleValueSpec {
    /// Smallest value.
    pub min_value: f64,
    /// Largest value.
    pub max_value: f64,
}

/// An integer interval, both ends included; strings on the wire (proto3 int64), numbers accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegerValueSpec {
    /// Smallest value.
    #[serde(with = "int64")]
    pub min_value: i64,
    /// Largest value.
    #[serde(with = "int64")]
    pub max_value: i64,
}

/// Numbers in increasing order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscreteValueSpec {
    /// The values.
    pub values: Vec<f64>,
}

/// Names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoricalValueSpec {
    /// The values.
    pub values: Vec<String>,
}

/// How an interval is mapped to the unit interval before searching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScaleType {
    /// Evenly.
    UnitLinearScale,
    /// By the logarithm: small values get as much attention as large ones.
    UnitLogScale,
    /// By the logarithm from the upper end: values near the maximum get more attention.
    UnitReverseLogScale,
}

/// A parameter that exists only for some values of its parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConditionalParameterSpec {
    /// Parent values, for a discrete parent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent_discrete_values: Option<ParentNumericValues>,
    /// Parent values, for an integer parent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent_int_values: Option<ParentNumericValues>,
    /// Parent values, for a categorical parent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent_categorical_values: Option<ParentCategoricalValues>,
    /// The parameter.
    pub parameter_spec: ParameterSpec,
}

/// Parent values as numbers (strings accepted, as int64 arrives).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentNumericValues {
    /// The values.
    pub values: Vec<Value>,
}

/// Parent values as names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentCategoricalValues {
    /// The values.
    pub values: Vec<String>,
}

/// One attempt, in Vertex AI's `Trial` shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// `"1"`, `"2"`, … in the order trials were asked for.
    pub id: String,
    /// How it ended.
    pub state: TrialState,
    /// What was tried.
    pub parameters: Vec<TrialParameter>,
    /// The measurement that counts; absent for an infeasible trial.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub final_measurement: Option<Measurement>,
    /// Measurements on the way, by step.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub measurements: Vec<Measurement>,
    /// Why it gave no measurement, for example `diverged at step 310`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub infeasible_reason: Option<String>,
}

impl Trial {
    /// The final value of a metric, where there is a finite one.
    pub fn metric(&self, metric_id: &str) -> Option<f64> {
        let measurement = self.final_measurement.as_ref()?;
        let metric = measurement
            .metrics
            .iter()
            .find(|m| m.metric_id == metric_id)?;
        metric.value.is_finite().then_some(metric.value)
    }
}

/// State of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TrialState {
    /// Asked for, not begun.
    Requested,
    /// Running.
    Active,
    /// Being stopped early.
    Stopping,
    /// Has a final measurement.
    Succeeded,
    /// Has none, and never will.
    Infeasible,
}

/// One parameter of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrialParameter {
    /// Name, as in the specification.
    pub parameter_id: String,
    /// A number, or a name for a categorical parameter.
    pub value: Value,
}

/// Metric values at a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// Optimizer steps taken.
    #[serde(with = "int64")]
    pub step_count: i64,
    /// The values.
    pub metrics: Vec<MetricValue>,
}

/// One metric's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricValue {
    /// Name, as in the specification.
    pub metric_id: String,
    /// The value.
    pub value: f64,
}

/// `trials.json`: the table of all trials of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trials {
    /// [`crate::FORMAT_VERSION`].
    pub version: u32,
    /// The metric that was optimised.
    pub metric_id: String,
    /// Its direction.
    pub goal: Goal,
    /// All trials, by id.
    pub trials: Vec<Trial>,
}

impl Trials {
    /// An empty table.
    pub fn new(metric_id: &str, goal: Goal) -> Self {
        Self {
            version: crate::FORMAT_VERSION,
            metric_id: metric_id.to_owned(),
            goal,
            trials: Vec::new(),
        }
    }

    /// The best succeeded trial with a finite metric; ties go to the earlier trial.
    pub fn best(&self) -> Option<&Trial> {
        let measured = self
            .trials
            .iter()
            .filter(|t| t.state == TrialState::Succeeded);
        let mut best: Option<(&Trial, f64)> = None;
        for trial in measured {
            let Some(value) = trial.metric(&self.metric_id) else {
                continue;
            };
            let better = best.is_none_or(|(_, found)| match self.goal {
                Goal::Minimize => value < found,
                Goal::Maximize => value > found,
            });
            if better {
                best = Some((trial, value));
            }
        }
        best.map(|(trial, _)| trial)
    }
}

/// `best_hyperparameters.json`: what tuning hands to `train`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BestHyperparameters {
    /// [`crate::FORMAT_VERSION`].
    pub version: u32,
    /// The winning trial's id.
    pub trial_id: String,
    /// The metric that was optimised.
    pub metric_id: String,
    /// The winning trial's value of it.
    pub metric_value: f64,
    /// Values by `train` flag name with underscores, for example `learning_rate`.
    pub hyperparameters: BTreeMap<String, Value>,
}

/// proto3 JSON int64: written as a string, read as a string or a whole number.
mod int64 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Wire {
        Text(String),
        Number(f64),
    }

    // serde's `with` hands over a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn serialize<S: Serializer>(value: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        match Wire::deserialize(deserializer)? {
            Wire::Text(text) => text
                .parse()
                .map_err(|_| D::Error::custom(format!("{text:?} is not an integer"))),
            Wire::Number(number) if number.fract() == 0.0 => Ok(number as i64),
            Wire::Number(number) => Err(D::Error::custom(format!("{number} is not an integer"))),
        }
    }
}
