//! The Dataflow service.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::world::{Job, World};

/// Launches a Flex Template. A name may have one active job.
pub(super) fn launch(world: &mut World, path: &[&str], body: &Value) -> Outcome {
    let parameter = &body["launchParameter"];
    let name = parameter["jobName"].as_str().unwrap_or_default();
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase())
        || !name.chars().all(legal)
        || name.ends_with('-')
    {
        return Err(Refusal::invalid(format!(
            "The workflow could not be created. Causes: (1): The job name {name} is invalid."
        )));
    }
    let spec = parameter["containerSpecGcsPath"].as_str();
    if !spec.is_some_and(|spec| spec.starts_with("gs://"))
        && parameter.get("containerSpec").is_none()
    {
        return Err(Refusal::invalid("Missing container spec."));
    }
    if body["validateOnly"] == true {
        return Ok(json!({}));
    }
    let taken = world
        .dataflow
        .values()
        .any(|job| job.document["name"] == name && !job.is_terminal());
    if taken {
        return Err(Refusal::exists(format!(
            "(78f6): There is already an active job named {name}. If you want to submit a second \
             job, try again by setting a different name."
        )));
    }
    let id = format!("2026-01-01_00_00_00-{}", world.number());
    let mut document = json!({
        "id": id, "projectId": path[2], "location": path[4], "name": name,
        "type": "JOB_TYPE_BATCH", "createTime": world.now(),
    });
    if let Some(labels) = parameter["environment"].get("additionalUserLabels") {
        document["labels"] = labels.clone();
    }
    let job = world.job("dataflow", document.clone(), body);
    world.dataflow.insert(id, job);
    Ok(json!({"job": document}))
}

/// Lists jobs: `name`, and `filter` as `ACTIVE`, `TERMINATED` or `ALL`.
pub(super) fn list(world: &World, query: &BTreeMap<String, String>) -> Outcome {
    let filter = query.get("filter").map_or("ALL", String::as_str);
    let fits = |job: &&Job| {
        let named = query
            .get("name")
            .is_none_or(|name| job.document["name"] == *name.as_str());
        named
            && match filter {
                "ACTIVE" => !job.is_terminal(),
                "TERMINATED" => job.is_terminal(),
                _ => true,
            }
    };
    let jobs: Vec<Value> = world.dataflow.values().filter(fits).map(shown).collect();
    // No jobs, no field.
    Ok(if jobs.is_empty() {
        json!({})
    } else {
        json!({"jobs": jobs})
    })
}

/// One job, a moment later than the last time.
pub(super) fn get(world: &mut World, id: &str) -> Outcome {
    let job = world.dataflow.get_mut(id);
    let job = job.ok_or_else(|| Refusal::not_found(id))?;
    job.advance();
    Ok(shown(job))
}

/// Changes the state that is wanted.
pub(super) fn update(world: &mut World, id: &str, body: &Value) -> Outcome {
    let job = world.dataflow.get_mut(id);
    let job = job.ok_or_else(|| Refusal::not_found(id))?;
    match body["requestedState"].as_str() {
        Some("JOB_STATE_CANCELLED") => job.cancel(),
        other => return Err(Refusal::invalid(format!("cannot request {other:?}"))),
    }
    Ok(shown(job))
}

/// The log, from an importance on.
pub(super) fn messages(world: &World, id: &str, query: &BTreeMap<String, String>) -> Outcome {
    const ORDER: [&str; 5] = ["DEBUG", "DETAILED", "BASIC", "WARNING", "ERROR"];
    let job = world.dataflow.get(id);
    let job = job.ok_or_else(|| Refusal::not_found(id))?;
    let rank = |name: &str| {
        ORDER
            .iter()
            .position(|known| name.ends_with(known))
            .unwrap_or(0)
    };
    let least = query.get("minimumImportance").map_or(0, |name| rank(name));
    let since = query.get("startTime").map_or("", String::as_str);
    let mut messages: Vec<Value> = world.messages.clone();
    if job.state() == "JOB_STATE_FAILED"
        && let Some(error) = &job.error
    {
        messages.push(json!({
            "id": "failure", "time": "2026-01-01T01:00:00Z", "messageText": error["message"],
            "messageImportance": "JOB_MESSAGE_ERROR",
        }));
    }
    messages.retain(|message| {
        let importance = message["messageImportance"].as_str().unwrap_or_default();
        rank(importance) >= least && message["time"].as_str().unwrap_or_default() >= since
    });
    Ok(json!({"jobMessages": messages}))
}

/// What was counted.
pub(super) fn metrics(world: &mut World, id: &str) -> Outcome {
    let job = world.dataflow.get(id);
    let job = job.ok_or_else(|| Refusal::not_found(id))?;
    let counted = job.document.get("metrics");
    let metrics = counted.cloned().unwrap_or_else(|| json!(world.metrics));
    Ok(json!({"metricTime": world.now(), "metrics": metrics}))
}

fn shown(job: &Job) -> Value {
    let mut document = job.document.clone();
    if let Some(fields) = document.as_object_mut() {
        fields.remove("metrics"); // asked for apart
    }
    document["currentState"] = json!(job.state());
    document
}
