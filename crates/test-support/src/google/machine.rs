//! A machine of Vertex AI: what a job's container would do is really done.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use super::Containers;

/// Runs the containers of jobs, with the environment that Vertex AI would give them.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What runs them.
    pub containers: Containers,
    /// Variables besides those of the service, for example where the fake storage is.
    pub env: Vec<(String, String)>,
}

impl Machine {
    /// Does the work of a job, a custom or a tuning one: the fields its document gains, or what
    /// went wrong as a `google.rpc.Status`.
    pub fn work(&self, request: &Value) -> Result<Value, Value> {
        if request["studySpec"].is_null() {
            let spec = &request["jobSpec"];
            let base = base(spec);
            self.run(spec, &[], &aip(&base), None)
                .map(|()| json!({}))
                .map_err(|message| json!({"code": 3, "message": message}))
        } else {
            Ok(json!({"trials": self.trials(request)}))
        }
    }

    fn trials(&self, request: &Value) -> Vec<Value> {
        let count = request["maxTrialCount"].as_u64().unwrap_or(1);
        (1..=count)
            .map(|id| self.trial(request, id, count))
            .collect()
    }

    /// One trial: values spread over each parameter's range.
    fn trial(&self, request: &Value, id: u64, count: u64) -> Value {
        let part = (id as f64 - 0.5) / count as f64;
        let parameters = request["studySpec"]["parameters"].as_array();
        let parameters: Vec<Value> = parameters
            .into_iter()
            .flatten()
            .map(|spec| json!({"parameterId": spec["parameterId"], "value": value(spec, part)}))
            .collect();
        let flags: Vec<String> = parameters
            .iter()
            .flat_map(|one| {
                let name = format!("--{}", one["parameterId"].as_str().unwrap_or_default());
                let value = one["value"].as_str().map(str::to_owned);
                [name, value.unwrap_or_else(|| one["value"].to_string())]
            })
            .collect();
        let metrics = tempfile::tempdir().expect("there is room for a file");
        // The container has a user of its own.
        let open = std::fs::set_permissions(metrics.path(), Permissions::from_mode(0o777));
        open.expect("the folder is this process's own");
        let file = metrics.path().join("output.metrics");
        let spec = &request["trialJobSpec"];
        let mut env = aip(&format!("{}{id}/", base(spec)));
        env.push(("CLOUD_ML_TRIAL_ID".into(), id.to_string()));
        env.push(("CLOUD_ML_HP_METRIC_FILE".into(), file.display().to_string()));
        let ran = self.run(spec, &flags, &env, Some(metrics.path()));
        let wanted = request["studySpec"]["metrics"][0]["metricId"].as_str();
        let measurement = measurement(&file, wanted.unwrap_or_default());
        let mut trial = json!({"id": id.to_string(), "parameters": parameters});
        match (ran, measurement) {
            (Ok(()), Some(measurement)) => {
                trial["state"] = json!("SUCCEEDED");
                trial["finalMeasurement"] = measurement;
            }
            (ran, _) => {
                trial["state"] = json!("INFEASIBLE");
                let reason = ran.err().unwrap_or("no measurement was reported".into());
                trial["infeasibleReason"] = json!(reason);
            }
        }
        trial
    }

    /// Runs the container of a job's first machine, which sees `folder`.
    fn run(
        &self,
        spec: &Value,
        flags: &[String],
        env: &[(String, String)],
        folder: Option<&Path>,
    ) -> Result<(), String> {
        let mut container = spec["workerPoolSpecs"][0]["containerSpec"].clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut args = container["args"].as_array().cloned().unwrap_or_default();
        args.extend(flags.iter().map(|flag| json!(flag)));
        container["args"] = json!(args);
        let own = container["env"].as_array().into_iter().flatten();
        let mut all: Vec<(String, String)> = own
            .map(|one| (text(&one["name"]), text(&one["value"])))
            .collect();
        all.extend(self.env.iter().chain(env).cloned());
        let name = format!("fake-vertex-{}-job-{}", std::process::id(), number());
        let mut command = self.containers.command(&container, &all, &name, folder);
        let output = command.output();
        let output = output.map_err(|error| error.to_string())?;
        match output.status.code() {
            Some(0) => Ok(()),
            code => Err(format!(
                "The replica workerpool0-0 exited with a non-zero status of {}. {}",
                code.unwrap_or(-1),
                String::from_utf8_lossy(&output.stderr)
                    .lines()
                    .last()
                    .unwrap_or_default()
            )),
        }
    }
}

/// Another number every time.
fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn base(spec: &Value) -> String {
    let base = spec["baseOutputDirectory"]["outputUriPrefix"].as_str();
    base.unwrap_or_default().to_owned()
}

/// The folders of a job that has an output directory.
fn aip(base: &str) -> Vec<(String, String)> {
    if base.is_empty() {
        return Vec::new();
    }
    [
        ("AIP_MODEL_DIR", "model/"),
        ("AIP_CHECKPOINT_DIR", "checkpoints/"),
        ("AIP_TENSORBOARD_LOG_DIR", "logs/"),
    ]
    .map(|(name, folder)| (name.to_owned(), format!("{base}{folder}")))
    .to_vec()
}

/// A value of a parameter, at a part of its range; a list's values are numbers, as Vertex AI
/// gives them.
fn value(spec: &Value, part: f64) -> Value {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let range = |spec: &Value| Some((number(&spec["minValue"])?, number(&spec["maxValue"])?));
    let is_log = spec["scaleType"] == "UNIT_LOG_SCALE";
    let at = |(low, high): (f64, f64)| {
        if is_log {
            low * (high / low).powf(part)
        } else {
            low + (high - low) * part
        }
    };
    if let Some(range) = range(&spec["doubleValueSpec"]) {
        return json!(at(range));
    }
    if let Some(range) = range(&spec["integerValueSpec"]) {
        return json!(at(range).round() as i64);
    }
    let values = ["discreteValueSpec", "categoricalValueSpec"]
        .iter()
        .find_map(|kind| spec[*kind]["values"].as_array());
    let values = values.cloned().unwrap_or_default();
    let index = (part * values.len() as f64) as usize;
    values.get(index).cloned().unwrap_or_default()
}

/// The last line of the metric file that has the metric.
fn measurement(file: &Path, metric: &str) -> Option<Value> {
    let text = std::fs::read_to_string(file).ok()?;
    let lines = text.lines().rev();
    let mut lines = lines.filter_map(|line| serde_json::from_str::<Map<String, Value>>(line).ok());
    let line = lines.find(|line| line.contains_key(metric))?;
    let value: f64 = line[metric].as_str()?.parse().ok()?;
    Some(json!({
        "stepCount": line["global_step"],
        "metrics": [{"metricId": metric, "value": value}],
    }))
}
