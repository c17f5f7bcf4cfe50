//! One request and its answer, as metrics and the access log see them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::HttpBody;
use axum::http::{HeaderValue, Method, Request, Response, Uri, header};

use super::metrics::{CLIENT_CLOSED, Raised};
use super::trace::{REQUEST_ID, RequestId, TRACEPARENT, TraceContext};
use super::{Entry, Note, Protocol, Sample, Telemetry};

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
        let bytes = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
        Self {
            telemetry,
            _under_way: telemetry.metrics.begin_request(),
            start: Instant::now(),
            protocol,
            method: request.method().clone(),
            uri: request.uri().clone(),
            remote,
            request_id: RequestId::of(bytes(REQUEST_ID)).header(),
            trace: bytes(TRACEPARENT).and_then(TraceContext::read),
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
        if let Some(sample) = response.extensions_mut().remove::<Sample>() {
            self.telemetry
                .samples
                .write(text(&self.request_id), &sample);
        }
    }

    fn record(&self, status: u16, note: Note) {
        self.telemetry.record(&Entry {
            method: self.method.as_str(),
            path: self.uri.path(),
            protocol: self.protocol,
            status,
            elapsed: self.start.elapsed(),
            request_id: text(&self.request_id),
            trace: self.trace,
            remote: self.remote,
            user_agent: self.user_agent.as_ref().map_or("", text),
            request_bytes: self.request_bytes,
            rows: note.rows,
            model_version: note.version,
            cause: note.cause,
        });
    }
}

/// A header's value; empty where it is no text.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
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
