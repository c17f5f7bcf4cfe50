//! The states of a Dataflow job.

use serde_json::Value;

use crate::job::Phase;

/// <https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs#jobstate>
pub(super) fn phase(job: &Value) -> (Phase, String) {
    let state = job["currentState"].as_str().unwrap_or("JOB_STATE_UNKNOWN");
    let phase = match state.strip_prefix("JOB_STATE_").unwrap_or(state) {
        "DONE" => Phase::Succeeded,
        "FAILED" => Phase::Failed,
        // A drained job has stopped reading before the end of its input.
        "CANCELLED" | "DRAINED" => Phase::Cancelled,
        "UPDATED" => match job["replacedByJobId"].as_str() {
            Some(successor) => Phase::Replaced(successor.to_owned()),
            None => Phase::Unknown,
        },
        // "Stopped" is said of a job that has not yet started. A job just created has no state.
        "STOPPED" | "QUEUED" | "PENDING" => Phase::Queued,
        "RUNNING" | "DRAINING" | "RESOURCE_CLEANING_UP" => Phase::Running,
        "PAUSING" | "PAUSED" => Phase::Paused,
        "CANCELLING" => Phase::Cancelling,
        _ => Phase::Unknown,
    };
    (phase, state.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_documented_state_is_known() {
        let replaced = Phase::Replaced("next".into());
        for (state, expected) in [
            ("JOB_STATE_UNKNOWN", Phase::Unknown),
            ("JOB_STATE_STOPPED", Phase::Queued),
            ("JOB_STATE_RUNNING", Phase::Running),
            ("JOB_STATE_DONE", Phase::Succeeded),
            ("JOB_STATE_FAILED", Phase::Failed),
            ("JOB_STATE_CANCELLED", Phase::Cancelled),
            ("JOB_STATE_UPDATED", replaced),
            ("JOB_STATE_DRAINING", Phase::Running),
            ("JOB_STATE_DRAINED", Phase::Cancelled),
            ("JOB_STATE_PENDING", Phase::Queued),
            ("JOB_STATE_CANCELLING", Phase::Cancelling),
            ("JOB_STATE_QUEUED", Phase::Queued),
            ("JOB_STATE_RESOURCE_CLEANING_UP", Phase::Running),
            ("JOB_STATE_PAUSING", Phase::Paused),
            ("JOB_STATE_PAUSED", Phase::Paused),
            ("JOB_STATE_NEW_IN_2030", Phase::Unknown),
        ] {
            let job = json!({"currentState": state, "replacedByJobId": "next"});
            assert_eq!(phase(&job), (expected, state.to_owned()));
        }
        assert_eq!(phase(&json!({})).0, Phase::Unknown);
    }
}
