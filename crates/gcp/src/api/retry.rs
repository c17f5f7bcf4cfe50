//! When a call is made again.

use std::time::{Duration, Instant};

use super::error::Evidence;
use crate::Backoff;

/// How often and how long a call is tried. Bounded in attempts and in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts and the waits between them.
    pub backoff: Backoff,
    /// No further attempt begins after this long.
    pub total: Duration,
    /// The longest `Retry-After` that is waited for; a service that asks for more is given up.
    pub longest_wait: Duration,
}

impl Default for Retry {
    /// Six attempts, three minutes, waits of up to two.
    fn default() -> Self {
        Self {
            backoff: Backoff::default(),
            total: Duration::from_mins(3),
            longest_wait: Duration::from_mins(2),
        }
    }
}

/// The attempts of one call so far.
#[derive(Debug)]
pub(crate) struct Attempts {
    retry: Retry,
    started: Instant,
    failed: u32,
}

impl Attempts {
    pub(crate) fn new(retry: Retry) -> Self {
        Self {
            retry,
            started: Instant::now(),
            failed: 0,
        }
    }

    /// Counts a failure, and says how long to wait before the next attempt; `None` when there is
    /// none left. `wished` is what the service asked for.
    pub(crate) fn failed(&mut self, wished: Option<Duration>) -> Option<Duration> {
        self.failed += 1;
        let wait = self.retry.backoff.delay(self.failed)?;
        let wished = wished.unwrap_or_default();
        if wished > self.retry.longest_wait {
            return None;
        }
        let wait = wait.max(wished);
        (self.started.elapsed() + wait <= self.retry.total).then_some(wait)
    }

    pub(crate) fn evidence(&self) -> Evidence {
        Evidence {
            attempts: self.failed,
            elapsed: self.started.elapsed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_s_wish_is_followed_within_limits() {
        let mut attempts = Attempts::new(Retry::default());
        let wished = Duration::from_secs(40);
        assert_eq!(attempts.failed(Some(wished)), Some(wished));
        assert_eq!(attempts.failed(Some(Duration::from_hours(1))), None);
    }

    #[test]
    fn attempts_end_in_number_and_in_time() {
        let mut attempts = Attempts::new(Retry {
            total: Duration::ZERO,
            ..Retry::default()
        });
        assert_eq!(attempts.failed(None), None);
        let mut attempts = Attempts::new(Retry::default());
        let waits = (0..6).map(|_| attempts.failed(None).is_some());
        assert_eq!(waits.filter(|waits| *waits).count(), 5);
        assert_eq!(attempts.evidence().attempts, 6);
    }
}
