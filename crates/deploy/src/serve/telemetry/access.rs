//! The access log: one line a request on stderr, in Cloud Logging's structure or as text.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::Entry;
use super::lines::Lines;

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

/// The log.
#[derive(Debug)]
pub(crate) struct AccessLog {
    mode: AccessMode,
    json: bool,
    /// None where nothing is logged.
    lines: Option<Lines>,
}

impl AccessLog {
    /// A log in this form.
    pub(crate) fn start(mode: AccessMode, json: bool) -> io::Result<Self> {
        let lines = (mode != AccessMode::Off).then(|| Lines::start("access-log", io::stderr()));
        Ok(Self {
            mode,
            json,
            lines: lines.transpose()?,
        })
    }

    /// A log that says nothing.
    pub(crate) fn off() -> Self {
        Self {
            mode: AccessMode::Off,
            json: true,
            lines: None,
        }
    }

    /// Whether this request gets a line.
    pub(crate) fn wants(&self, entry: &Entry<'_>) -> bool {
        match self.mode {
            AccessMode::All => !entry.is_routine(),
            AccessMode::Errors => entry.status >= 400,
            AccessMode::Off => false,
        }
    }

    /// Lines that were dropped.
    pub(crate) fn lost(&self) -> u64 {
        self.lines.as_ref().map_or(0, Lines::lost)
    }

    /// Writes a line.
    pub(crate) fn write(&self, entry: &Entry<'_>) {
        let Some(lines) = &self.lines else { return };
        lines.write(|bytes| {
            if self.json {
                entry.json(bytes);
            } else {
                bytes.extend_from_slice(entry.text().as_bytes());
            }
        });
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
            self.protocol.name(),
            self.rows,
        );
        if let Some(version) = self.model_version {
            let _ = write!(to, ",\"model_version\":\"{version}\"");
        }
        if let Some(cause) = self.cause {
            let _ = write!(to, ",\"cause\":\"{cause}\"");
        }
        if let Some(trace) = self.trace {
            let _ = write!(
                to,
                ",\"logging.googleapis.com/trace\":\"{:032x}\",\
                 \"logging.googleapis.com/spanId\":\"{:016x}\"",
                trace.trace_id, trace.span_id
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
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::super::{Protocol, TraceContext};
    use super::*;

    fn entry() -> Entry<'static> {
        Entry {
            method: "POST",
            path: "/predict\"\u{1b}",
            protocol: Protocol::Vertex,
            status: 400,
            elapsed: Duration::from_micros(1_250),
            request_id: "r-1",
            trace: Some(TraceContext {
                trace_id: 0x4bf9,
                parent_id: None,
                span_id: 0x00f0,
                is_sampled: false,
            }),
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
                "logging.googleapis.com/trace": "00000000000000000000000000004bf9",
                "logging.googleapis.com/spanId": "00000000000000f0",
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
        let wants = |mode, status, protocol| {
            let log = AccessLog {
                mode,
                ..AccessLog::off()
            };
            log.wants(&Entry {
                protocol,
                status,
                ..entry()
            })
        };
        let (asked, routine) = (Protocol::Vertex, Protocol::Other);
        assert!(wants(AccessMode::All, 200, asked));
        assert!(!wants(AccessMode::All, 200, routine));
        assert!(wants(AccessMode::All, 503, routine));
        assert!(!wants(AccessMode::Errors, 200, asked));
        assert!(wants(AccessMode::Errors, 404, routine));
        assert!(!wants(AccessMode::Off, 500, asked));
    }
}
