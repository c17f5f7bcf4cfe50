//! Who may compute, and who is turned away: at most as many heavy requests at a time as there are
//! cores; the others wait only where the wait is short.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::rejection::Rejection;

/// Weight of the newest measurement in the mean, as a divisor.
const SMOOTHING: u64 = 8;

/// Grants heavy requests a core.
///
/// A request that would wait longer than `max_wait` is refused at once, so that its client can go
/// elsewhere while those inside are served in time. The wait is estimated from the requests ahead
/// and the mean time of the last ones.
#[derive(Debug)]
pub(crate) struct Admission {
    permits: Arc<Semaphore>,
    cores: u64,
    max_wait: Duration,
    waiting: AtomicUsize,
    mean: Arc<Mean>,
}

/// The mean time of the last requests, in nanoseconds.
#[derive(Debug, Default)]
struct Mean(AtomicU64);

impl Admission {
    pub(crate) fn new(cores: usize, max_wait: Duration) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(cores)),
            cores: cores as u64,
            max_wait,
            waiting: AtomicUsize::new(0),
            mean: Arc::default(),
        }
    }

    /// Requests that wait for a core.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Does the work when there is a core for it, on a thread of its own: this one has other
    /// requests to answer. The core is given back when the work is done, even if nobody waits for
    /// it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Rejection> {
        let permits = self.permits.clone();
        let permit = if let Ok(permit) = permits.clone().try_acquire_owned() {
            permit
        } else {
            let _place = self.queue()?;
            let permit = permits.acquire_owned().await;
            permit.expect("the semaphore is never closed")
        };
        let mean = self.mean.clone();
        let done = spawn_blocking(move || {
            let start = Instant::now();
            let result = work();
            mean.record(start.elapsed());
            drop(permit);
            result
        });
        done.await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            // The threads are gone: the server has stopped.
            Err(_) => Rejection::Stopping,
        })
    }

    /// A place in the queue, if it moves fast enough.
    fn queue(&self) -> Result<Place<'_>, Rejection> {
        let place = Place::take(&self.waiting);
        let mean = self.mean.0.load(Ordering::Relaxed);
        let wait = Duration::from_nanos(mean.saturating_mul(place.number as u64) / self.cores);
        if wait > self.max_wait {
            let retry_after = wait.as_secs() + 1;
            return Err(Rejection::Overloaded { retry_after });
        }
        Ok(place)
    }
}

impl Mean {
    /// Two threads may overwrite each other's measurement: it is a mean of many.
    fn record(&self, elapsed: Duration) {
        let mean = self.0.load(Ordering::Relaxed);
        let elapsed = elapsed.as_nanos() as u64;
        let next = if mean == 0 {
            elapsed
        } else {
            mean - mean / SMOOTHING + elapsed / SMOOTHING
        };
        self.0.store(next, Ordering::Relaxed);
    }
}

/// A place in the queue, given up when dropped.
struct Place<'a> {
    waiting: &'a AtomicUsize,
    /// Counted from 1.
    number: usize,
}

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Self {
        let number = waiting.fetch_add(1, Ordering::Relaxed) + 1;
        Self { waiting, number }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An admission with one core, which is taken, and a known mean.
    async fn busy(mean: Duration, test: impl AsyncFnOnce(Arc<Admission>)) {
        let admission = Arc::new(Admission::new(1, Duration::from_millis(500)));
        admission.mean.record(mean);
        let permit = admission.permits.acquire().await.unwrap();
        test(admission.clone()).await;
        drop(permit);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_request_that_would_wait_too_long_is_refused_at_once() {
        busy(Duration::from_millis(1_700), async |admission| {
            let refused = admission.run(|| ()).await;
            assert_eq!(refused, Err(Rejection::Overloaded { retry_after: 2 }));
            assert_eq!(admission.waiting(), 0);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn as_many_wait_as_are_served_within_the_limit() {
        busy(Duration::from_millis(200), async |admission| {
            let _first = admission.queue().unwrap();
            let second = admission.queue().unwrap();
            assert!(admission.queue().is_err());
            drop(second);
            assert!(admission.queue().is_ok());
            assert_eq!(admission.waiting(), 1);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_is_done_when_there_is_a_core() {
        let admission = Admission::new(1, Duration::ZERO);
        assert_eq!(admission.run(|| 7).await, Ok(7));
        assert_eq!(admission.run(|| 8).await, Ok(8));
    }

    #[test]
    fn the_mean_follows_the_measurements() {
        let admission = Admission::new(1, Duration::ZERO);
        for _ in 0..100 {
            admission.mean.record(Duration::from_millis(8));
        }
        let mean = admission.mean.0.load(Ordering::Relaxed);
        assert!((7_999_900..=8_000_000).contains(&mean), "{mean}");
    }
}
