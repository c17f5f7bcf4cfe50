//! Cloud Logging: the logs of Vertex AI's jobs.

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::world::World;

const SEVERITIES: [&str; 5] = ["DEFAULT", "DEBUG", "INFO", "WARNING", "ERROR"];

/// Lists entries; takes filters as the clients write them.
pub(super) fn list(world: &World, body: &Value) -> Outcome {
    let filter = body["filter"].as_str().unwrap_or_default();
    let mut job = None;
    let mut least = 0;
    let mut since = String::new();
    for part in filter.split(" AND ") {
        let value = |begin: &str| {
            let value = part.strip_prefix(begin)?;
            Some(value.trim_matches('"').to_owned())
        };
        if let Some(id) = value("resource.labels.job_id=") {
            job = Some(id);
        } else if let Some(name) = value("severity>=") {
            let rank = SEVERITIES.iter().position(|known| *known == name);
            least = rank.ok_or_else(|| Refusal::invalid(format!("Unparseable filter: {part}")))?;
        } else if let Some(time) = value("timestamp>=") {
            since = time;
        } else if part != "resource.type=\"ml_job\"" {
            return Err(Refusal::invalid(format!("Unparseable filter: {part}")));
        }
    }
    let mut found: Vec<Value> = world
        .vertex_jobs
        .iter()
        .filter(|(name, _)| name.rsplit('/').next() == job.as_deref())
        .flat_map(|(_, job)| job.log())
        .filter(|entry| {
            let severity = entry["severity"].as_str().unwrap_or_default();
            let rank = SEVERITIES.iter().position(|known| *known == severity);
            let time = entry["timestamp"].as_str().unwrap_or_default();
            rank.unwrap_or(0) >= least && time >= since.as_str()
        })
        .collect();
    if body["orderBy"] == "timestamp desc" {
        found.reverse();
    }
    found.truncate(body["pageSize"].as_u64().unwrap_or(50) as usize);
    Ok(if found.is_empty() {
        json!({})
    } else {
        json!({"entries": found})
    })
}
