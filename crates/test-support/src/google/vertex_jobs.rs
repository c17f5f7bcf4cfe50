//! Vertex AI's custom jobs and hyperparameter tuning jobs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::world::{Job, World};

/// Creates a job; nothing keeps two from having the same name.
pub(super) fn create(world: &mut World, collection: &str, body: &Value) -> Outcome {
    let number = world.number();
    // The service names the project by its number.
    let parts: Vec<&str> = collection.split('/').collect();
    let name = format!(
        "projects/123456/locations/{}/{}/{number}",
        parts[4], parts[5]
    );
    let mut document = body.clone();
    document["name"] = json!(name);
    document["createTime"] = json!(world.now());
    let job = world.job("vertex", document, body);
    let answer = shown(&job, &Value::Null);
    world.vertex_jobs.insert(name, job);
    Ok(answer)
}

/// Lists jobs of a kind; filters by labels only, as the clients do.
pub(super) fn list(world: &World, kind: &str, query: &BTreeMap<String, String>) -> Outcome {
    let filter = query.get("filter").map(String::as_str).unwrap_or_default();
    let jobs = world.vertex_jobs.iter();
    let jobs = jobs.filter(|(name, _)| name.contains(&format!("/{kind}/")));
    let mut found = Vec::new();
    for (_, job) in jobs {
        if has_labels(&job.document, filter)? {
            found.push(shown(job, &Value::Null));
        }
    }
    Ok(if found.is_empty() {
        json!({})
    } else {
        json!({kind: found})
    })
}

/// Whether a document has the labels of a filter such as `labels.a=b AND labels.c=d`.
pub(super) fn has_labels(document: &Value, filter: &str) -> Result<bool, Refusal> {
    for part in filter.split(" AND ").filter(|part| !part.is_empty()) {
        let label = part
            .strip_prefix("labels.")
            .and_then(|rest| rest.split_once('='));
        let Some((label, value)) = label else {
            return Err(Refusal::invalid(format!("Invalid filter: {part}")));
        };
        if document["labels"][label] != value {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One job, a moment later than the last time.
pub(super) fn get(world: &mut World, name: &str) -> Outcome {
    let trials = world.trials.clone();
    let job = world.vertex_jobs.get_mut(name);
    let job = job.ok_or_else(|| Refusal::not_found(name))?;
    job.advance();
    Ok(shown(job, &trials))
}

/// Cancels a job that has not ended.
pub(super) fn cancel(world: &mut World, name: &str) -> Outcome {
    let job = world.vertex_jobs.get_mut(name);
    let job = job.ok_or_else(|| Refusal::not_found(name))?;
    if job.is_terminal() {
        return Err(Refusal::precondition(format!("{name} has ended.")));
    }
    job.cancel();
    Ok(json!({}))
}

fn shown(job: &Job, trials: &Value) -> Value {
    let mut document = job.document.clone();
    let state = job.state();
    document["state"] = json!(state);
    if matches!(state, "JOB_STATE_FAILED" | "JOB_STATE_CANCELLED")
        && let Some(error) = &job.error
    {
        document["error"] = error.clone();
    }
    let is_tuning = document.get("studySpec").is_some();
    if is_tuning && state != "JOB_STATE_QUEUED" && trials.is_array() {
        document["trials"] = trials.clone();
    }
    document
}
