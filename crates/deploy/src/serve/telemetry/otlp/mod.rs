//! Spans for an OpenTelemetry collector: one a request, sent over OTLP/HTTP
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).
//!
//! The messages and the exporter are written here: OpenTelemetry's own crates would add a second
//! set of tracing machinery for the one kind of span there is.
//!
//! ```text
//! request ─▶ Spans::record ─▶ bounded queue ─▶ exporter, a task ─▶ collector
//!            sampler           full: dropped    batches, retries
//! ```

mod config;
mod exporter;
mod message;
mod sampler;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use tracing::warn;

pub(crate) use self::config::OtlpConfig;
use self::exporter::{Exporter, Queue};
use self::sampler::Sampler;
use super::{Entry, Protocol, TraceContext};

/// A request as a collector is told about it.
#[derive(Clone, Debug, PartialEq)]
struct Span {
    trace: TraceContext,
    ended: SystemTime,
    elapsed: Duration,
    protocol: Protocol,
    method: String,
    path: String,
    status: u16,
    cause: Option<&'static str>,
    request_id: String,
    remote: std::net::IpAddr,
    user_agent: String,
    request_bytes: u64,
    rows: usize,
    model_version: Option<u64>,
}

/// Where spans are handed over.
#[derive(Debug)]
pub(crate) struct Spans {
    sampler: Sampler,
    queue: Arc<Queue>,
}

impl Spans {
    /// Starts the exporter on this runtime.
    pub(crate) fn start(config: OtlpConfig) -> Result<Self, reqwest::Error> {
        let sampler = config.sampler;
        let queue = Arc::new(Queue::default());
        let exporter = Exporter::new(config, queue.clone())?;
        tokio::spawn(exporter.run());
        Ok(Self { sampler, queue })
    }

    /// Hands the request's span over, if it is recorded; returns its place in a trace either way.
    pub(crate) fn record(&self, entry: &Entry<'_>) -> TraceContext {
        let mut trace = entry.trace.unwrap_or_else(TraceContext::root);
        // A health check is worth a span only to somebody who traces it.
        let is_news = trace.parent_id.is_some() || !entry.is_routine();
        trace.is_sampled = is_news && self.sampler.records(&trace);
        if trace.is_sampled {
            self.queue.push(Span {
                trace,
                ended: SystemTime::now(),
                elapsed: entry.elapsed,
                protocol: entry.protocol,
                method: entry.method.to_owned(),
                path: entry.path.to_owned(),
                status: entry.status,
                cause: entry.cause,
                request_id: entry.request_id.to_owned(),
                remote: entry.remote,
                user_agent: entry.user_agent.to_owned(),
                request_bytes: entry.request_bytes,
                rows: entry.rows,
                model_version: entry.model_version,
            });
        }
        trace
    }

    /// Sends what is left, as far as that is possible until the deadline.
    pub(crate) async fn flush(&self, deadline: Instant) {
        self.queue.close();
        let done = tokio::time::timeout_at(deadline, self.queue.done.cancelled()).await;
        if done.is_err() {
            warn!("the trace collector did not take the last spans in time");
        }
    }

    /// Spans that were sent, and those that were dropped by cause.
    pub(crate) fn counts(&self) -> SpanCounts {
        self.queue.counts()
    }
}

/// What became of the spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpanCounts {
    /// The collector took them.
    pub(crate) exported: u64,
    /// The queue was full.
    pub(crate) overflowed: u64,
    /// The collector did not take them.
    pub(crate) refused: u64,
}

/// Nanoseconds since 1970.
fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}
