//! What a tuner of Vertex AI is told by a trial: the metric file of cloudml-hypertune,
//! <https://github.com/GoogleCloudPlatform/cloudml-hypertune>. Katib's JSON collector reads the
//! same lines.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use trainer::{Measure, Step, UnknownMeasure};

use crate::Error;

/// Where the file is, unless the tuner says otherwise.
const DEFAULT_FILE: &str = "/tmp/hypertune/output.metrics";
/// How many of the last lines the file keeps.
const MOST_LINES: usize = 100;

/// What a tuner wants to know, in the order of the study's metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TuningMetrics(Vec<(String, Measure)>);

impl FromStr for TuningMetrics {
    type Err = UnknownMeasure;

    fn from_str(names: &str) -> Result<Self, UnknownMeasure> {
        let names = names.split(',').map(str::trim);
        let metrics = names.map(|name| Ok((name.to_owned(), name.parse()?)));
        metrics.collect::<Result<_, _>>().map(Self)
    }
}

impl std::fmt::Display for TuningMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        f.write_str(&names.join(","))
    }
}

/// The tuner that this process is a trial of.
pub(crate) struct Tuner {
    path: PathBuf,
    trial: String,
    metrics: TuningMetrics,
    lines: VecDeque<String>,
    last: Vec<f64>,
}

impl Tuner {
    /// The tuner, if there is one.
    pub(crate) fn from_env(metrics: &TuningMetrics) -> Option<Self> {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (file, trial) = (set("CLOUD_ML_HP_METRIC_FILE"), set("CLOUD_ML_TRIAL_ID"));
        if file.is_none() && trial.is_none() {
            return None;
        }
        Some(Self {
            path: file.unwrap_or_else(|| DEFAULT_FILE.to_owned()).into(),
            trial: trial.unwrap_or_else(|| "0".to_owned()),
            metrics: metrics.clone(),
            lines: VecDeque::new(),
            last: Vec::new(),
        })
    }

    /// Tells what a look found; what is no finite number is kept back, the file has no way to say
    /// it.
    pub(crate) fn report(&mut self, look: &Step) -> Result<(), Error> {
        let values = self.values(look);
        if !values.iter().all(|value| value.is_finite()) {
            return Ok(());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut line = Map::new();
        line.insert("checkpoint_path".to_owned(), "".into());
        line.insert("global_step".to_owned(), look.step.to_string().into());
        for ((name, _), value) in self.metrics.0.iter().zip(&values) {
            line.insert(name.clone(), value.to_string().into());
        }
        line.insert(
            "timestamp".to_owned(),
            json!(now.unwrap_or_default().as_secs_f64()),
        );
        line.insert("trial".to_owned(), self.trial.clone().into());
        let line = Value::Object(line);
        self.last = values;
        self.lines.push_back(line.to_string());
        if self.lines.len() > MOST_LINES {
            self.lines.pop_front();
        }
        // In place, not by a rename: the tuner's agent watches this very file.
        let text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        let folder = self.path.parent().map_or(Ok(()), fs::create_dir_all);
        folder
            .and_then(|()| fs::write(&self.path, text))
            .map_err(|source| Error::Hypertune {
                path: self.path.clone(),
                source,
            })
    }

    /// Tells what the weights that are kept come to, unless it is what was told last: a tuner
    /// takes the last values for the trial's.
    pub(crate) fn conclude(&mut self, kept: &Step) -> Result<(), Error> {
        if self.last == self.values(kept) {
            return Ok(());
        }
        self.report(kept)
    }

    fn values(&self, look: &Step) -> Vec<f64> {
        let metrics = self.metrics.0.iter();
        metrics.map(|(_, measure)| measure.value(look)).collect()
    }
}
