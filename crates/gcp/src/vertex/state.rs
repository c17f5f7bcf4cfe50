//! The states of Vertex AI's jobs.

use crate::job::Phase;

/// <https://cloud.google.com/vertex-ai/docs/reference/rest/v1/JobState>
pub(super) fn phase(state: &str) -> Phase {
    match state.strip_prefix("JOB_STATE_").unwrap_or(state) {
        "SUCCEEDED" => Phase::Succeeded,
        "PARTIALLY_SUCCEEDED" => Phase::Partial,
        "FAILED" => Phase::Failed,
        "CANCELLED" => Phase::Cancelled,
        "EXPIRED" => Phase::Expired,
        "QUEUED" | "PENDING" => Phase::Queued,
        "RUNNING" | "UPDATING" => Phase::Running,
        "PAUSED" => Phase::Paused,
        "CANCELLING" => Phase::Cancelling,
        _ => Phase::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_state_is_known() {
        for (state, expected) in [
            ("JOB_STATE_UNSPECIFIED", Phase::Unknown),
            ("JOB_STATE_QUEUED", Phase::Queued),
            ("JOB_STATE_PENDING", Phase::Queued),
            ("JOB_STATE_RUNNING", Phase::Running),
            ("JOB_STATE_SUCCEEDED", Phase::Succeeded),
            ("JOB_STATE_FAILED", Phase::Failed),
            ("JOB_STATE_CANCELLING", Phase::Cancelling),
            ("JOB_STATE_CANCELLED", Phase::Cancelled),
            ("JOB_STATE_PAUSED", Phase::Paused),
            ("JOB_STATE_EXPIRED", Phase::Expired),
            ("JOB_STATE_UPDATING", Phase::Running),
            ("JOB_STATE_PARTIALLY_SUCCEEDED", Phase::Partial),
            ("JOB_STATE_NEW_IN_2030", Phase::Unknown),
        ] {
            assert_eq!(phase(state), expected, "{state}");
        }
    }
}
