//! `deploy serve`: predictions over HTTP.
//!
//! The boundary to the rest of the crate is [`Server`]: it is given what to serve ([`Source`]),
//! where to listen, under which routes and limits, and runs until it is told to stop.
//!
//! ```text
//! server ─▶ connection ─▶ routes ─▶ predict, v1, v2, grpc ─▶ app: slot (which model),
//! accepts,   HTTP/1 or 2,            one a protocol                admission (which core),
//! drains     telemetry                                             body (limits)
//! ```

mod admission;
mod app;
mod body;
mod config;
mod connection;
mod details;
mod document;
mod drift;
mod error;
mod grpc;
mod instances;
mod opening;
mod plain;
mod predict;
mod rejection;
mod rewound;
pub(crate) mod routes;
mod server;
mod shards;
mod slot;
mod telemetry;
mod v1;
mod v2;

use std::time::Duration;

use component::{Context, Outcome, Plan};
use tracing::info;

use self::config::Config;
pub(crate) use self::config::{DEFAULT_PREDICT_ROUTE, Routes};
pub use self::error::ServeError;
pub(crate) use self::predict::{MODEL_NAME_HEADER, MODEL_VERSION_HEADER};
pub(crate) use self::server::Server;
pub(crate) use self::slot::Source;
pub use self::telemetry::AccessMode;
pub(crate) use self::telemetry::Telemetry;
use self::telemetry::{AccessLog, Metrics, SampleConfig, SampleLog, Spans};
#[cfg(fuzzing)]
pub(crate) use self::{app::App, slot::Slot};
use crate::{Error, args::ServeArgs};

/// Time a stopping server needs besides draining.
const MARGIN: Duration = Duration::from_secs(2);

/// Runs `deploy serve` until it is told to stop.
pub(crate) async fn run(args: &ServeArgs, context: &Context) -> Result<Outcome, Error> {
    let config = Config::new(args, |name| std::env::var(name).ok())?;
    if context.dry_run {
        return Ok(Outcome::Plan(Plan {
            reads: vec![config.source.to_string()],
            does: vec![format!(
                "answers GET {} and POST {} on {}",
                config.routes.health, config.routes.predict, config.address
            )],
            writes: vec![],
        }));
    }
    let Config {
        source,
        address,
        routes,
        limits,
        access_log,
        collector,
        samples,
        drift_window,
    } = config;
    context.set_grace(Duration::from_secs(limits.drain_delay + limits.drain_timeout) + MARGIN);
    let telemetry = Telemetry {
        metrics: Metrics::default(),
        access: AccessLog::start(access_log, context.json_logs).map_err(ServeError::Thread)?,
        spans: collector
            .map(Spans::start)
            .transpose()
            .map_err(ServeError::Collector)?,
        samples: samples.map_or(Ok(SampleLog::off()), start_samples)?,
    };
    // A request is computed by one thread: there are others to share the cores with. Nothing has
    // been computed yet, so there is no pool yet.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
    let (health, predict) = (routes.health.clone(), routes.predict.clone());
    let server = Server::start(source, drift_window, address, routes, limits, telemetry).await?;
    info!(
        address = %server.address,
        health,
        predict,
        "serving {}",
        server.describe(),
    );
    server.run(context.cancel.clone()).await?;
    info!("drained: all requests are answered");
    Ok(Outcome::Drained)
}

fn start_samples(config: SampleConfig) -> Result<SampleLog, ServeError> {
    let path = config.path.display().to_string();
    SampleLog::start(config).map_err(|source| ServeError::Samples { path, source })
}
