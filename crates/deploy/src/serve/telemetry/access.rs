//! The access log: one line a request on stderr, in Cloud Logging's structure or as text.
//!
//! A request hands its line over and goes on; a thread of its own writes the lines, many at a
//! time. Lines that stderr does not take in time are dropped and counted, so that a slow reader of
//! the log never slows predictions.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest time a line waits for company.
const FLUSH: Duration = Duration::from_millis(100);
/// Bytes that wake the writer before that.
const BATCH: usize = 32 * 1024;
/// Bytes kept for a reader that is too slow.
const MAX_KEPT: usize = 4 * 1024 * 1024;

/// Which requests get a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum AccessMode {
    /// All but health checks, metrics and documents that were answered well.
    All,
    /// Those that were refused.
    Errors,
    /// None.
    Off,
}

/// The log and its writer.
#[derive(Debug)]
pub(crate) struct AccessLog {
    mode: AccessMode,
    json: bool,
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    wake: Condvar,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    closed: bool,
}

/// What a line tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) protocol: &'static str,
    pub(crate) status: u16,
    pub(crate) elapsed: Duration,
    pub(crate) request_id: &'a str,
    /// Trace id and span id.
    pub(crate) trace: Option<(&'a str, &'a str)>,
    pub(crate) remote: std::net::IpAddr,
    pub(crate) user_agent: &'a str,
    pub(crate) request_bytes: u64,
    pub(crate) rows: usize,
    pub(crate) model_version: Option<u64>,
    pub(crate) cause: Option<&'static str>,
}

impl AccessLog {
    /// A log in this form; starts its writer.
    pub(crate) fn start(mode: AccessMode, json: bool) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let writer = (mode != AccessMode::Off).then(|| {
            let shared = shared.clone();
            std::thread::Builder::new()
                .name("access-log".to_owned())
                .spawn(move || shared.write_out(&mut io::stderr()))
        });
        Ok(Self {
            mode,
            json,
            shared,
            writer: writer.transpose()?,
        })
    }

    /// A log that says nothing.
    pub(crate) fn off() -> Self {
        Self::unwritten(AccessMode::Off)
    }

    fn unwritten(mode: AccessMode) -> Self {
        Self {
            mode,
            json: true,
            shared: Arc::default(),
            writer: None,
        }
    }

    /// Whether a request that ended like this gets a line; `routine` are health checks and the
    /// like.
    pub(crate) fn wants(&self, status: u16, routine: bool) -> bool {
        match self.mode {
            AccessMode::All => !routine || status >= 400,
            AccessMode::Errors => status >= 400,
            AccessMode::Off => false,
        }
    }

    /// Lines that were dropped.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Writes a line.
    pub(crate) fn write(&self, entry: &Entry<'_>) {
        let mut lines = self.shared.lock();
        if lines.bytes.len() > MAX_KEPT {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let before = lines.bytes.len();
        if self.json {
            entry.json(&mut lines.bytes);
        } else {
            lines.bytes.extend_from_slice(entry.text().as_bytes());
        }
        if before < BATCH && lines.bytes.len() >= BATCH {
            self.shared.wake.notify_one();
        }
    }
}

