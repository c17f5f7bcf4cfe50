//! The server: accepts connections up to a limit, and drains them when it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::ServeError;
use super::app::App;
use super::config::Routes;
use super::connection::Connection;
use super::shards::Shards;
use super::slot::{Slot, Source};
use super::telemetry::Telemetry;
use crate::args::LimitArgs;

/// Connections beyond the limit that are told so; further ones wait to be accepted.
const TURNED_AWAY: usize = 512;
/// Pause after the system had no file or memory for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time the last spans get at least.
const LAST_SPANS: Duration = Duration::from_millis(500);
/// Time cut-off connections get to close.
const CUT_OFF: Duration = Duration::from_secs(1);

/// A server that has loaded its model and listens.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    connections: Connections,
    app: Arc<App>,
    limits: LimitArgs,
    /// Address it listens on, with the real port.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Loads the model and listens: from here on connections wait instead of being refused.
    pub(crate) async fn start(
        source: Source,
        drift_window: usize,
        address: SocketAddr,
        routes: Routes,
        limits: LimitArgs,
        telemetry: Telemetry,
    ) -> Result<Self, ServeError> {
        let slot = Slot::load(source, drift_window).await?;
        let listen_failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen_failed)?;
        let address = listener.local_addr().map_err(listen_failed)?;
        let app = App::new(Arc::new(slot), routes, &limits, Arc::new(telemetry));
        let app = Arc::new(app);
        let connections = Connections::new(app.clone(), &limits);
        Ok(Self {
            listener,
            connections: connections.map_err(ServeError::ServingThread)?,
            app,
            limits,
            address,
        })
    }

    /// What is served, in words.
    pub(crate) fn describe(&self) -> String {
        self.app.slot.describe()
    }

    /// Answers until `stop`; then readiness is off, new connections are taken for the drain delay,
    /// and the requests under way are finished, within the drain timeout.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), ServeError> {
        let Self {
            listener,
            connections,
            app,
            limits,
            ..
        } = self;
        let following = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.slot.follow(&stop, &app.telemetry.metrics).await }
        });
        tokio::select! {
            () = connections.accept(&listener) => {}
            () = stop.cancelled() => {}
        }
        app.stop();
        let delay = Duration::from_secs(limits.drain_delay);
        if !delay.is_zero() {
            info!("not ready any more; stopping in {} s", limits.drain_delay);
            let _ = timeout(delay, connections.accept(&listener)).await;
        }
        drop(listener);
        let deadline = Instant::now() + Duration::from_secs(limits.drain_timeout);
        let drained = connections.drain(limits.drain_timeout).await;
        following.abort();
        // What it holds is given up with it: the logs are written out when nobody has them.
        let _ = following.await;
        if let Some(spans) = &app.telemetry.spans {
            spans.flush(deadline.max(Instant::now() + LAST_SPANS)).await;
        }
        drained
    }
}

/// The open connections of a server.
#[derive(Debug)]
struct Connections {
    app: Arc<App>,
    places: Arc<Semaphore>,
    max: usize,
    idle_timeout: Duration,
    shards: Shards,
    tracker: TaskTracker,
    /// Tells connections to finish what is under way.
    finish: CancellationToken,
    /// Tells connections to end now.
    cut_off: CancellationToken,
}

impl Connections {
    fn new(app: Arc<App>, limits: &LimitArgs) -> io::Result<Self> {
        let (tracker, finish) = (TaskTracker::new(), CancellationToken::new());
        Ok(Self {
            app,
            places: Arc::new(Semaphore::new(limits.max_connections + TURNED_AWAY)),
            max: limits.max_connections,
            idle_timeout: Duration::from_secs(limits.idle_timeout),
            shards: Shards::start(&tracker, &finish)?,
            tracker,
            finish,
            cut_off: CancellationToken::new(),
        })
    }

    /// Accepts connections for ever; may be dropped and called again.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            let place = self.places.clone().acquire_owned().await;
            let place = place.expect("the semaphore is never closed");
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) if is_of_the_connection(&error) => continue,
                Err(error) => {
                    warn!("cannot accept a connection: {error}");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let served = self.shards.serve(stream, place, |finish| Connection {
                app: self.app.clone(),
                peer: peer.ip(),
                max_connections: self.max,
                idle_timeout: self.idle_timeout,
                finish,
                cut_off: self.cut_off.clone(),
            });
            if let Err(error) = served {
                warn!("cannot serve a connection: {error}");
            }
        }
    }

    async fn drain(self, seconds: u64) -> Result<(), ServeError> {
        self.finish.cancel();
        self.tracker.close();
        let finished = timeout(Duration::from_secs(seconds), self.tracker.wait()).await;
        if finished.is_ok() {
            return Ok(());
        }
        let connections = self.tracker.len();
        self.cut_off.cancel();
        let _ = timeout(CUT_OFF, self.tracker.wait()).await;
        Err(ServeError::Unfinished {
            connections,
            seconds,
        })
    }
}

/// Whether it was the connection that failed, and not the system.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}
