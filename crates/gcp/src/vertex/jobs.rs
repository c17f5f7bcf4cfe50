//! Custom jobs and hyperparameter tuning jobs.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Vertex, state};
use crate::api::{Call, CallError, Status};
use crate::job::{Importance, Jobs, KEY_LABEL, Message, RUN_LABEL, Snapshot, Wanted, label_value};

/// Which kind of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// A program is run.
    Custom,
    /// A program is run many times with different parameters.
    Tuning,
}

/// The jobs of one kind in a project and location.
#[derive(Clone, Debug)]
pub struct VertexJobs {
    vertex: Vertex,
    kind: JobKind,
}

impl Vertex {
    /// Jobs that run a program.
    pub fn custom_jobs(&self) -> VertexJobs {
        let vertex = self.clone();
        VertexJobs {
            vertex,
            kind: JobKind::Custom,
        }
    }

    /// Jobs that run a program many times with different parameters.
    pub fn tuning_jobs(&self) -> VertexJobs {
        let vertex = self.clone();
        VertexJobs {
            vertex,
            kind: JobKind::Tuning,
        }
    }
}

impl VertexJobs {
    fn collection(&self) -> String {
        self.vertex.path(match self.kind {
            JobKind::Custom => "customJobs",
            JobKind::Tuning => "hyperparameterTuningJobs",
        })
    }

    fn snapshot(&self, job: Value) -> Snapshot {
        let name = job["name"].as_str().unwrap_or_default().to_owned();
        let state = job["state"].as_str().unwrap_or("JOB_STATE_UNSPECIFIED");
        Snapshot {
            uri: self.vertex.api.address(&format!("v1/{name}")),
            name,
            phase: state::phase(state),
            state: state.to_owned(),
            error: job
                .get("error")
                .filter(|error| error.is_object())
                .map(Status::of_rpc),
            created: job["createTime"].as_str().unwrap_or_default().to_owned(),
            progress: trials(&job),
            document: job,
        }
    }
}

/// How many trials are in which state.
fn trials(job: &Value) -> Option<String> {
    let trials = job["trials"].as_array()?;
    let mut states = std::collections::BTreeMap::<&str, usize>::new();
    for trial in trials {
        let state = trial["state"].as_str().unwrap_or("STATE_UNSPECIFIED");
        *states.entry(state).or_default() += 1;
    }
    let parts: Vec<String> = states
        .iter()
        .map(|(state, count)| format!("{count} {}", state.to_ascii_lowercase()))
        .collect();
    (!parts.is_empty()).then(|| format!("trials: {}", parts.join(", ")))
}

impl Jobs for VertexJobs {
    fn kind(&self) -> &'static str {
        match self.kind {
            JobKind::Custom => "custom job",
            JobKind::Tuning => "tuning job",
        }
    }

    fn resource_type(&self) -> &'static str {
        match self.kind {
            JobKind::Custom => "CustomJob",
            JobKind::Tuning => "HyperparameterTuningJob",
        }
    }

    async fn find(&self, wanted: Wanted<'_>) -> Result<Vec<Snapshot>, CallError> {
        let filter = match wanted {
            Wanted::Key(key) => format!("labels.{KEY_LABEL}={}", key.key()),
            Wanted::Run(run) => format!("labels.{RUN_LABEL}={}", label_value(run)),
        };
        let query = [("filter", filter.as_str())];
        let collection = self.collection();
        let field = collection.rsplit('/').next().unwrap_or_default();
        let jobs = self.vertex.api.list(&collection, &query, field).await?;
        Ok(jobs.into_iter().map(|job| self.snapshot(job)).collect())
    }

    async fn create(&self, request: &Value) -> Result<Snapshot, CallError> {
        let path = self.collection();
        let job = self.vertex.api.call(Call::create(&path, request)).await?;
        let job = self.snapshot(job);
        if job.name.is_empty() {
            return Err(CallError::Answer {
                call: format!("POST {}", self.vertex.api.address(&path)),
                problem: "names no job".into(),
            });
        }
        Ok(job)
    }

    async fn get(&self, name: &str) -> Result<Snapshot, CallError> {
        let path = format!("v1/{name}");
        let job = self.vertex.api.call(Call::get(&path, &[])).await?;
        Ok(self.snapshot(job))
    }

    async fn cancel(&self, name: &str) -> Result<(), CallError> {
        let path = format!("v1/{name}:cancel");
        let body = json!({});
        let call = Call::act(&Method::POST, &path, Some(&body));
        match self.vertex.api.call(call).await {
            // It has ended already.
            Err(error)
                if error
                    .status()
                    .is_some_and(|s| s.code == "FAILED_PRECONDITION") =>
            {
                Ok(())
            }
            other => other.map(drop),
        }
    }

    async fn messages(
        &self,
        name: &str,
        least: Importance,
        since: Option<&str>,
    ) -> Result<Vec<Message>, CallError> {
        self.vertex.log(name, least, since).await
    }

    fn console(&self, name: &str) -> String {
        let id = name.rsplit('/').next().unwrap_or_default();
        let Vertex {
            project, location, ..
        } = &self.vertex;
        format!(
            "https://console.cloud.google.com/ai/platform/locations/{location}/training/{id}?project={project}"
        )
    }
}
