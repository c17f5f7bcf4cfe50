//! The plain request: HTTP/1.1, a POST to a predict route, here in one piece, well formed and
//! light. Nearly all are, and hyper would spend more on one than its prediction takes: a map of
//! headers, futures, timers and boxed bodies for what is a few borrowed slices.
//!
//! What is read here is either answered with predictions or left as it came, to be read again and
//! answered by hyper and the handlers behind it. So everything that could be wrong with a request
//! is still judged, limited and worded in one place; this module only knows what is right.

use std::cell::RefCell;
use std::io::Write;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use httparse::Status;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::app::App;
use super::instances;
use super::routes;
use super::slot::Served;
use super::telemetry::{Entry, Protocol, REQUEST_ID, RequestId, TRACEPARENT, TraceContext};

/// Headers of a plain request; hyper takes more.
const MAX_HEADERS: usize = 32;
/// Largest body that is read on the spot.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// What has come in of a request.
#[derive(Debug)]
pub(super) enum Read<'b> {
    /// A plain one, whole.
    Plain(Plain<'b>),
    /// The beginning of one that may become plain.
    Partial,
    /// Anything else.
    Other,
}

/// A plain request.
#[derive(Debug)]
pub(super) struct Plain<'b> {
    protocol: Protocol,
    path: &'b str,
    request_id: Option<&'b [u8]>,
    trace: Option<TraceContext>,
    user_agent: &'b str,
    version: Option<&'b str>,
    body: &'b [u8],
    /// Bytes of head and body.
    pub(super) length: usize,
}

/// Working memory of a connection's answers.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    body: Vec<u8>,
}

impl<'b> Plain<'b> {
    /// Reads the first request of these bytes.
    pub(super) fn read(app: &App, bytes: &'b [u8]) -> Read<'b> {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut []);
        let head_length = match head.parse_with_uninit_headers(bytes, &mut headers) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Read::Partial,
            Err(_) => return Read::Other,
        };
        let Some((plain, length)) = Self::of(app, &head) else {
            return Read::Other;
        };
        match bytes.get(head_length..head_length + length) {
            None => Read::Partial,
            Some(body) => Read::Plain(Self {
                body,
                length: head_length + length,
                ..plain
            }),
        }
    }

    /// The request without its body, and the body's length, if the head is plain.
    fn of(app: &App, head: &httparse::Request<'_, 'b>) -> Option<(Self, usize)> {
        let path = head.path?;
        if head.method != Some("POST") || head.version != Some(1) {
            return None;
        }
        let mut plain = Self {
            protocol: routes::predicts(app, path)?,
            path,
            request_id: None,
            trace: None,
            user_agent: "",
            version: None,
            body: &[],
            length: 0,
        };
        let (mut length, mut is_json) = (None, false);
        for header in &*head.headers {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            let value = header.value;
            if is("content-length") {
                // Digits alone, and once: anything else may hide a second request.
                let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
                if length.is_some() || !is_number {
                    return None;
                }
                length = Some(str::from_utf8(value).ok()?.parse().ok()?);
            } else if is("content-type") {
                is_json = super::predict::is_json(value);
                if !is_json {
                    return None;
                }
            } else if is("connection") {
                if !value.eq_ignore_ascii_case(b"keep-alive") {
                    return None;
                }
            } else if is("transfer-encoding")
                || is("content-encoding")
                || is("expect")
                || is("upgrade")
            {
                return None;
            } else if is(REQUEST_ID) {
                plain.request_id = plain.request_id.or(Some(value));
            } else if is(TRACEPARENT) {
                plain.trace = plain.trace.or_else(|| TraceContext::read(value));
            } else if is("user-agent") {
                plain.user_agent = str::from_utf8(value).unwrap_or_default();
            } else if is(super::predict::MODEL_VERSION_HEADER) {
                plain.version = str::from_utf8(value).ok();
            }
        }
        let length = length.filter(|length| is_json && *length <= MAX_BODY)?;
        (length <= app.body.max_bytes).then_some((plain, length))
    }

    /// Adds the answer to `out`, if it is predictions and nothing but.
    pub(super) fn answer(
        &self,
        app: &App,
        peer: IpAddr,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let start = Instant::now();
        let slot = &app.slot;
        slot.with_pick(self.version, |served| {
            self.answer_by(served, app, start, peer, scratch, out)
        })
    }

    fn answer_by(
        &self,
        served: &Served,
        app: &App,
        start: Instant,
        peer: IpAddr,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let rows = instances::read_plain(self.body, &served.model)?;
        let count = rows.len() / served.model.inputs().len();
        if !App::is_light(&served.model, count) {
            return None;
        }
        let predictions = served.predict(&rows, "instances").ok()?;
        let id = RequestId::of(self.request_id);
        scratch.body.clear();
        super::predict::write(&mut scratch.body, &predictions);
        let end = Instant::now();
        write_head(out, served, &id, scratch.body.len(), end);
        out.extend_from_slice(&scratch.body);
        let request_id = str::from_utf8(id.as_bytes()).unwrap_or_default();
        if let Some(sample) = app.sample(served, &rows, &predictions) {
            app.telemetry.samples.write(request_id, &sample);
        }
        app.telemetry.record(&Entry {
            method: "POST",
            path: self.path,
            protocol: self.protocol,
            status: 200,
            elapsed: end - start,
            request_id,
            trace: self.trace,
            remote: peer,
            user_agent: self.user_agent,
            request_bytes: self.body.len() as u64,
            rows: count,
            model_version: served.version.map(|version| version.number),
            cause: None,
        });
        Some(())
    }
}

/// The same head as hyper writes for [`super::predict::answer`].
fn write_head(out: &mut Vec<u8>, served: &Served, id: &RequestId<'_>, length: usize, now: Instant) {
    out.extend_from_slice(&served.head);
    out.extend_from_slice(id.as_bytes());
    // Writing to memory does not fail.
    let _ = write!(out, "\r\ncontent-length: {length}\r\ndate: ");
    DATE.with_borrow_mut(|date| out.extend_from_slice(date.at(now)));
    out.extend_from_slice(b"\r\n\r\n");
}

thread_local! {
    static DATE: RefCell<Date> = RefCell::default();
}

/// The `Date` header, which changes once a second.
#[derive(Debug, Default)]
struct Date {
    text: String,
    until: Option<Instant>,
}

impl Date {
    fn at(&mut self, now: Instant) -> &[u8] {
        if self.until.is_none_or(|until| now >= until) {
            let time = Timestamp::now();
            let to_next = 1_000_000_000 - time.subsec_nanosecond().max(0);
            self.until = Some(now + Duration::from_nanos(to_next as u64));
            // Fails only for years of more than four digits.
            let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
            self.text = text.unwrap_or_default();
        }
        self.text.as_bytes()
    }
}
