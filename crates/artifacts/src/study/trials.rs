//! What a study gives: its trials and the best of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Goal, MetricSpec};

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
    /// The value of a parameter, where it exists in this trial.
    pub fn parameter(&self, parameter_id: &str) -> Option<&Value> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|p| p.parameter_id == parameter_id)?;
        Some(&found.value)
    }

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
    /// Was stopped early by the study's stopping rule; its final measurement is its last one. It is
    /// never the best: its training was cut short. (Vertex AI calls such a trial succeeded.)
    Stopped,
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
    #[serde(with = "super::int64")]
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
    /// The metric that was optimised; of several, the first.
    pub metric_id: String,
    /// Its direction.
    pub goal: Goal,
    /// The study's further metrics.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub further_metrics: Vec<MetricSpec>,
    /// With several metrics, the trials no other trial is better than: at least as good in every
    /// metric and better in one. By id.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub pareto_front: Vec<String>,
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
            further_metrics: Vec::new(),
            pareto_front: Vec::new(),
            trials: Vec::new(),
        }
    }

    /// All metrics with their goals, the first one first.
    pub fn metrics(&self) -> impl Iterator<Item = (&str, Goal)> {
        let further = self.further_metrics.iter();
        std::iter::once((self.metric_id.as_str(), self.goal))
            .chain(further.map(|metric| (metric.metric_id.as_str(), metric.goal)))
    }

    /// The best succeeded trial with a finite metric; ties go to the earlier trial.
    pub fn best(&self) -> Option<&Trial> {
        let mut best: Option<(&Trial, f64)> = None;
        for trial in self.succeeded() {
            let Some(value) = trial.metric(&self.metric_id) else {
                continue;
            };
            if best.is_none_or(|(_, found)| self.goal.is_better(value, found)) {
                best = Some((trial, value));
            }
        }
        best.map(|(trial, _)| trial)
    }

    /// Ids of the succeeded trials that no other one dominates; empty for a single metric, where
    /// [`Self::best`] says it all.
    pub fn compromises(&self) -> Vec<String> {
        if self.further_metrics.is_empty() {
            return Vec::new();
        }
        let measured: Vec<(&Trial, Vec<(f64, Goal)>)> = self
            .succeeded()
            .filter_map(|trial| {
                let values = self
                    .metrics()
                    .map(|(id, goal)| Some((trial.metric(id)?, goal)));
                Some((trial, values.collect::<Option<_>>()?))
            })
            .collect();
        let dominates = |a: &[(f64, Goal)], b: &[(f64, Goal)]| {
            let mut pairs = a.iter().zip(b).map(|((a, goal), (b, _))| (*a, *b, *goal));
            !pairs.clone().any(|(a, b, goal)| goal.is_better(b, a))
                && pairs.any(|(a, b, goal)| goal.is_better(a, b))
        };
        measured
            .iter()
            .filter(|(_, values)| !measured.iter().any(|(_, other)| dominates(other, values)))
            .map(|(trial, _)| trial.id.clone())
            .collect()
    }

    fn succeeded(&self) -> impl Iterator<Item = &Trial> {
        let trials = self.trials.iter();
        trials.filter(|trial| trial.state == TrialState::Succeeded)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(TrialState, f64, f64)]) -> Trials {
        let mut trials = Trials::new("error", Goal::Minimize);
        trials.further_metrics = vec![MetricSpec {
            metric_id: "speed".to_owned(),
            goal: Goal::Maximize,
        }];
        let value = |metric_id: &str, value| MetricValue {
            metric_id: metric_id.to_owned(),
            value,
        };
        let trial = |(index, (state, error, speed)): (usize, &(TrialState, f64, f64))| Trial {
            id: (index + 1).to_string(),
            state: *state,
            parameters: Vec::new(),
            final_measurement: Some(Measurement {
                step_count: 1,
                metrics: vec![value("error", *error), value("speed", *speed)],
            }),
            measurements: Vec::new(),
            infeasible_reason: None,
        };
        trials.trials = rows.iter().enumerate().map(trial).collect();
        trials
    }

    #[test]
    fn compromises_are_the_trials_that_nothing_dominates() {
        use TrialState::{Stopped, Succeeded};
        let mut trials = table(&[
            (Succeeded, 3.0, 9.0),
            (Succeeded, 2.0, 5.0),
            (Succeeded, 2.5, 5.0),
            (Succeeded, 1.0, f64::NAN),
            (Succeeded, 1.5, 1.0),
            (Stopped, 0.1, 99.0),
        ]);
        assert_eq!(trials.compromises(), ["1", "2", "5"]);
        assert_eq!(trials.best().map(|trial| trial.id.as_str()), Some("4"));
        trials.further_metrics.clear();
        assert_eq!(trials.compromises(), [""; 0]);
    }
}
