//! Request ids, and W3C trace context: <https://www.w3.org/TR/trace-context/>.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderValue;

/// Header with a request's id, taken over from the client or made here, and sent back.
pub(crate) const REQUEST_ID: &str = "x-request-id";
/// Header with the caller's place in a trace.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// Longest id taken over from a client.
const MAX_REQUEST_ID: usize = 128;

/// A request's id: the client's, or one made here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RequestId<'a> {
    Given(&'a [u8]),
    Made([u8; 32]),
}

impl<'a> RequestId<'a> {
    /// Takes a client's id over where it is short and plain.
    pub(crate) fn of(given: Option<&'a [u8]>) -> Self {
        let is_plain = |id: &&[u8]| {
            (1..=MAX_REQUEST_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
        };
        match given.filter(is_plain) {
            Some(id) => Self::Given(id),
            None => Self::Made(hex(u128::from(*PROCESS) << 64 | u128::from(next()))),
        }
    }

    /// Visible ASCII characters.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Given(id) => id,
            Self::Made(id) => id,
        }
    }

    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(self.as_bytes()).expect("visible ASCII")
    }
}

/// Tells the ids of this process from those of others.
static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0_u64));

/// A number nobody else gets; every thread counts in a range of its own.
fn next() -> u64 {
    const RANGE: u64 = 1 << 40;
    static THREADS: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static COUNTER: Cell<u64> = Cell::new(RANGE * THREADS.fetch_add(1, Ordering::Relaxed));
    }
    COUNTER.with(|counter| {
        let next = counter.get() + 1;
        counter.set(next);
        next
    })
}

/// An id nobody else has; never 0.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(next()).max(1)
}

/// The digits of a number; `N` is twice its bytes.
pub(super) fn hex<const N: usize>(number: u128) -> [u8; N] {
    std::array::from_fn(|place| {
        let digit = (number >> (4 * (N - 1 - place))) & 0xf;
        b"0123456789abcdef"[digit as usize]
    })
}

/// A request's place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// The trace; never 0.
    pub(crate) trace_id: u128,
    /// The caller's span; none where the trace begins here.
    pub(crate) parent_id: Option<u64>,
    /// The span of this request; never 0.
    pub(crate) span_id: u64,
    /// Whether the caller records the trace.
    pub(crate) is_sampled: bool,
}

impl TraceContext {
    /// Reads `traceparent: 00-<trace id>-<parent id>-<flags>`; one that is not valid counts as
    /// none, as the standard asks.
    pub(crate) fn read(traceparent: &[u8]) -> Option<Self> {
        let text = str::from_utf8(traceparent).ok()?;
        let mut parts = text.split('-');
        let version = number(parts.next()?, 2)?;
        let trace_id = number(parts.next()?, 32)?;
        let parent_id = number(parts.next()?, 16)? as u64;
        let flags = number(parts.next()?, 2)?;
        let has_more = parts.next().is_some();
        if version == 0xff || (version == 0 && has_more) || trace_id == 0 || parent_id == 0 {
            return None;
        }
        Some(Self {
            trace_id,
            parent_id: Some(parent_id),
            span_id: random(),
            is_sampled: flags & 1 == 1,
        })
    }

    /// The beginning of a trace.
    pub(crate) fn root() -> Self {
        Self {
            trace_id: u128::from(random()) << 64 | u128::from(random()),
            parent_id: None,
            span_id: random(),
            is_sampled: false,
        }
    }
}

/// A number in this many lower-case hexadecimal digits.
fn number(text: &str, length: usize) -> Option<u128> {
    let digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if text.len() != length || !text.bytes().all(digit) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_request_id_is_taken_over() {
        let long = "x".repeat(129);
        assert_eq!(RequestId::of(Some(b"a-1")).as_bytes(), b"a-1");
        for other in ["", "a b", &long] {
            let id = RequestId::of(Some(other.as_bytes()));
            assert_eq!(id.as_bytes().len(), 32, "{other}");
        }
    }

    #[test]
    fn ids_made_here_differ() {
        let (first, second) = (RequestId::of(None), RequestId::of(None));
        assert_ne!(first.as_bytes(), second.as_bytes());
        assert_ne!(TraceContext::root().trace_id, TraceContext::root().trace_id);
    }

    #[test]
    fn digits_are_those_of_the_number() {
        assert_eq!(&hex::<4>(0x0a9f), b"0a9f");
    }

    #[test]
    fn a_valid_traceparent_is_read() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let text = format!("00-{trace}-00f067aa0ba902b7-01");
        let context = TraceContext::read(text.as_bytes()).unwrap();
        assert_eq!(context.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(context.parent_id, Some(0x00f0_67aa_0ba9_02b7));
        assert!(context.is_sampled);
        let later = format!("01-{trace}-00f067aa0ba902b7-02-more");
        let later = TraceContext::read(later.as_bytes()).unwrap();
        assert!(!later.is_sampled);
        assert_ne!(later.span_id, context.span_id);
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
            assert_eq!(TraceContext::read(text.as_bytes()), None);
        }
    }
}
