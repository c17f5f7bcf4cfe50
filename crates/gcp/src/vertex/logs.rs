//! The log of a job's program, which Cloud Logging keeps:
//! <https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list>.

use reqwest::Method;
use serde_json::{Value, json};

use super::Vertex;
use crate::api::{Call, CallError};
use crate::job::{Importance, Message};

/// Google's address.
pub(super) const ADDRESS: &str = "https://logging.googleapis.com";
/// Entries of one look; those that are more come with the next.
const PAGE: u32 = 200;

impl Vertex {
    /// What the job's program has logged: from `since` on, the oldest first; without it the
    /// newest entries that matter enough.
    pub(super) async fn log(
        &self,
        job: &str,
        least: Importance,
        since: Option<&str>,
    ) -> Result<Vec<Message>, CallError> {
        let id = job.rsplit('/').next().unwrap_or_default();
        let severity = match least {
            Importance::Detail => "DEFAULT",
            Importance::Basic => "INFO",
            Importance::Warning => "WARNING",
            Importance::Error => "ERROR",
        };
        let mut filter = format!(
            "resource.type=\"ml_job\" AND resource.labels.job_id=\"{id}\" AND severity>={severity}"
        );
        if let Some(since) = since {
            filter = format!("{filter} AND timestamp>=\"{since}\"");
        }
        let forward = since.is_some() || least != Importance::Error;
        let order = if forward { "asc" } else { "desc" };
        let body = json!({
            "resourceNames": [format!("projects/{}", self.project)],
            "filter": filter,
            "orderBy": format!("timestamp {order}"),
            "pageSize": PAGE,
        });
        let call = Call::act(&Method::POST, "v2/entries:list", Some(&body));
        let answer = self.logging.call(call).await?;
        let entries = answer["entries"].as_array().into_iter().flatten();
        let mut messages: Vec<Message> = entries.filter_map(message).collect();
        if !forward {
            messages.reverse();
        }
        Ok(messages)
    }
}

/// An entry as text; one without any is left out.
fn message(entry: &Value) -> Option<Message> {
    let text = |value: &Value| value.as_str().map(|text| text.trim().to_owned());
    let payload = &entry["jsonPayload"];
    let said = text(&entry["textPayload"]).or_else(|| text(&payload["message"]));
    Some(Message {
        id: text(&entry["insertId"]).unwrap_or_default(),
        time: text(&entry["timestamp"]).unwrap_or_default(),
        importance: match entry["severity"].as_str() {
            Some("ERROR" | "CRITICAL" | "ALERT" | "EMERGENCY") => Importance::Error,
            Some("WARNING") => Importance::Warning,
            Some("DEBUG" | "DEFAULT") => Importance::Detail,
            _ => Importance::Basic,
        },
        text: said.filter(|text| !text.is_empty())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_entries_are_read_and_others_left_out() {
        let read = |entry: Value| message(&entry).map(|message| (message.importance, message.text));
        for (entry, expected) in [
            (
                json!({"textPayload": "step 1\n", "severity": "INFO"}),
                Some((Importance::Basic, "step 1".to_owned())),
            ),
            (
                json!({"jsonPayload": {"message": "diverged", "attrs": {}}, "severity": "ERROR"}),
                Some((Importance::Error, "diverged".to_owned())),
            ),
            (json!({"jsonPayload": {"other": 1}}), None),
            (json!({"protoPayload": {}}), None),
        ] {
            assert_eq!(read(entry), expected);
        }
    }
}
