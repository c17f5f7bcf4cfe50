//! What a tuner of Vertex AI is told by a trial: the metric file of cloudml-hypertune,
//! <https://github.com/GoogleCloudPlatform/cloudml-hypertune>. Katib's JSON collector reads the
//! same lines.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::Error;

/// Where the file is, unless the tuner says otherwise.
const DEFAULT_FILE: &str = "/tmp/hypertune/output.metrics";
/// How many of the last lines the file keeps.
const MOST_LINES: usize = 100;

/// The tuner that this process is a trial of.
pub(crate) struct Tuner {
    path: PathBuf,
    trial: String,
    metric: String,
    lines: VecDeque<String>,
    last: Option<f64>,
}

impl Tuner {
    /// The tuner, if there is one; it wants to know `metric`.
    pub(crate) fn from_env(metric: &str) -> Option<Self> {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (file, trial) = (set("CLOUD_ML_HP_METRIC_FILE"), set("CLOUD_ML_TRIAL_ID"));
        if file.is_none() && trial.is_none() {
            return None;
        }
        Some(Self {
            path: file.unwrap_or_else(|| DEFAULT_FILE.to_owned()).into(),
            trial: trial.unwrap_or_else(|| "0".to_owned()),
            metric: metric.to_owned(),
            lines: VecDeque::new(),
            last: None,
        })
    }

    /// Tells the metric after `step` steps; what is no finite number is kept back, the file has
    /// no way to say it.
    pub(crate) fn report(&mut self, step: u64, value: f64) -> Result<(), Error> {
        if !value.is_finite() {
            return Ok(());
        }
        self.last = Some(value);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let line = json!({
            "checkpoint_path": "",
            "global_step": step.to_string(),
            (self.metric.as_str()): value.to_string(),
            "timestamp": now.unwrap_or_default().as_secs_f64(),
            "trial": self.trial,
        });
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

    /// Tells the metric of the weights that are kept, unless it is what was told last: a tuner
    /// takes the last value for the trial's.
    pub(crate) fn conclude(&mut self, step: u64, value: f64) -> Result<(), Error> {
        if self.last == Some(value) {
            return Ok(());
        }
        self.report(step, value)
    }
}
