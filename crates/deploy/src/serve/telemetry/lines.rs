//! Lines written by a thread of their own.
//!
//! A request hands its line over and goes on; the thread writes the lines, many at a time. Lines
//! that are not taken in time are dropped and counted, so that a slow disk or reader never slows
//! predictions.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest time a line waits for company.
const FLUSH: Duration = Duration::from_millis(100);
/// Bytes that wake the writer before that.
const BATCH: usize = 32 * 1024;
/// Bytes kept for a reader that is too slow.
const MAX_KEPT: usize = 4 * 1024 * 1024;

/// Where lines are handed over.
#[derive(Debug)]
pub(super) struct Lines {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    kept: Mutex<Kept>,
    wake: Condvar,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    closed: bool,
}

impl Lines {
    /// Starts the thread `name`, which writes to `to`: whole lines in every write.
    pub(super) fn start(name: &str, mut to: impl io::Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let writer = std::thread::Builder::new().name(name.to_owned()).spawn({
            let shared = shared.clone();
            move || shared.write_out(&mut to)
        })?;
        Ok(Self {
            shared,
            writer: Some(writer),
        })
    }

    /// Lines that were dropped.
    pub(super) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Hands over the line that `write` adds, with its line feed.
    pub(super) fn write(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut kept = self.shared.lock();
        if kept.bytes.len() > MAX_KEPT {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let before = kept.bytes.len();
        write(&mut kept.bytes);
        if before < BATCH && kept.bytes.len() >= BATCH {
            self.shared.wake.notify_one();
        }
    }
}

impl Drop for Lines {
    /// Writes what is left.
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_one();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_out(&self, to: &mut impl io::Write) {
        let mut batch = Vec::new();
        loop {
            let mut kept = self.lock();
            if kept.bytes.len() < BATCH && !kept.closed {
                let waited = self.wake.wait_timeout(kept, FLUSH);
                kept = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            std::mem::swap(&mut kept.bytes, &mut batch);
            let closed = kept.closed;
            drop(kept);
            // A reader that went away is no reason to stop serving.
            if !batch.is_empty() && to.write_all(&batch).is_err() {
                let lines = batch.split_inclusive(|byte| *byte == b'\n').count();
                self.lost.fetch_add(lines as u64, Ordering::Relaxed);
            }
            batch.clear();
            if closed {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Says what it is given, once it is let.
    struct Slow {
        go: Receiver<()>,
        said: Sender<Vec<u8>>,
    }

    impl io::Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.go.recv();
            self.said.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_a_slow_reader_does_not_take_are_dropped_and_counted() {
        let (letting, go) = channel();
        let (said, written) = channel();
        let lines = Lines::start("test", Slow { go, said }).unwrap();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        let mut sent = 0;
        while lines.lost() == 0 {
            lines.write(|bytes| bytes.extend_from_slice(&line));
            sent += 1;
        }
        lines.write(|bytes| bytes.extend_from_slice(&line));
        assert_eq!(lines.lost(), 2);
        drop(letting);
        drop(lines);
        let written: usize = written.iter().map(|bytes| bytes.len()).sum();
        assert_eq!(written, (sent - 1) * line.len());
    }

    #[test]
    fn lines_that_cannot_be_written_are_lost() {
        struct Broken;
        impl io::Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let lines = Lines::start("test", Broken).unwrap();
        lines.write(|bytes| bytes.extend_from_slice(b"a\n"));
        while lines.lost() != 1 {
            std::thread::yield_now();
        }
    }
}
