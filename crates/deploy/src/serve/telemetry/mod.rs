//! What the server tells about itself: metrics, access log, traces, samples.

mod access;
mod exchange;
mod lines;
mod metrics;
mod otlp;
mod sample;
mod trace;

use std::net::IpAddr;
use std::time::Duration;

pub(crate) use self::access::AccessLog;
pub use self::access::AccessMode;
pub(crate) use self::exchange::Exchange;
pub(crate) use self::metrics::{Gauges, InputDrift, Metrics, Protocol};

pub(crate) use self::otlp::{OtlpConfig, Spans};
pub(crate) use self::sample::{Sample, SampleConfig, SampleLog};
pub(crate) use self::trace::{REQUEST_ID, RequestId, TRACEPARENT, TraceContext};

use super::rejection::Rejection;
use super::slot::Served;

/// What a handler tells about a request beside its answer; travels in the response's extensions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Note {
    /// Why it was refused, by the metrics' name.
    pub(crate) cause: Option<&'static str>,
    /// Rows predicted.
    pub(crate) rows: usize,
    /// Version of the model that predicted.
    pub(crate) version: Option<u64>,
    /// The HTTP status that says the same as a refusal in another protocol.
    pub(crate) status: Option<u16>,
}

impl Note {
    /// A refusal.
    pub(crate) fn rejected(rejection: &Rejection) -> Self {
        Self {
            cause: Some(rejection.cause()),
            status: Some(rejection.status().as_u16()),
            ..Self::default()
        }
    }

    /// Predictions.
    pub(crate) fn predicted(rows: usize, served: &Served) -> Self {
        Self {
            rows,
            version: served.version.map(|version| version.number),
            ..Self::default()
        }
    }
}

/// A request that is over, and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) protocol: Protocol,
    pub(crate) status: u16,
    pub(crate) elapsed: Duration,
    pub(crate) request_id: &'a str,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) remote: IpAddr,
    pub(crate) user_agent: &'a str,
    pub(crate) request_bytes: u64,
    pub(crate) rows: usize,
    pub(crate) model_version: Option<u64>,
    pub(crate) cause: Option<&'static str>,
}

impl Entry<'_> {
    /// Whether it is a health check or the like that was answered well.
    pub(crate) fn is_routine(&self) -> bool {
        self.protocol == Protocol::Other && self.status < 400
    }
}

/// Where a server tells about itself.
#[derive(Debug)]
pub(crate) struct Telemetry {
    /// Counters and histograms.
    pub(crate) metrics: Metrics,
    /// One line a request.
    pub(crate) access: AccessLog,
    /// A span a request, for a collector; none where there is no collector.
    pub(crate) spans: Option<Spans>,
    /// Some requests with their predictions, for a later look.
    pub(crate) samples: SampleLog,
}

impl Telemetry {
    /// Counts, and tells nothing.
    pub(crate) fn quiet() -> Self {
        Self {
            metrics: Metrics::default(),
            access: AccessLog::off(),
            spans: None,
            samples: SampleLog::off(),
        }
    }

    /// Counts, traces and logs a request.
    pub(crate) fn record(&self, entry: &Entry<'_>) {
        self.metrics
            .answered(entry.protocol, entry.status, entry.elapsed);
        if let Some(cause) = entry.cause {
            self.metrics.refused(cause);
        }
        if entry.rows > 0 {
            self.metrics.predicted(entry.rows);
        }
        let mut entry = *entry;
        if let Some(spans) = &self.spans {
            entry.trace = Some(spans.record(&entry));
        }
        if self.access.wants(&entry) {
            self.access.write(&entry);
        }
    }
}
