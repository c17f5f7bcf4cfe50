//! What all protocols share: the served model, who may compute, and what is told about it.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use super::admission::Admission;
use super::body::BodyLimits;
use super::config::Routes;
use super::plain::MAX_BODY;
use super::rejection::Rejection;
use super::slot::{Served, Slot};
use super::telemetry::{Gauges, InputDrift, Sample, Spans, Telemetry};
use crate::args::LimitArgs;
use crate::servable::Servable;

/// Multiplications done on the spot: well below a millisecond. Heavier requests need a core of
/// their own, so that light ones and health checks are answered meanwhile.
const LIGHT_COST: usize = 8_000_000;

/// A server's state, shared by its requests.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) slot: Arc<Slot>,
    pub(crate) routes: Routes,
    pub(crate) body: BodyLimits,
    pub(crate) telemetry: Arc<Telemetry>,
    admission: Admission,
    is_stopping: AtomicBool,
}

impl App {
    pub(crate) fn new(
        slot: Arc<Slot>,
        routes: Routes,
        limits: &LimitArgs,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self {
            slot,
            routes,
            body: BodyLimits::new(
                limits.max_body_bytes,
                Duration::from_secs(limits.body_timeout),
            ),
            telemetry,
            admission: Admission::new(cores, Duration::from_millis(limits.max_queue_ms)),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Turns readiness off, so that a load balancer sends no more requests.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// The model to predict with.
    pub(crate) fn served(&self) -> Result<Arc<Served>, Rejection> {
        self.slot.served().ok_or_else(|| Rejection::NotServed {
            model_name: self.slot.model_name().to_owned(),
        })
    }

    /// The model, if new requests are welcome.
    pub(crate) fn ready(&self) -> Result<Arc<Served>, Rejection> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err(Rejection::Stopping);
        }
        self.served()
    }

    /// Whether this is the model's name.
    pub(crate) fn check_name(&self, model: &str) -> Result<(), Rejection> {
        self.named(model, "").map(drop)
    }

    /// The model, if it is the one a path or message names; an empty version means the served
    /// one.
    pub(crate) fn named(&self, model: &str, version: &str) -> Result<Arc<Served>, Rejection> {
        let served = self.served()?;
        let found = if version.is_empty() {
            Some(served.clone())
        } else {
            self.slot.version(version)
        };
        match found {
            Some(found) if model == self.slot.model_name() => Ok(found),
            _ => Err(Rejection::OtherModel {
                wanted: name(model, version),
                served: name(self.slot.model_name(), &served.version_text()),
            }),
        }
    }

    /// The model to predict with for a path or message: an empty version leaves it to the split
    /// between the served version and one that is tried out.
    pub(crate) fn chosen(&self, model: &str, version: &str) -> Result<Arc<Served>, Rejection> {
        let named = self.named(model, version)?;
        let pick = version.is_empty().then(|| self.slot.pick()).flatten();
        Ok(pick.unwrap_or(named))
    }

    /// The model to predict with: the version the client wishes for, if it is there.
    pub(crate) fn preferred(&self, wished: Option<&str>) -> Result<Arc<Served>, Rejection> {
        let found = wished.and_then(|version| self.slot.version(version));
        match found.or_else(|| self.slot.pick()) {
            Some(served) => Ok(served),
            None => self.served(),
        }
    }

    /// Does a request's work: here when it is light, on a core of its own when it is heavy, or
    /// not at all when there are too many such requests.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        model: &Servable,
        bytes: usize,
        work: impl FnOnce() -> Result<T, Rejection> + Send + 'static,
    ) -> Result<T, Rejection> {
        // As if every value took four bytes: the real number is known only afterwards.
        let rows = bytes / (4 * model.inputs().len());
        if bytes <= MAX_BODY && Self::is_light(model, rows) {
            return work();
        }
        self.admission.run(work).await?
    }

    /// Whether this many rows are predicted on the spot.
    pub(crate) fn is_light(model: &Servable, rows: usize) -> bool {
        rows.saturating_mul(model.row_cost()) <= LIGHT_COST
    }

    /// The rows and their predictions, if it is their turn to be kept for a later look.
    pub(crate) fn sample(
        &self,
        served: &Served,
        rows: &[f32],
        predictions: &[f64],
    ) -> Option<Sample> {
        let samples = &self.telemetry.samples;
        samples.pick(self.slot.model_name(), served, rows, predictions)
    }

    /// The metrics page.
    pub(crate) fn metrics(&self) -> String {
        let served = self.slot.served();
        self.telemetry.metrics.render(&Gauges {
            model_name: self.slot.model_name().to_owned(),
            model_version: served.map_or(String::new(), |served| served.version_text()),
            ready: self.ready().is_ok(),
            queued: self.admission.waiting(),
            lost_lines: self.telemetry.access.lost(),
            lost_samples: self.telemetry.samples.lost(),
            drift: self.slot.all().iter().filter_map(drift).collect(),
            spans: self.telemetry.spans.as_ref().map(Spans::counts),
        })
    }
}

fn drift(served: &Arc<Served>) -> Option<InputDrift> {
    let drift = served.drift.as_ref()?;
    Some(InputDrift {
        model_version: served.version_text(),
        rows: drift.rows(),
        inputs: drift.indices(),
    })
}

fn name(model: &str, version: &str) -> String {
    match version {
        "" => format!("model `{model}`"),
        version => format!("version {version} of model `{model}`"),
    }
}
