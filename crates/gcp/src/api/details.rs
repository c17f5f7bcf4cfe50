//! The details of an error: which field, which quota, which permission.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::status::{one_line, text};

/// What an error's `details` and `errors` say:
/// <https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto>.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Fields, quotas and preconditions that are violated, as `place: description`.
    pub violations: Vec<String>,
    /// A constant such as `SERVICE_DISABLED`, `IAM_PERMISSION_DENIED` or `rateLimitExceeded`.
    pub reason: Option<String>,
    /// The permission that is missing.
    pub permission: Option<String>,
    /// The service it is about, for example `dataflow.googleapis.com`.
    pub service: Option<String>,
    /// The quota that is used up.
    pub quota: Option<String>,
    /// How long to wait before trying again.
    pub retry_delay: Option<Duration>,
}

impl Details {
    pub(super) fn of(error: &Value) -> Self {
        let mut details = Self::default();
        for detail in list(&error["details"]) {
            let kind = detail["@type"].as_str().unwrap_or_default();
            match kind.rsplit_once('.').map(|(_, name)| name) {
                Some("BadRequest") => details.violated(&detail["fieldViolations"], "field"),
                Some("QuotaFailure" | "PreconditionFailure") => {
                    details.violated(&detail["violations"], "subject");
                }
                Some("RetryInfo") => {
                    details.retry_delay = detail["retryDelay"].as_str().and_then(duration);
                }
                Some("ErrorInfo") => {
                    let metadata = |name| some(&detail["metadata"][name]);
                    details.reason = some(&detail["reason"]);
                    details.permission = metadata("permission");
                    details.service = metadata("service");
                    details.quota = metadata("quota_limit").or_else(|| metadata("quota_metric"));
                }
                _ => {}
            }
        }
        if details.reason.is_none() {
            details.reason = list(&error["errors"]).find_map(|error| some(&error["reason"]));
        }
        details
    }

    fn violated(&mut self, violations: &Value, place: &str) {
        for violation in list(violations) {
            let description = text(&violation["description"]);
            let line = match some(&violation[place]) {
                Some(place) => format!("{place}: {description}"),
                None => description,
            };
            self.violations.push(one_line(&line));
        }
    }

    /// Whether a 403 is really about a quota, as the older APIs put it.
    pub(super) fn is_rate_limit(&self) -> bool {
        let reason = self.reason.as_deref().unwrap_or_default();
        matches!(
            reason,
            "rateLimitExceeded" | "userRateLimitExceeded" | "quotaExceeded" | "RATE_LIMIT_EXCEEDED"
        )
    }
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |name: &str, value: &Option<String>| {
            value
                .as_ref()
                .map(|value| format!("{name} {}", one_line(value)))
        };
        let parts: Vec<String> = self
            .violations
            .iter()
            .cloned()
            .chain(named("permission", &self.permission))
            .chain(named("quota", &self.quota))
            .chain(named("service", &self.service))
            .collect();
        f.write_str(&parts.join("; "))
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn some(value: &Value) -> Option<String> {
    Some(text(value)).filter(|text| !text.is_empty())
}

/// A duration in JSON: `30s`, `1.5s`.
fn duration(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn permission_quota_and_service_are_named() {
        let details = Details::of(&json!({"details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "IAM_PERMISSION_DENIED",
             "metadata": {"permission": "dataflow.jobs.create", "service": "dataflow.googleapis.com"}},
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure",
             "violations": [{"subject": "project:p", "description": "CPUs are used up"}]},
            {"@type": "type.googleapis.com/google.rpc.DebugInfo", "detail": "noise"},
        ]}));
        assert_eq!(
            details.to_string(),
            "project:p: CPUs are used up; permission dataflow.jobs.create; service \
             dataflow.googleapis.com"
        );
    }

    #[test]
    fn odd_delays_are_left_out() {
        for (text, expected) in [
            ("30s", Some(Duration::from_secs(30))),
            ("-1s", None),
            ("1e99s", None),
            ("soon", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }
}