impl Drop for AccessLog {
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
    fn lock(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_out(&self, to: &mut impl io::Write) {
        let mut batch = Vec::new();
        loop {
            let mut lines = self.lock();
            if lines.bytes.len() < BATCH && !lines.closed {
                let waited = self.wake.wait_timeout(lines, FLUSH);
                lines = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            std::mem::swap(&mut lines.bytes, &mut batch);
            let closed = lines.closed;
            drop(lines);
            // A reader that went away is no reason to stop serving.
            let _ = to.write_all(&batch);
            batch.clear();
            if closed {
                return;
            }
        }
    }
}

impl Entry<'_> {
    /// <https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#HttpRequest>
    fn json(&self, to: &mut Vec<u8>) {
        let severity = match self.status {
            500.. => "ERROR",
            400.. => "WARNING",
            _ => "INFO",
        };
        let _ = write!(
            to,
            "{{\"severity\":\"{severity}\",\"message\":\"{} {} {}\",\"time\":\"{}\",\
             \"httpRequest\":{{\"requestMethod\":\"{}\",\"requestUrl\":{},\"status\":{},\
             \"latency\":\"{:.6}s\",\"requestSize\":\"{}\",\"remoteIp\":\"{}\",\"userAgent\":{}}},\
             \"request_id\":{},\"protocol\":\"{}\",\"rows\":{}",
            self.method,
            escaped(self.path),
            self.status,
            jiff::Timestamp::now(),
            self.method,
            quoted(self.path),
            self.status,
            self.elapsed.as_secs_f64(),
            self.request_bytes,
            self.remote,
            quoted(self.user_agent),
            quoted(self.request_id),
            self.protocol,
            self.rows,
        );
        if let Some(version) = self.model_version {
            let _ = write!(to, ",\"model_version\":\"{version}\"");
        }
        if let Some(cause) = self.cause {
            let _ = write!(to, ",\"cause\":\"{cause}\"");
        }
        if let Some((trace, span)) = self.trace {
            let _ = write!(
                to,
                ",\"logging.googleapis.com/trace\":\"{trace}\",\
                 \"logging.googleapis.com/spanId\":\"{span}\""
            );
        }
        to.extend_from_slice(
            b",\"logging.googleapis.com/labels\":{\"component\":\"deploy\",\"log\":\"access\"}}\n",
        );
    }

    fn text(&self) -> String {
        let mut line = format!(
            "{} {} {} {:.3} ms rows={} request_id={}",
            self.method,
            escaped(self.path),
            self.status,
            self.elapsed.as_secs_f64() * 1e3,
            self.rows,
            self.request_id,
        );
        if let Some(version) = self.model_version {
            let _ = write!(line, " model_version={version}");
        }
        if let Some(cause) = self.cause {
            let _ = write!(line, " cause={cause}");
        }
        line.push('\n');
        line
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The inside of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = quoted(text);
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry() -> Entry<'static> {
        Entry {
            method: "POST",
            path: "/predict\"\u{1b}",
            protocol: "vertex",
            status: 400,
            elapsed: Duration::from_micros(1_250),
            request_id: "r-1",
            trace: Some(("4bf9", "00f0")),
            remote: std::net::Ipv4Addr::LOCALHOST.into(),
            user_agent: "curl \"x\"",
            request_bytes: 12,
            rows: 3,
            model_version: Some(7),
            cause: Some("malformed"),
        }
    }

    #[test]
    fn a_json_line_is_what_cloud_logging_parses() {
        let mut bytes = Vec::new();
        entry().json(&mut bytes);
        let mut line: Value = serde_json::from_slice(&bytes).unwrap();
        let time = line.as_object_mut().unwrap().remove("time").unwrap();
        assert!(time.as_str().is_some_and(|time| time.ends_with('Z')));
        assert_eq!(
            line,
            json!({
                "severity": "WARNING",
                "message": "POST /predict\"\u{1b} 400",
                "httpRequest": {
                    "requestMethod": "POST",
                    "requestUrl": "/predict\"\u{1b}",
                    "status": 400,
                    "latency": "0.001250s",
                    "requestSize": "12",
                    "remoteIp": "127.0.0.1",
                    "userAgent": "curl \"x\"",
                },
                "request_id": "r-1",
                "protocol": "vertex",
                "rows": 3,
                "model_version": "7",
                "cause": "malformed",
                "logging.googleapis.com/trace": "4bf9",
                "logging.googleapis.com/spanId": "00f0",
                "logging.googleapis.com/labels": {"component": "deploy", "log": "access"},
            })
        );
        assert!(bytes.ends_with(b"}\n"));
    }

    #[test]
    fn a_text_line_shows_control_characters_escaped() {
        assert_eq!(
            entry().text(),
            "POST /predict\\\"\\u001b 400 1.250 ms rows=3 request_id=r-1 model_version=7 \
             cause=malformed\n"
        );
    }

    #[test]
    fn what_is_logged_depends_on_the_mode() {
        let wants = |mode, status, routine| AccessLog::unwritten(mode).wants(status, routine);
        assert!(wants(AccessMode::All, 200, false));
        assert!(!wants(AccessMode::All, 200, true));
        assert!(wants(AccessMode::All, 503, true));
        assert!(!wants(AccessMode::Errors, 200, false));
        assert!(wants(AccessMode::Errors, 404, true));
        assert!(!wants(AccessMode::Off, 500, false));
    }

    #[test]
    fn lines_a_slow_reader_does_not_take_are_dropped_and_counted() {
        let log = AccessLog::unwritten(AccessMode::All);
        let mut kept = 0;
        while log.lost() == 0 {
            log.write(&entry());
            kept += 1;
        }
        log.write(&entry());
        assert_eq!(log.lost(), 2);
        log.shared.lock().closed = true;
        let mut written = Vec::new();
        log.shared.write_out(&mut written);
        assert_eq!(written.split(|byte| *byte == b'\n').count() - 1, kept - 1);
    }
}
