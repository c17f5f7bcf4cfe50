//! Hyperparameter tuning jobs: a program run many times with different parameters.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::JobSpec;
use super::spec::identified;
use crate::job::JobKey;

/// A tuning job, but for its identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TuningJob {
    /// Metrics, parameters and algorithm, as Vertex AI's `StudySpec` in JSON.
    pub study_spec: Value,
    /// How many trials there are in all.
    pub max_trial_count: u32,
    /// How many run at the same time.
    pub parallel_trial_count: u32,
    /// How many may fail before the job does; 0 leaves it to the service.
    pub max_failed_trial_count: u32,
    /// What a trial runs; its parameters are added as arguments.
    pub trial: JobSpec,
    /// The key that encrypts its data.
    pub kms_key_name: Option<String>,
    /// Labels besides those of the key.
    pub labels: BTreeMap<String, String>,
}

/// One run of the program.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialRecord {
    /// Its number in the job, from 1.
    pub id: String,
    /// `SUCCEEDED`, `INFEASIBLE`, …
    pub state: String,
    /// The parameters it had: numbers or text.
    pub parameters: BTreeMap<String, Value>,
    /// Steps taken until the final measurement.
    pub steps: i64,
    /// The final measurement.
    pub metrics: BTreeMap<String, f64>,
    /// Why it has none.
    pub infeasible_reason: Option<String>,
}

impl TuningJob {
    /// The request for the work of `key`.
    pub fn request(&self, key: &JobKey) -> Value {
        let job = json!({
            "studySpec": self.study_spec,
            "maxTrialCount": self.max_trial_count,
            "parallelTrialCount": self.parallel_trial_count,
            "maxFailedTrialCount": self.max_failed_trial_count,
            "trialJobSpec": self.trial,
        });
        identified(job, key, &self.labels, self.kms_key_name.as_deref())
    }
}

impl TrialRecord {
    /// The trials of a job's document, by number: the service's order means nothing.
    pub fn all(job: &Value) -> Vec<Self> {
        let trials = job["trials"].as_array().into_iter().flatten();
        let mut trials: Vec<Self> = trials.map(Self::of).collect();
        trials.sort_by_key(|trial| trial.id.parse::<u64>().unwrap_or(u64::MAX));
        trials
    }

    fn of(trial: &Value) -> Self {
        let text = |name: &str| trial[name].as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let named = |entry: &Value, name: &str| Some(entry[name].as_str()?.to_owned());
        Self {
            id: text("id"),
            state: text("state"),
            parameters: list(&trial["parameters"])
                .into_iter()
                .filter_map(|entry| Some((named(&entry, "parameterId")?, entry["value"].clone())))
                .collect(),
            steps: text_number(&trial["finalMeasurement"]["stepCount"]),
            metrics: list(&trial["finalMeasurement"]["metrics"])
                .into_iter()
                // A value that is no number comes as text, or not at all.
                .filter_map(|entry| Some((named(&entry, "metricId")?, entry["value"].as_f64()?)))
                .collect(),
            infeasible_reason: Some(text("infeasibleReason")).filter(|reason| !reason.is_empty()),
        }
    }
}

/// A 64-bit number, which is text in JSON; 0 where there is none.
fn text_number(value: &Value) -> i64 {
    let text = value.as_str().and_then(|text| text.parse().ok());
    text.or_else(|| value.as_i64()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_come_in_order_with_what_they_have() {
        let job = json!({"trials": [
            {"id": "10", "state": "INFEASIBLE", "infeasibleReason": "exit code 1"},
            {"id": "2", "state": "SUCCEEDED",
             "parameters": [{"parameterId": "rate", "value": 0.5}, {"parameterId": "kind", "value": "a"}],
             "finalMeasurement": {"stepCount": "3", "metrics": [
                {"metricId": "error", "value": 0.25}, {"metricId": "other", "value": "NaN"}]}},
        ]});
        let trials = TrialRecord::all(&job);
        assert_eq!(trials[0].id, "2");
        assert_eq!(trials[0].steps, 3);
        assert_eq!(trials[0].parameters["rate"], 0.5);
        assert_eq!(trials[0].metrics, BTreeMap::from([("error".into(), 0.25)]));
        assert_eq!(trials[1].infeasible_reason.as_deref(), Some("exit code 1"));
    }
}
