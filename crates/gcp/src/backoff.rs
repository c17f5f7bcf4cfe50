//! How long to wait before trying again.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// Exponential backoff with full jitter and a bounded number of attempts, after
/// <https://cloud.google.com/storage/docs/retry-strategy>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait before the second attempt; it doubles from there.
    pub initial: Duration,
    /// The longest wait before any attempt.
    pub maximum: Duration,
    /// How many attempts there are in all.
    pub attempts: u32,
}

impl Default for Backoff {
    /// Six attempts within about half a minute.
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            maximum: Duration::from_secs(16),
            attempts: 6,
        }
    }
}

impl Backoff {
    /// How long to wait after `failed` attempts; `None` when there is no attempt left. The wait
    /// is random, so that many clients of an ailing server do not all come back at once, but not
    /// less than a tenth of its limit.
    pub fn delay(&self, failed: u32) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let doublings = failed.saturating_sub(1).min(16);
        let limit = self.maximum.min(self.initial * 2_u32.pow(doublings));
        // A fresh hasher is seeded by the system: randomness enough to spread clients.
        let random = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
        Some(limit.mul_f64(0.1 + 0.9 * random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_end() {
        let backoff = Backoff {
            initial: Duration::from_millis(100),
            maximum: Duration::from_millis(350),
            attempts: 5,
        };
        for (failed, limit) in [(1, 100), (2, 200), (3, 350), (4, 350)] {
            let delay = backoff.delay(failed).unwrap();
            let limit = Duration::from_millis(limit);
            assert!(delay >= limit / 10 && delay <= limit, "{failed}: {delay:?}");
        }
        assert_eq!(backoff.delay(5), None);
        assert_eq!(backoff.delay(6), None);
    }

    #[test]
    fn waits_are_spread() {
        let backoff = Backoff::default();
        assert_ne!(backoff.delay(4), backoff.delay(4));
    }
}
