//! Some requests with their predictions, kept for a later look: a file of JSON lines.
//!
//! A line holds what is needed to compare predictions with what happened, once that is known:
//! time, request id, model, instances and predictions.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use tracing::warn;

use super::lines::Lines;
use super::trace;
use crate::serve::slot::Served;

/// Where samples go, and how many of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SampleConfig {
    /// The file.
    pub(crate) path: PathBuf,
    /// The part of the requests that is kept, from 0 to 1.
    pub(crate) rate: f64,
    /// Size at which the file becomes `<path>.1` and another one is begun.
    pub(crate) max_bytes: u64,
}

/// A request that is kept: its line from the model on.
#[derive(Clone, Debug)]
pub(crate) struct Sample(String);

/// The file of samples.
#[derive(Debug)]
pub(crate) struct SampleLog {
    /// Requests are kept whose random number is below this.
    below: u64,
    /// None where nothing is kept.
    lines: Option<Lines>,
}

/// The part of a line that is known when the predictions are made.
#[derive(Serialize)]
struct Tail<'a> {
    model_name: &'a str,
    model_version: &'a str,
    inputs: &'a [String],
    instances: Vec<&'a [f32]>,
    predictions: &'a [f64],
}

impl SampleLog {
    /// A log that keeps nothing.
    pub(crate) fn off() -> Self {
        Self {
            below: 0,
            lines: None,
        }
    }

    /// Opens the file; lines are added to those it has.
    pub(crate) fn start(config: SampleConfig) -> io::Result<Self> {
        // A rate of 1 is every number but the last, which no random number is.
        let below = (config.rate * u64::MAX as f64) as u64;
        let file = Rotating::open(config.path, config.max_bytes)?;
        let lines = Lines::start("sample-log", file)?;
        Ok(Self {
            below,
            lines: Some(lines),
        })
    }

    /// Samples that were lost because the disk was too slow, or refused them.
    pub(crate) fn lost(&self) -> u64 {
        self.lines.as_ref().map_or(0, Lines::lost)
    }

    /// The sample to be written, if it is this request's turn.
    pub(crate) fn pick(
        &self,
        model_name: &str,
        served: &Served,
        rows: &[f32],
        predictions: &[f64],
    ) -> Option<Sample> {
        if self.lines.is_none() || trace::random() > self.below {
            return None;
        }
        let tail = Tail {
            model_name,
            model_version: &served.version_text(),
            inputs: served.model.inputs(),
            instances: rows.chunks(served.model.inputs().len()).collect(),
            predictions,
        };
        let tail = serde_json::to_string(&tail).expect("text and numbers");
        Some(Sample(tail))
    }

    /// Writes a sample.
    pub(crate) fn write(&self, request_id: &str, Sample(tail): &Sample) {
        let Some(lines) = &self.lines else { return };
        let time = jiff::Timestamp::now();
        let id = serde_json::Value::from(request_id);
        lines.write(|bytes| {
            // Writing to memory does not fail.
            let _ = writeln!(
                bytes,
                "{{\"time\":\"{time}\",\"request_id\":{id},{}",
                &tail[1..]
            );
        });
    }
}

/// A file of limited size: when it is full it becomes `<path>.1`, in place of an older one.
#[derive(Debug)]
struct Rotating {
    path: PathBuf,
    max_bytes: u64,
    file: File,
    bytes: u64,
    /// Whether the last write failed, which was said then.
    is_failing: bool,
}

impl Rotating {
    fn open(path: PathBuf, max_bytes: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok(Self {
            bytes: file.metadata()?.len(),
            path,
            max_bytes,
            file,
            is_failing: false,
        })
    }

    fn add(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.bytes > 0 && self.bytes + lines.len() as u64 > self.max_bytes {
            let mut full = self.path.clone().into_os_string();
            full.push(".1");
            fs::rename(&self.path, full)?;
            *self = Self {
                is_failing: self.is_failing,
                ..Self::open(self.path.clone(), self.max_bytes)?
            };
        }
        self.file.write_all(lines)?;
        self.bytes += lines.len() as u64;
        Ok(())
    }
}

impl Write for Rotating {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let added = self.add(lines);
        match &added {
            Ok(()) => self.is_failing = false,
            Err(error) if !self.is_failing => {
                warn!("cannot write samples to {}: {error}", self.path.display());
                self.is_failing = true;
            }
            Err(_) => {}
        }
        added.map(|()| lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_makes_place_for_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        let mut file = Rotating::open(path.clone(), 10).unwrap();
        file.write_all(b"1234\n").unwrap();
        file.write_all(b"6789\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"1234\n6789\n");
        file.write_all(b"a\n").unwrap();
        // One opened later goes on in the same file.
        let mut file = Rotating::open(path.clone(), 10).unwrap();
        file.write_all(b"b\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"a\nb\n");
        let full = folder.path().join("samples.jsonl.1");
        assert_eq!(fs::read(full).unwrap(), b"1234\n6789\n");
    }

    #[test]
    fn a_line_larger_than_the_file_may_be_is_written_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        let mut file = Rotating::open(path.clone(), 2).unwrap();
        file.write_all(b"1234\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"1234\n");
    }
}
