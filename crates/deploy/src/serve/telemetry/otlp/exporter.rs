//! The queue, and the task that empties it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::config::{Encoding, OtlpConfig};
use super::message::{Answer, Export};
use super::{Span, SpanCounts};

/// Spans that wait for the collector.
const MAX_WAITING: usize = 8192;
/// Spans of one request to it.
const BATCH: usize = 512;
/// Longest time a span waits for company.
const FLUSH: Duration = Duration::from_secs(1);
/// Attempts to send a batch, with doubling pauses between them.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause a collector may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Time between two complaints.
const QUIET: Duration = Duration::from_mins(1);
/// Bytes of an answer that are looked at.
const MAX_ANSWER: usize = 64 * 1024;

/// Spans on their way, and the counts of those that have arrived or been dropped.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Vec<Span>>,
    /// There is a batch, or nothing more will come.
    wake: Notify,
    closing: CancellationToken,
    /// The exporter has ended.
    pub(super) done: CancellationToken,
    exported: AtomicU64,
    overflowed: AtomicU64,
    refused: AtomicU64,
}

impl Queue {
    /// Adds a span, or drops it where there is no place.
    pub(super) fn push(&self, span: Span) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.push(span);
        if waiting.len() == BATCH {
            self.wake.notify_one();
        }
    }

    fn take(&self) -> Vec<Span> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = waiting.len().min(BATCH);
        let rest = waiting.split_off(batch);
        std::mem::replace(&mut *waiting, rest)
    }

    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    pub(super) fn counts(&self) -> SpanCounts {
        SpanCounts {
            exported: self.exported.load(Ordering::Relaxed),
            overflowed: self.overflowed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

/// Why a batch was not taken.
#[derive(Debug)]
struct Failure {
    problem: String,
    retry: Retry,
}

/// Whether another attempt may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    Never,
    Soon,
    /// After the pause the collector asks for.
    After(Duration),
}

/// Sends spans until the queue is closed, then what is left.
#[derive(Debug)]
pub(super) struct Exporter {
    config: OtlpConfig,
    client: Client,
    queue: Arc<Queue>,
    /// When spans were last said to be lost.
    complained: Option<Instant>,
    /// Whether that is the last thing that was said.
    is_failing: bool,
}

impl Exporter {
    pub(super) fn new(config: OtlpConfig, queue: Arc<Queue>) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(config.timeout)
            // Another host must not get the headers.
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self {
            config,
            client,
            queue,
            complained: None,
            is_failing: false,
        })
    }

    pub(super) async fn run(mut self) {
        let queue = self.queue.clone();
        // However this ends, nobody waits for it.
        let _done = queue.done.clone().drop_guard();
        loop {
            let is_closing = queue.closing.is_cancelled();
            let batch = queue.take();
            if batch.is_empty() && is_closing {
                return;
            }
            let is_full = batch.len() == BATCH;
            if !batch.is_empty() {
                self.send(&batch).await;
            }
            if !is_full && !is_closing {
                tokio::select! {
                    () = queue.wake.notified() => {}
                    () = sleep(FLUSH) => {}
                    () = queue.closing.cancelled() => {}
                }
            }
        }
    }

    /// Sends a batch, again where that may help; counts what becomes of it.
    async fn send(&mut self, batch: &[Span]) {
        let export = Export::new(&self.config.resource, batch);
        let (kind, body) = match self.config.encoding {
            Encoding::Protobuf => ("application/x-protobuf", export.encode_to_vec()),
            Encoding::Json => {
                let json = serde_json::to_vec(&export).expect("text and numbers");
                ("application/json", json)
            }
        };
        let body = bytes::Bytes::from(body);
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let failure = match self.attempt(kind, body.clone()).await {
                Ok(partial) => return self.took(batch.len() as u64, partial),
                Err(failure) => failure,
            };
            let pause_now = match failure.retry {
                Retry::Soon if attempt < ATTEMPTS => pause,
                Retry::After(asked) if attempt < ATTEMPTS => asked,
                _ => return self.drop_batch(batch.len() as u64, &failure.problem),
            };
            tokio::select! {
                () = sleep(pause_now) => {}
                // There is no time left for patience.
                () = self.queue.closing.cancelled() => {
                    return self.drop_batch(batch.len() as u64, &failure.problem);
                }
            }
            pause *= 2;
        }
    }

    /// One request; what the collector says about a batch that it took.
    async fn attempt(
        &self,
        kind: &'static str,
        body: bytes::Bytes,
    ) -> Result<Option<(u64, String)>, Failure> {
        let request = self.client.post(self.config.endpoint.clone());
        let request = request.headers(self.config.headers.clone());
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static(kind));
        let response = request.body(body).send().await.map_err(|error| Failure {
            problem: component::chain(&error.without_url()),
            retry: Retry::Soon,
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(self.read(response).await);
        }
        let is_temporary = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        Err(Failure {
            problem: format!("it answers {status}"),
            retry: match retry_after(&response) {
                _ if !is_temporary => Retry::Never,
                Some(asked) => Retry::After(asked),
                None => Retry::Soon,
            },
        })
    }

    /// Spans the collector did not take of a batch, and why. An answer that cannot be read says
    /// nothing against the batch.
    async fn read(&self, mut response: Response) -> Option<(u64, String)> {
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            if body.len() + chunk.len() > MAX_ANSWER {
                return None;
            }
            body.extend_from_slice(&chunk);
        }
        let answer: Answer = match self.config.encoding {
            Encoding::Protobuf => Answer::decode(&body[..]).ok()?,
            Encoding::Json => serde_json::from_slice(&body).ok()?,
        };
        let partial = answer.partial_success?;
        let rejected = u64::try_from(partial.rejected_spans).ok()?;
        (rejected > 0).then_some((rejected, partial.error_message))
    }

    fn took(&mut self, spans: u64, partial: Option<(u64, String)>) {
        let (rejected, problem) = partial.unwrap_or_default();
        let rejected = rejected.min(spans);
        self.queue
            .exported
            .fetch_add(spans - rejected, Ordering::Relaxed);
        if rejected > 0 {
            self.drop_batch(rejected, &format!("it rejected spans: {problem:?}"));
        } else if std::mem::take(&mut self.is_failing) {
            info!("the trace collector {} takes spans again", self.place());
        }
    }

    fn drop_batch(&mut self, spans: u64, problem: &str) {
        self.queue.refused.fetch_add(spans, Ordering::Relaxed);
        if self.complained.is_some_and(|at| at.elapsed() < QUIET) {
            return;
        }
        self.complained = Some(Instant::now());
        self.is_failing = true;
        let SpanCounts {
            overflowed,
            refused,
            ..
        } = self.queue.counts();
        warn!(
            "the trace collector {} does not take spans: {problem}; {} are lost by now",
            self.place(),
            overflowed + refused,
        );
    }

    /// The collector without what may be secret in its address.
    fn place(&self) -> String {
        let url = &self.config.endpoint;
        format!(
            "{}{}",
            url.authority().rsplit('@').next().unwrap_or_default(),
            url.path()
        )
    }
}

