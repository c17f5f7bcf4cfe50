//! When a failed request is made again.

use std::error::Error as _;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use tokio::time::Instant;
use tracing::warn;

use crate::ReadError;

/// How often and after which pauses a failed request is made again.
///
/// The time a transfer may take in all is bounded separately, by its timeout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    /// Requests in a row that may fail; progress starts the count afresh.
    pub(crate) max_attempts: u32,
    /// Longest pause after the first failure; doubled with every further one.
    pub(crate) initial_delay: Duration,
    /// Bound of that doubling.
    pub(crate) max_delay: Duration,
}

/// Bytes that must arrive for the count of failures to start afresh: a source that cuts every
/// connection after a few bytes is not working.
const PROGRESS: u64 = 1 << 20;

/// The failures of one transfer so far.
#[derive(Debug)]
pub(crate) struct Retries {
    policy: RetryPolicy,
    /// When the transfer will be given up, however it stands.
    deadline: Instant,
    failures: u32,
    received: u64,
}

impl Retries {
    pub(crate) fn new(policy: RetryPolicy, deadline: Instant) -> Self {
        Self {
            policy,
            deadline,
            failures: 0,
            received: 0,
        }
    }

    /// Notes bytes that arrived.
    pub(crate) fn progressed(&mut self, bytes: u64) {
        self.received += bytes;
        if self.received >= PROGRESS {
            self.failures = 0;
        }
    }

    /// Notes a failed attempt and waits until the next is due. Fails, with `error` as the cause,
    /// when there is to be no next one.
    pub(crate) async fn recover(&mut self, error: ReadError) -> Result<(), ReadError> {
        if !(error.is_transient() || error.is_cured_by_a_restart()) {
            return Err(error);
        }
        self.failures += 1;
        self.received = 0;
        if self.failures >= self.policy.max_attempts {
            let source = Box::new(error);
            return Err(ReadError::GaveUp {
                attempts: self.failures,
                source,
            });
        }
        let pause = match error.retry_after() {
            Some(pause) if Instant::now() + pause >= self.deadline => {
                return Err(ReadError::TooLate {
                    pause,
                    source: Box::new(error),
                });
            }
            Some(pause) => pause,
            None => self.longest_pause().mul_f64(random()),
        };
        warn!(
            attempt = self.failures,
            "{}; trying again in {:.1} s",
            Chain(&error),
            pause.as_secs_f64()
        );
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// The bound of the pause after the failures so far.
    fn longest_pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(31);
        self.policy
            .initial_delay
            .saturating_mul(1 << doublings)
            .min(self.policy.max_delay)
    }
}

/// An error with its causes, for the log.
struct Chain<'a>(&'a ReadError);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        let mut cause = self.0.source();
        while let Some(inner) = cause {
            write!(f, ": {inner}")?;
            cause = inner.source();
        }
        Ok(())
    }
}

/// The pause a `Retry-After` header asks for: seconds, or an HTTP date (RFC 9110, 10.2.3).
pub(crate) fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(value)?.duration_since(now);
    Some(until.try_into().unwrap_or(Duration::ZERO))
}

/// An HTTP date (RFC 9110, 5.6.7) in the one form that may still be sent.
pub(crate) fn http_date(value: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(value.trim()).ok()
}

/// Full jitter: a number in 0..1 that differs between processes and calls, so that clients that
/// failed together do not come back together. `RandomState` is seeded by the operating system.
fn random() -> f64 {
    let bits = RandomState::new().hash_one(());
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries() -> Retries {
        let policy = RetryPolicy {
            max_attempts: 4,
            initial_delay: Duration::from_micros(10),
            max_delay: Duration::from_micros(30),
        };
        Retries::new(policy, Instant::now() + Duration::from_mins(1))
    }

    fn unavailable(retry_after: Option<Duration>) -> ReadError {
        ReadError::Status {
            status: http::StatusCode::SERVICE_UNAVAILABLE,
            retry_after,
        }
    }

    /// The chain of messages, as the process prints it.
    fn message(error: &ReadError) -> String {
        Chain(error).to_string()
    }

    #[tokio::test]
    async fn pauses_grow_to_their_bound_and_then_end() {
        let mut retries = retries();
        for bound in [10, 20, 30] {
            retries.recover(unavailable(None)).await.unwrap();
            assert_eq!(retries.longest_pause(), Duration::from_micros(bound));
        }
        assert_eq!(
            message(&retries.recover(unavailable(None)).await.unwrap_err()),
            "gave up after 4 attempts: the server answered 503 Service Unavailable"
        );
    }

    #[tokio::test]
    async fn only_real_progress_starts_the_count_afresh() {
        let mut retries = retries();
        retries.recover(unavailable(None)).await.unwrap();
        retries.progressed(PROGRESS - 1);
        assert_eq!(retries.failures, 1);
        retries.progressed(1);
        assert_eq!(retries.failures, 0);
    }

    #[tokio::test]
    async fn the_server_decides_the_pause_within_the_time_there_is() {
        let mut retries = retries();
        let asked = Duration::from_millis(20);
        let before = Instant::now();
        retries.recover(unavailable(Some(asked))).await.unwrap();
        assert!(before.elapsed() >= asked);
        let asked = Duration::from_secs(61);
        assert_eq!(
            message(&retries.recover(unavailable(Some(asked))).await.unwrap_err()),
            "the server asks to wait 61s, longer than --timeout allows: the server answered 503 \
             Service Unavailable"
        );
    }

    #[tokio::test]
    async fn what_cannot_get_better_is_not_tried_again() {
        let mut retries = retries();
        let error = retries.recover(ReadError::Empty).await.unwrap_err();
        assert_eq!(message(&error), "the source is empty");
        assert_eq!(retries.failures, 0);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().unwrap();
        let parse = |value| parse_retry_after(value, now);
        assert_eq!(parse("120"), Some(Duration::from_mins(2)));
        assert_eq!(
            parse("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::from_secs(30))
        );
        assert_eq!(parse("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(parse("soon"), None);
    }

    #[test]
    fn jitter_varies_within_its_bounds() {
        let draws: Vec<f64> = (0..100).map(|_| random()).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        assert!(draws.iter().any(|draw| *draw != draws[0]));
    }
}
