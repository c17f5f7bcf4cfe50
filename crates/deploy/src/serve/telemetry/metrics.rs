//! Counters and histograms in Prometheus' text format:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::otlp::SpanCounts;

/// How a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Vertex AI's predict route.
    Vertex,
    /// `KServe`'s first protocol, `/v1`.
    V1,
    /// The Open Inference Protocol over HTTP, `/v2`.
    V2,
    /// The Open Inference Protocol over gRPC.
    Grpc,
    /// Health checks, metrics, documents, and paths that do not exist.
    Other,
}

impl Protocol {
    const ALL: [Self; 5] = [Self::Vertex, Self::V1, Self::V2, Self::Grpc, Self::Other];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Vertex => "vertex",
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Grpc => "grpc",
            Self::Other => "other",
        }
    }
}

/// Upper bounds of the latency histogram, in microseconds.
const BOUNDS: [u64; 16] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 10_000_000,
];
/// Statuses counted one by one; the last place counts the others.
const STATUSES: [u16; 12] = [200, 400, 404, 405, 408, 413, 415, 499, 500, 501, 503, 0];

/// Status of a request whose client went away before the answer.
pub(crate) const CLIENT_CLOSED: u16 = 499;

/// Counters of one protocol.
#[derive(Debug, Default)]
struct Requests {
    by_status: [AtomicU64; STATUSES.len()],
    /// One for each bound, and one for what is above them.
    by_duration: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// Threads that count apart; more of them share.
const SHARDS: usize = 16;

/// What some threads have counted, on cache lines of its own: counters that every core writes to
/// would cost a request more than everything else about its metrics.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    requests: [Requests; Protocol::ALL.len()],
    predictions: AtomicU64,
}

/// This thread's shard.
fn shard() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    SHARD.with(|shard| *shard)
}

/// Everything the server counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    shards: Box<[Shard; SHARDS]>,
    causes: Mutex<BTreeMap<&'static str, u64>>,
    switches: AtomicU64,
    switch_failures: AtomicU64,
    in_flight: AtomicI64,
    connections: AtomicI64,
    started: f64,
}

/// What is known elsewhere at the time of a scrape.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauges {
    /// Name of the model.
    pub(crate) model_name: String,
    /// Version that is served; empty for a plain folder.
    pub(crate) model_version: String,
    /// Whether predictions are answered.
    pub(crate) ready: bool,
    /// Requests that wait for a core.
    pub(crate) queued: usize,
    /// Access log lines that were lost.
    pub(crate) lost_lines: u64,
    /// Samples that were lost.
    pub(crate) lost_samples: u64,
    /// How the inputs of each loaded model differ from its train rows, where that is watched.
    pub(crate) drift: Vec<InputDrift>,
    /// What became of the spans, where there is a collector.
    pub(crate) spans: Option<SpanCounts>,
}

/// How the inputs of a model differ from its train rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct InputDrift {
    /// Its version; empty for a plain folder.
    pub(crate) model_version: String,
    /// Rows in the window.
    pub(crate) rows: usize,
    /// Each input's population stability index, once the window is full.
    pub(crate) inputs: Vec<(String, f64)>,
}

impl Default for Metrics {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            shards: Box::default(),
            causes: Mutex::default(),
            switches: AtomicU64::new(0),
            switch_failures: AtomicU64::new(0),
            in_flight: AtomicI64::new(0),
            connections: AtomicI64::new(0),
            started: now.map_or(0.0, |elapsed| elapsed.as_secs_f64()),
        }
    }
}

impl Metrics {
    /// Counts an answered request.
    pub(crate) fn answered(&self, protocol: Protocol, status: u16, elapsed: Duration) {
        let requests = &self.shards[shard()].requests[protocol as usize];
        let known = STATUSES.iter().position(|known| *known == status);
        add(&requests.by_status[known.unwrap_or(STATUSES.len() - 1)], 1);
        let micros = elapsed.as_micros() as u64;
        add(
            &requests.by_duration[BOUNDS.partition_point(|bound| *bound < micros)],
            1,
        );
        add(&requests.nanos, elapsed.as_nanos() as u64);
    }

    /// Counts a refused request by its cause.
    pub(crate) fn refused(&self, cause: &'static str) {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        *causes.entry(cause).or_default() += 1;
    }

    /// Counts predicted rows.
    pub(crate) fn predicted(&self, rows: usize) {
        add(&self.shards[shard()].predictions, rows as u64);
    }

    /// Counts a switch to another version, or one that failed.
    pub(crate) fn switched(&self, succeeded: bool) {
        let counter = if succeeded {
            &self.switches
        } else {
            &self.switch_failures
        };
        add(counter, 1);
    }

