//! How many threads share the work.

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Threads that share the work of a fit or an evaluation. What comes out is the same, to the bit,
/// on any number of them: they share out rows and weights, never the terms of one sum.
#[derive(Debug)]
pub struct Threads(ThreadPool);

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} threads")]
pub struct ThreadsError {
    /// How many were asked for.
    threads: usize,
    /// Why not.
    source: ThreadPoolBuildError,
}

impl Threads {
    /// One for each processor this process may use.
    pub fn available() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    /// Starts so many threads, at least 1.
    pub fn new(threads: usize) -> Result<Self, ThreadsError> {
        let threads = threads.max(1);
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("train-{i}"))
            .build();
        pool.map(Self)
            .map_err(|source| ThreadsError { threads, source })
    }

    /// Does `work` on one of the threads, the others helping where it is worth their while.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.0.install(work)
    }
}

/// Multiply-adds of a forward pass below which another thread costs more than it gives.
const SHARE: usize = 1 << 20;

/// Between how many threads to share `rows` rows that take `operations` multiply-adds each.
pub(crate) fn shares(rows: usize, operations: usize) -> usize {
    let worthwhile = rows.saturating_mul(operations) / SHARE;
    if worthwhile < 2 {
        return 1;
    }
    worthwhile.min(rows).min(rayon::current_num_threads())
}
