//! Calls of the Dataflow service.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Metric, state};
use crate::Credentials;
use crate::api::{Api, Call, CallError, Retry};
use crate::job::{Importance, Jobs, Message, RUN_LABEL, Snapshot, Wanted, label_value};

/// The Dataflow jobs of a project in a location. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dataflow {
    api: Api,
    project: String,
    location: String,
}

impl Dataflow {
    /// Google's address.
    pub const ADDRESS: &str = "https://dataflow.googleapis.com";

    /// A client; `endpoint` is another address than Google's, for tests. `project` is the
    /// project's id, not its number, which this service does not take.
    pub fn new(
        endpoint: Option<&str>,
        credentials: Credentials,
        project: &str,
        location: &str,
    ) -> Result<Self, CallError> {
        Ok(Self {
            api: Api::new(endpoint.unwrap_or(Self::ADDRESS), credentials)?,
            project: project.to_owned(),
            location: location.to_owned(),
        })
    }

    /// Repeats calls as `retry` says.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        Self {
            api: self.api.with_retry(retry),
            ..self
        }
    }

    /// Has the service check a launch request, and launches nothing.
    pub async fn validate(&self, request: &Value) -> Result<(), CallError> {
        let mut request = request.clone();
        request["validateOnly"] = json!(true);
        let path = self.path("flexTemplates:launch");
        let call = Call::act(&Method::POST, &path, Some(&request));
        self.api.call(call).await.map(drop)
    }

    /// What a job counted, as committed; whole only once it is done.
    pub async fn metrics(&self, name: &str) -> Result<Vec<Metric>, CallError> {
        let path = self.path(&format!("jobs/{name}/metrics"));
        let document = self.api.call(Call::get(&path, &[])).await?;
        let updates = document["metrics"].as_array();
        let updates = updates.into_iter().flatten();
        Ok(updates.filter_map(Metric::committed).collect())
    }

    fn path(&self, below: &str) -> String {
        let Self {
            project, location, ..
        } = self;
        format!("v1b3/projects/{project}/locations/{location}/{below}")
    }

    fn snapshot(&self, job: Value) -> Snapshot {
        let name = job["id"].as_str().unwrap_or_default().to_owned();
        let (phase, state) = state::phase(&job);
        Snapshot {
            uri: self.api.address(&self.path(&format!("jobs/{name}"))),
            name,
            phase,
            state,
            // What went wrong is in the job's messages only.
            error: None,
            created: job["createTime"].as_str().unwrap_or_default().to_owned(),
            progress: None,
            document: job,
        }
    }
}

impl Jobs for Dataflow {
    fn kind(&self) -> &'static str {
        "Dataflow job"
    }

    fn resource_type(&self) -> &'static str {
        "DataflowJob"
    }

    async fn find(&self, wanted: Wanted<'_>) -> Result<Vec<Snapshot>, CallError> {
        let path = self.path("jobs");
        let view = ("view", "JOB_VIEW_SUMMARY");
        let jobs = match wanted {
            // The name has the key in it, and the service compares the whole name.
            Wanted::Key(key) => {
                let name = key.name();
                let query = [("name", name.as_str()), ("filter", "ALL"), view];
                self.api.list(&path, &query, "jobs").await?
            }
            // The service does not select by label.
            Wanted::Run(run) => {
                let run = label_value(run);
                let query = [("filter", "ACTIVE"), view];
                let mut jobs = self.api.list(&path, &query, "jobs").await?;
                jobs.retain(|job| job["labels"][RUN_LABEL].as_str() == Some(&run));
                jobs
            }
        };
        Ok(jobs.into_iter().map(|job| self.snapshot(job)).collect())
    }

    async fn create(&self, request: &Value) -> Result<Snapshot, CallError> {
        let path = self.path("flexTemplates:launch");
        let mut answer = self.api.call(Call::create(&path, request)).await?;
        let job = self.snapshot(answer["job"].take());
        if job.name.is_empty() {
            return Err(CallError::Answer {
                call: format!("POST {}", self.api.address(&path)),
                problem: "names no job".into(),
            });
        }
        Ok(job)
    }

    async fn get(&self, name: &str) -> Result<Snapshot, CallError> {
        let path = self.path(&format!("jobs/{name}"));
        let query = [("view", "JOB_VIEW_SUMMARY")];
        let job = self.api.call(Call::get(&path, &query)).await?;
        Ok(self.snapshot(job))
    }

    async fn cancel(&self, name: &str) -> Result<(), CallError> {
        let path = self.path(&format!("jobs/{name}"));
        let body = json!({"requestedState": "JOB_STATE_CANCELLED"});
        let call = Call::act(&Method::PUT, &path, Some(&body));
        self.api.call(call).await.map(drop)
    }

    async fn messages(
        &self,
        name: &str,
        least: Importance,
        since: Option<&str>,
    ) -> Result<Vec<Message>, CallError> {
        let path = self.path(&format!("jobs/{name}/messages"));
        let mut query = vec![("minimumImportance", importance_name(least))];
        query.extend(since.map(|since| ("startTime", since)));
        let messages = self.api.list(&path, &query, "jobMessages").await?;
        Ok(messages.iter().map(message).collect())
    }

    fn console(&self, name: &str) -> String {
        let Self {
            project, location, ..
        } = self;
        format!(
            "https://console.cloud.google.com/dataflow/jobs/{location}/{name}?project={project}"
        )
    }
}

fn importance_name(importance: Importance) -> &'static str {
    match importance {
        Importance::Detail => "JOB_MESSAGE_DETAILED",
        Importance::Basic => "JOB_MESSAGE_BASIC",
        Importance::Warning => "JOB_MESSAGE_WARNING",
        Importance::Error => "JOB_MESSAGE_ERROR",
    }
}

fn message(message: &Value) -> Message {
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    Message {
        id: text("id"),
        time: text("time"),
        importance: match message["messageImportance"].as_str() {
            Some("JOB_MESSAGE_ERROR") => Importance::Error,
            Some("JOB_MESSAGE_WARNING") => Importance::Warning,
            Some("JOB_MESSAGE_DEBUG" | "JOB_MESSAGE_DETAILED") => Importance::Detail,
            _ => Importance::Basic,
        },
        text: text("messageText"),
    }
}