    /// One more request under way, until the value is dropped.
    pub(crate) fn begin_request(&self) -> Raised<'_> {
        Raised::new(&self.in_flight)
    }

    /// One more connection, until the value is dropped.
    pub(crate) fn begin_connection(&self) -> Raised<'_> {
        Raised::new(&self.connections)
    }

    /// The metrics' text.
    pub(crate) fn render(&self, gauges: &Gauges) -> String {
        let mut page = Page::default();
        self.render_requests(&mut page);
        page.family("errors", "counter", "Refused requests by cause.");
        let causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        for (cause, count) in causes.iter() {
            page.line("errors_total", &format!("cause=\"{cause}\""), count);
        }
        drop(causes);
        let rows = self.sum(|shard| &shard.predictions);
        page.counter("predictions", "Rows predicted.", rows);
        page.counter(
            "model_switches",
            "Switches to another version.",
            self.switches.load(Ordering::Relaxed),
        );
        page.counter(
            "model_switch_failures",
            "Versions that were refused; the one before is served on.",
            self.switch_failures.load(Ordering::Relaxed),
        );
        page.gauge(
            "in_flight_requests",
            "Requests under way.",
            read_level(&self.in_flight),
        );
        page.gauge(
            "connections",
            "Open connections.",
            read_level(&self.connections),
        );
        page.gauge(
            "queued_requests",
            "Heavy requests that wait for a core.",
            gauges.queued,
        );
        page.gauge(
            "ready",
            "Whether predictions are answered: 1 or 0.",
            u8::from(gauges.ready),
        );
        page.family("model_info", "gauge", "The served model; always 1.");
        let labels = format!(
            "model_name=\"{}\",model_version=\"{}\"",
            gauges.model_name, gauges.model_version
        );
        page.line("model_info", &labels, 1);
        page.family(
            "access_log_lines_lost",
            "counter",
            "Access log lines lost because stderr is too slow.",
        );
        page.line("access_log_lines_lost_total", "", gauges.lost_lines);
        page.family(
            "samples_lost",
            "counter",
            "Samples lost because the disk is too slow, or refuses them.",
        );
        page.line("samples_lost_total", "", gauges.lost_samples);
        if !gauges.drift.is_empty() {
            page.drift(&gauges.drift);
        }
        if let Some(spans) = gauges.spans {
            page.spans(&spans);
        }
        page.process(self.started);
        page.0
    }

    /// A counter over all threads.
    fn sum(&self, counter: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        let counters = self.shards.iter().map(counter);
        counters
            .map(|counter| counter.load(Ordering::Relaxed))
            .sum()
    }

    fn render_requests(&self, page: &mut Page) {
        page.family(
            "requests",
            "counter",
            "Answered requests by protocol and HTTP status; gRPC's codes as their HTTP statuses.",
        );
        for protocol in Protocol::ALL {
            for (place, status) in STATUSES.iter().enumerate() {
                let count = self.sum(|shard| &shard.requests[protocol as usize].by_status[place]);
                let name = protocol.name();
                match status {
                    _ if count == 0 => {}
                    0 => {
                        let labels = format!("protocol=\"{name}\",code=\"other\"");
                        page.line("requests_total", &labels, count);
                    }
                    status => {
                        let labels = format!("protocol=\"{name}\",code=\"{status}\"");
                        page.line("requests_total", &labels, count);
                    }
                }
            }
        }
        page.family(
            "request_duration_seconds",
            "histogram",
            "Time from a request's head to its answer.",
        );
        for protocol in Protocol::ALL {
            let name = protocol.name();
            let mut total = 0;
            let bounds = BOUNDS.iter().map(|bound| *bound as f64 / 1e6);
            let bounds = bounds.map(|bound| bound.to_string());
            let bounds = bounds.chain(["+Inf".to_owned()]);
            for (place, bound) in bounds.enumerate() {
                total += self.sum(|shard| &shard.requests[protocol as usize].by_duration[place]);
                let labels = format!("protocol=\"{name}\",le=\"{bound}\"");
                page.line("request_duration_seconds_bucket", &labels, total);
            }
            let labels = format!("protocol=\"{name}\"");
            let nanos = self.sum(|shard| &shard.requests[protocol as usize].nanos);
            let seconds = nanos as f64 / 1e9;
            page.line("request_duration_seconds_sum", &labels, seconds);
            page.line("request_duration_seconds_count", &labels, total);
        }
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

fn read_level(level: &AtomicI64) -> i64 {
    level.load(Ordering::Relaxed)
}

/// A level that is one higher while this lives.
#[derive(Debug)]
pub(crate) struct Raised<'a> {
    level: &'a AtomicI64,
    /// The level just after it was raised.
    pub(crate) height: i64,
}

