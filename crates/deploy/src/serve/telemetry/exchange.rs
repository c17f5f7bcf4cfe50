//! One request and its answer, as metrics and the access log see them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::HttpBody;
use axum::http::{HeaderValue, Method, Request, Response, Uri, header};

use super::access::Entry;
use super::metrics::{CLIENT_CLOSED, Raised};
use super::trace::{self, REQUEST_ID, TraceContext};
use super::{Note, Protocol, Telemetry};

/// A request under way. One that is dropped before its answer counts as given up by its client.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    telemetry: &'a Arc<Telemetry>,
    _under_way: Raised<'a>,
    start: Instant,
    protocol: Protocol,
    method: Method,
    uri: Uri,
    remote: IpAddr,
    request_id: HeaderValue,
    trace: Option<TraceContext>,
    user_agent: Option<HeaderValue>,
    request_bytes: u64,
    is_answered: bool,
}

impl<'a> Exchange<'a> {
    pub(crate) fn begin<B: HttpBody>(
        telemetry: &'a Arc<Telemetry>,
        protocol: Protocol,
        remote: IpAddr,
        request: &Request<B>,
    ) -> Self {
        let headers = request.headers();
        Self {
            telemetry,
            _under_way: telemetry.metrics.begin_request(),
            start: Instant::now(),
            protocol,
            method: request.method().clone(),
            uri: request.uri().clone(),
            remote,
            request_id: trace::request_id(headers),
            trace: TraceContext::read(headers),
            user_agent: headers.get(header::USER_AGENT).cloned(),
            request_bytes: request.body().size_hint().lower(),
            is_answered: false,
        }
    }

    /// Counts and logs the answer, and gives it the request's id.
    pub(crate) fn answer<B>(mut self, response: &mut Response<B>) {
        self.is_answered = true;
        let note = response.extensions().get::<Note>().copied();
        let note = note.unwrap_or_default();
        let id = self.request_id.clone();
        response.headers_mut().insert(REQUEST_ID, id);
        let status = note.status.unwrap_or(response.status().as_u16());
        self.record(status, note);
    }

    fn record(&self, status: u16, note: Note) {
        let Telemetry { metrics, access } = &**self.telemetry;
        let elapsed = self.start.elapsed();
        metrics.answered(self.protocol, status, elapsed);
        if let Some(cause) = note.cause {
            metrics.refused(cause);
        }
        if note.rows > 0 {
            metrics.predicted(note.rows);
        }
        if !access.wants(status, self.protocol == Protocol::Other) {
            return;
        }
        let text = |value: &Option<HeaderValue>| {
            let text = value.as_ref().and_then(|value| value.to_str().ok());
            text.unwrap_or_default().to_owned()
        };
        access.write(&Entry {
            method: self.method.as_str(),
            path: self.uri.path(),
            protocol: self.protocol.name(),
            status,
            elapsed,
            request_id: self.request_id.to_str().unwrap_or_default(),
            trace: self
                .trace
                .as_ref()
                .map(|trace| (trace.trace_id.as_str(), trace.span_id.as_str())),
            remote: self.remote,
            user_agent: &text(&self.user_agent),
            request_bytes: self.request_bytes,
            rows: note.rows,
            model_version: note.version,
            cause: note.cause,
        });
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            let note = Note {
                cause: Some("client_closed"),
                ..Note::default()
            };
            self.record(CLIENT_CLOSED, note);
        }
    }
}