/// The pause a collector asks for, in seconds.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_PAUSE))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::SystemTime;

    use super::super::super::{Protocol, TraceContext};
    use super::*;

    fn span(rows: usize) -> Span {
        Span {
            trace: TraceContext::root(),
            ended: SystemTime::UNIX_EPOCH,
            elapsed: Duration::ZERO,
            protocol: Protocol::Vertex,
            method: "POST".to_owned(),
            path: "/predict".to_owned(),
            status: 200,
            cause: None,
            request_id: "r-1".to_owned(),
            remote: Ipv4Addr::LOCALHOST.into(),
            user_agent: String::new(),
            request_bytes: 0,
            rows,
            model_version: None,
        }
    }

    #[test]
    fn spans_without_a_place_are_dropped_and_counted() {
        let queue = Queue::default();
        for rows in 0..MAX_WAITING + 2 {
            queue.push(span(rows));
        }
        assert_eq!(queue.counts().overflowed, 2);
        let taken: Vec<usize> = std::iter::from_fn(|| {
            let batch = queue.take();
            assert!(batch.len() <= BATCH);
            (!batch.is_empty()).then_some(batch)
        })
        .flatten()
        .map(|span| span.rows)
        .collect();
        assert_eq!(taken, (0..MAX_WAITING).collect::<Vec<_>>());
    }
}
