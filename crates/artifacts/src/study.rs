//! Studies and trials in Vertex AI's shapes (`StudySpec`, `Trial`; lowerCamelCase, int64 as strings),
//! so that one specification file serves the local tuner and Vertex AI.

mod trials;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use trials::{
    BestHyperparameters, Measurement, MetricValue, Trial, TrialParameter, TrialState, Trials,
};

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

/// Vertex AI `StudySpec`. A field of another name is refused when it is read; a field that is known
/// here but not supported by a tuner is refused by the tuner, by its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StudySpec {
    /// Metrics; with several the search looks for the best compromises between them, and the first
    /// decides which trial is the best.
    pub metrics: Vec<MetricSpec>,
    /// Parameters to search.
    pub parameters: Vec<ParameterSpec>,
    /// `ALGORITHM_UNSPECIFIED`, `GRID_SEARCH` or `RANDOM_SEARCH`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub algorithm: Option<String>,
    /// `LAST_MEASUREMENT` or `BEST_MEASUREMENT`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub measurement_selection_type: Option<String>,
    /// Stops a trial whose best value so far is worse than the median trial's average up to there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub median_automated_stopping_spec: Option<AutomatedStoppingSpec>,
    /// Stops a trial whose curve leaves it no chance to become the best.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decay_curve_stopping_spec: Option<AutomatedStoppingSpec>,
    /// Stopping by a convex model of the curve, in Vertex AI's shape.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub convex_automated_stopping_spec: Option<Value>,
    /// When the whole study stops before its last trial.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub study_stopping_config: Option<StudyStoppingConfig>,
    /// How noisy the metric is: `LOW` or `HIGH`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub observation_noise: Option<String>,
}

/// A rule that stops trials early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AutomatedStoppingSpec {
    /// Compare trials at equal times instead of at equal steps.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub use_elapsed_duration: bool,
}

/// When a study stops before its last trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StudyStoppingConfig {
    /// Also stop the trials that run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub should_stop_asap: Option<bool>,
    /// Trials before which the study does not stop.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min_num_trials: Option<u32>,
    /// Trials after which it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_num_trials: Option<u32>,
    /// Trials in a row without a better one after which it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_num_trials_no_progress: Option<u32>,
    /// Time without a better trial after which it does, in Vertex AI's shape.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_duration_no_progress: Option<Value>,
    /// Time before which the study does not stop, in Vertex AI's shape.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub minimum_runtime_constraint: Option<Value>,
    /// Time after which it does, in Vertex AI's shape.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub maximum_runtime_constraint: Option<Value>,
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
    #[serde(alias = "GOAL_TYPE_UNSPECIFIED")]
    Maximize,
    /// Smaller is better.
    Minimize,
}

impl Goal {
    /// Whether the first value is better than the second; a NaN never is.
    pub fn is_better(self, value: f64, than: f64) -> bool {
        match self {
            Self::Maximize => value > than,
            Self::Minimize => value < than,
        }
    }
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
    /// As if it were not there.
    ScaleTypeUnspecified,
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

/// Parent values as numbers; int64 arrives, and leaves, as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentNumericValues {
    /// The values.
    pub values: Vec<Value>,
}

impl ParentNumericValues {
    /// The values as numbers; the first that is none as it stands there.
    pub fn numbers(&self) -> Result<Vec<f64>, String> {
        let number = |value: &Value| {
            let found = match value {
                Value::String(text) => text.parse().ok(),
                value => value.as_f64(),
            };
            found.ok_or_else(|| value.to_string())
        };
        self.values.iter().map(number).collect()
    }
}

/// Parent values as names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentCategoricalValues {
    /// The values.
    pub values: Vec<String>,
}

/// proto3 JSON int64: written as a string, read as a string or a whole number.
pub(crate) mod int64 {
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
