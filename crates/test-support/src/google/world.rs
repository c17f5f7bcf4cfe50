//! What the fake Google Cloud knows: its jobs and resources, and how time passes for them.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// A job of any service.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The service's document, without the state.
    pub(super) document: Value,
    /// The states to come; the first is now.
    pub(super) states: VecDeque<String>,
    /// What the service says when it fails.
    pub(super) error: Option<Value>,
    /// What its work comes to, once it is done; `None` where nothing is really done.
    work: Option<Arc<Mutex<Option<Done>>>>,
}

/// What work comes to: fields for the job's document, or what went wrong.
type Done = Result<Value, Value>;

/// What jobs do: see [`super::FakeGoogle::work`].
#[derive(Clone)]
pub(super) struct Work(pub(super) Doing);

/// From the request that created a job to what its work comes to.
pub(super) type Doing = Arc<dyn Fn(&Value) -> Done + Send + Sync>;

/// What served models answer: see [`super::FakeGoogle::serve`].
#[derive(Clone)]
pub(super) struct Model(pub(super) Answer);

/// From a version's document and a request to an answer's document, or why there is none.
pub(super) type Answer = Arc<dyn Fn(&Value, &Value) -> Result<Value, String> + Send + Sync>;

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Model")
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

/// Everything there is.
#[derive(Debug, Default)]
pub(super) struct World {
    /// Dataflow jobs by id.
    pub(super) dataflow: BTreeMap<String, Job>,
    /// Vertex AI jobs by name.
    pub(super) vertex_jobs: BTreeMap<String, Job>,
    /// Models' versions by `name@version`.
    pub(super) versions: BTreeMap<String, Value>,
    /// Endpoints by name.
    pub(super) endpoints: BTreeMap<String, Value>,
    /// Long-running operations by name.
    pub(super) operations: BTreeMap<String, super::operations::Operation>,
    /// The host of endpoints that have one of their own.
    pub(super) dedicated_host: String,
    /// The states the next jobs go through, one for each time they are asked for.
    pub(super) script: BTreeMap<&'static str, Vec<&'static str>>,
    /// What goes wrong with the next jobs that fail.
    pub(super) failure: Option<Value>,
    /// The trials of tuning jobs, once they have run.
    pub(super) trials: Value,
    /// Messages of every Dataflow job.
    pub(super) messages: Vec<Value>,
    /// Metrics of every Dataflow job.
    pub(super) metrics: Vec<Value>,
    /// What the next jobs do.
    pub(super) work: Option<Work>,
    /// What served models answer.
    pub(super) model: Option<Model>,
    /// Predictions asked for so far.
    pub(super) asked: u64,
    clock: u64,
}

impl World {
    /// A number that was not given before.
    pub(super) fn number(&mut self) -> u64 {
        self.clock += 1;
        1_000_000 + self.clock
    }

    /// A time later than all before.
    pub(super) fn now(&mut self) -> String {
        self.clock += 1;
        let (minutes, seconds) = (self.clock / 60, self.clock % 60);
        format!(
            "2026-01-01T{:02}:{:02}:{seconds:02}Z",
            minutes / 60,
            minutes % 60
        )
    }

    /// A new job of a service, created by `request`.
    pub(super) fn job(&self, service: &'static str, document: Value, request: &Value) -> Job {
        let mut usual = vec!["JOB_STATE_QUEUED", "JOB_STATE_RUNNING"];
        let work = self.work.clone().map(|work| {
            let outcome = Arc::new(Mutex::new(None));
            let (done, request) = (Arc::clone(&outcome), request.clone());
            std::thread::spawn(move || {
                let result = work.0(&request);
                *done.lock().expect("nobody panics holding it") = Some(result);
            });
            outcome
        });
        if work.is_none() {
            usual.push(Job::done(service));
        }
        let states = self.script.get(service).cloned().unwrap_or(usual);
        Job {
            document,
            states: states.into_iter().map(str::to_owned).collect(),
            error: self.failure.clone(),
            work,
        }
    }
}

impl Job {
    /// The state now.
    pub(super) fn state(&self) -> &str {
        self.states
            .front()
            .map_or("JOB_STATE_UNKNOWN", String::as_str)
    }

    pub(super) fn is_terminal(&self) -> bool {
        let state = self.state().trim_start_matches("JOB_STATE_");
        [
            "DONE",
            "SUCCEEDED",
            "PARTIALLY_SUCCEEDED",
            "FAILED",
            "CANCELLED",
            "EXPIRED",
            "UPDATED",
            "DRAINED",
        ]
        .contains(&state)
    }

    /// The state of a service's job that ended well.
    fn done(service: &str) -> &'static str {
        match service {
            "dataflow" => "JOB_STATE_DONE",
            _ => "JOB_STATE_SUCCEEDED",
        }
    }

    /// Goes on to the next state; the last one stays until the work is done.
    pub(super) fn advance(&mut self) {
        if self.states.len() > 1 {
            self.states.pop_front();
        }
        if self.state() != "JOB_STATE_RUNNING" {
            return;
        }
        let Some(work) = &self.work else { return };
        let outcome = work.lock().expect("nobody panics holding it").take();
        let Some(outcome) = outcome else { return };
        // Only Dataflow's documents have a type.
        let is_dataflow = self.document.get("type").is_some();
        let state = match outcome {
            Ok(fields) => {
                for (name, value) in fields.as_object().into_iter().flatten() {
                    self.document[name] = value.clone();
                }
                Self::done(if is_dataflow { "dataflow" } else { "vertex" })
            }
            Err(error) => {
                self.error = Some(error);
                "JOB_STATE_FAILED"
            }
        };
        self.states = [state.to_owned()].into();
    }

    /// What its program has logged: nothing before it ran.
    pub(super) fn log(&self) -> Vec<Value> {
        let entry = |number: u64, severity: &str, text: &str| {
            json!({
                "insertId": number.to_string(), "timestamp": format!("2026-01-01T00:00:{number:02}Z"),
                "severity": severity, "jsonPayload": {"message": text},
            })
        };
        let mut entries = Vec::new();
        if !matches!(self.state(), "JOB_STATE_QUEUED" | "JOB_STATE_PENDING") {
            entries.push(entry(1, "INFO", "the program has begun"));
        }
        if self.state() == "JOB_STATE_FAILED" {
            entries.push(entry(2, "ERROR", "the program has failed"));
        }
        entries
    }

    /// Is about to end, unless it has.
    pub(super) fn cancel(&mut self) {
        if !self.is_terminal() {
            self.states = ["JOB_STATE_CANCELLING", "JOB_STATE_CANCELLED"]
                .map(str::to_owned)
                .into();
            self.error = Some(json!({"code": 1, "message": "The job was cancelled."}));
        }
    }
}