impl<'a> Raised<'a> {
    fn new(level: &'a AtomicI64) -> Self {
        let height = level.fetch_add(1, Ordering::Relaxed) + 1;
        Self { level, height }
    }
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.level.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The text being written; names get the component's prefix.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let suffix = if kind == "counter" { "_total" } else { "" };
        self.0.push_str(&format!(
            "# HELP deploy_{name}{suffix} {help}\n# TYPE deploy_{name}{suffix} {kind}\n"
        ));
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = if labels.is_empty() {
            writeln!(self.0, "deploy_{name} {value}")
        } else {
            writeln!(self.0, "deploy_{name}{{{labels}}} {value}")
        };
    }

    fn counter(&mut self, name: &str, help: &str, count: u64) {
        self.family(name, "counter", help);
        self.line(&format!("{name}_total"), "", count);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, "gauge", help);
        self.line(name, "", value);
    }

    fn drift(&mut self, models: &[InputDrift]) {
        self.family(
            "input_drift_rows",
            "gauge",
            "Rows in the window that is compared with the train rows.",
        );
        for model in models {
            let labels = format!("model_version=\"{}\"", model.model_version);
            self.line("input_drift_rows", &labels, model.rows);
        }
        self.family(
            "input_drift_psi",
            "gauge",
            "Population stability index of an input against the train rows; from 0.1 on it has \
             changed, from 0.25 on a lot. Told once the window is full.",
        );
        for model in models {
            for (input, index) in &model.inputs {
                let input = input
                    .replace('\\', "\\\\")
                    .replace('"', "\\\"")
                    .replace('\n', "\\n");
                let version = &model.model_version;
                let labels = format!("input=\"{input}\",model_version=\"{version}\"");
                self.line("input_drift_psi", &labels, format!("{index:.6}"));
            }
        }
    }

    fn spans(&mut self, spans: &SpanCounts) {
        self.family(
            "spans_exported",
            "counter",
            "Spans the trace collector took.",
        );
        self.line("spans_exported_total", "", spans.exported);
        self.family(
            "spans_dropped",
            "counter",
            "Spans lost: the queue was full, or the collector did not take them.",
        );
        for (cause, count) in [
            ("queue_full", spans.overflowed),
            ("not_taken", spans.refused),
        ] {
            let labels = format!("cause=\"{cause}\"");
            self.line("spans_dropped_total", &labels, count);
        }
    }

    /// The customary metrics of a process, where the system tells them.
    fn process(&mut self, started: f64) {
        let resident = std::fs::read_to_string("/proc/self/status").ok();
        let resident = resident.as_deref().and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        });
        if let Some(kilobytes) = resident {
            self.0.push_str(&format!(
                "# HELP process_resident_memory_bytes Resident memory.\n\
                 # TYPE process_resident_memory_bytes gauge\n\
                 process_resident_memory_bytes {}\n",
                kilobytes * 1024
            ));
        }
        self.0.push_str(&format!(
            "# HELP process_start_time_seconds Start, in seconds since 1970.\n\
             # TYPE process_start_time_seconds gauge\n\
             process_start_time_seconds {started:.3}\n"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, start: &str) -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with(start));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn requests_are_counted_by_protocol_status_and_duration() {
        let metrics = Metrics::default();
        metrics.answered(Protocol::Vertex, 200, Duration::from_micros(50));
        metrics.answered(Protocol::Vertex, 200, Duration::from_micros(51));
        metrics.answered(Protocol::Vertex, 418, Duration::from_mins(1));
        let text = metrics.render(&Gauges::default());
        assert_eq!(
            lines(&text, "deploy_requests_total"),
            [
                "deploy_requests_total{protocol=\"vertex\",code=\"200\"} 2",
                "deploy_requests_total{protocol=\"vertex\",code=\"other\"} 1",
            ]
        );
        let buckets = lines(
            &text,
            "deploy_request_duration_seconds_bucket{protocol=\"vertex\"",
        );
        assert!(buckets[0].ends_with("le=\"0.00005\"} 1"), "{}", buckets[0]);
        assert!(buckets[1].ends_with("le=\"0.0001\"} 2"), "{}", buckets[1]);
        assert!(buckets[15].ends_with("le=\"10\"} 2"), "{}", buckets[15]);
        assert!(buckets[16].ends_with("le=\"+Inf\"} 3"), "{}", buckets[16]);
        let sums = lines(
            &text,
            "deploy_request_duration_seconds_sum{protocol=\"vertex\"",
        );
        assert!(sums[0].ends_with(" 60.000101"), "{}", sums[0]);
    }

    #[test]
    fn levels_fall_when_their_holders_go() {
        let metrics = Metrics::default();
        let first = metrics.begin_request();
        let second = metrics.begin_request();
        assert_eq!((first.height, second.height), (1, 2));
        drop(first);
        let text = metrics.render(&Gauges::default());
        assert_eq!(
            lines(&text, "deploy_in_flight"),
            ["deploy_in_flight_requests 1"]
        );
    }

    #[test]
    fn every_family_is_explained_and_typed_once() {
        let metrics = Metrics::default();
        metrics.refused("malformed");
        let text = metrics.render(&Gauges {
            model_name: "btc".to_owned(),
            model_version: "2".to_owned(),
            ready: true,
            ..Gauges::default()
        });
        assert!(text.contains("\ndeploy_errors_total{cause=\"malformed\"} 1\n"));
        assert!(text.contains("\ndeploy_model_info{model_name=\"btc\",model_version=\"2\"} 1\n"));
        let types = lines(&text, "# TYPE ");
        let mut names: Vec<&str> = types
            .iter()
            .map(|line| line.split(' ').nth(2).unwrap())
            .collect();
        assert_eq!(names.len(), lines(&text, "# HELP ").len());
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), types.len());
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            let known = names.iter().any(|known| name.starts_with(known));
            assert!(known, "{line}");
        }
    }
}
