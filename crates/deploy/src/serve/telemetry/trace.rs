//! Request ids, and W3C trace context: <https://www.w3.org/TR/trace-context/>.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderValue};

/// Header with a request's id, taken over from the client or made here, and sent back.
pub(crate) const REQUEST_ID: &str = "x-request-id";
const TRACEPARENT: &str = "traceparent";
/// Longest id taken over from a client.
const MAX_REQUEST_ID: usize = 128;

/// The request's id.
pub(crate) fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=MAX_REQUEST_ID).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    headers
        .get(REQUEST_ID)
        .filter(plain)
        .cloned()
        .unwrap_or_else(|| {
            let id = format!("{:016x}{:016x}", *PROCESS, next());
            HeaderValue::from_str(&id).expect("hexadecimal digits")
        })
}

/// Tells the ids of this process from those of others.
static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0_u64));

fn next() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    COUNTER.fetch_add(1, Ordering::Relaxed)
}

/// The caller's place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// 32 hexadecimal digits.
    pub(crate) trace_id: String,
    /// Span of this request, 16 hexadecimal digits.
    pub(crate) span_id: String,
}

impl TraceContext {
    /// Reads `traceparent: 00-<trace id>-<parent id>-<flags>`; one that is not valid counts as
    /// none, as the standard asks.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(TRACEPARENT)?.to_str().ok()?;
        let mut parts = text.split('-');
        let version = hex(parts.next()?, 2)?;
        let trace_id = hex(parts.next()?, 32)?;
        let parent_id = hex(parts.next()?, 16)?;
        hex(parts.next()?, 2)?;
        let is_zero = |id: &str| id.bytes().all(|digit| digit == b'0');
        let has_more = parts.next().is_some();
        if version == "ff" || (version == "00" && has_more) || is_zero(trace_id) {
            return None;
        }
        if is_zero(parent_id) {
            return None;
        }
        Some(Self {
            trace_id: trace_id.to_owned(),
            span_id: format!("{:016x}", RandomState::new().hash_one(next()).max(1)),
        })
    }
}

/// Lower-case hexadecimal digits of this number.
fn hex(text: &str, length: usize) -> Option<&str> {
    let digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    (text.len() == length && text.bytes().all(digit)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            axum::http::HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )])
    }

    #[test]
    fn a_clients_request_id_is_taken_over() {
        let long = "x".repeat(129);
        assert_eq!(request_id(&headers("x-request-id", "a-1")), "a-1");
        for other in ["", "a b", &long] {
            assert_eq!(request_id(&headers("x-request-id", other)).len(), 32);
        }
    }

    #[test]
    fn ids_made_here_differ() {
        let none = HeaderMap::new();
        assert_ne!(request_id(&none), request_id(&none));
    }

    #[test]
    fn a_valid_traceparent_is_read() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let text = format!("00-{trace}-00f067aa0ba902b7-01");
        let context = TraceContext::read(&headers("traceparent", &text)).unwrap();
        assert_eq!(context.trace_id, trace);
        assert_eq!(context.span_id.len(), 16);
        let later = format!("01-{trace}-00f067aa0ba902b7-00-more");
        assert!(TraceContext::read(&headers("traceparent", &later)).is_some());
    }

    #[test]
    fn a_traceparent_that_is_not_valid_counts_as_none() {
        let zero = "0".repeat(32);
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            &format!("00-{zero}-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(TraceContext::read(&headers("traceparent", text)), None);
        }
    }
}
