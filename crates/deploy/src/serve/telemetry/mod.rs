//! What the server tells about itself: metrics, access log, trace context.

mod access;
mod exchange;
mod metrics;
mod trace;

pub(crate) use self::access::AccessLog;
pub use self::access::AccessMode;
pub(crate) use self::exchange::Exchange;
pub(crate) use self::metrics::{Gauges, Metrics, Protocol};

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

/// The metrics and the access log of one server.
#[derive(Debug)]
pub(crate) struct Telemetry {
    /// Counters and histograms.
    pub(crate) metrics: Metrics,
    /// One line a request.
    pub(crate) access: AccessLog,
}

impl Telemetry {
    /// Counts, and logs nothing.
    pub(crate) fn quiet() -> Self {
        Self {
            metrics: Metrics::default(),
            access: AccessLog::off(),
        }
    }
}
