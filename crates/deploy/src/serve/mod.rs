//! `deploy serve`: predictions over HTTP.
//!
//! The boundary to the rest of the crate is [`Server`]: it is given what to serve ([`Source`]),
//! where to listen and under which routes, and runs until it is told to stop. The protocol is
//! Vertex AI's for custom containers:
//! <https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements>.

mod config;
mod instances;
mod rejection;
mod routes;
mod slot;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use component::{Context, Outcome, Plan};
use storage::Uri;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use self::config::Config;
pub(crate) use self::config::{DEFAULT_PREDICT_ROUTE, Routes};
pub(crate) use self::routes::{MODEL_NAME_HEADER, MODEL_VERSION_HEADER};
use self::slot::Slot;
pub(crate) use self::slot::Source;
use crate::servable::{InvalidModel, ReadError};
use crate::{Error, args::ServeArgs, repository::RepositoryError};

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address and port wanted.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The repository serves no version of the model.
    #[error("no version of `{model_name}` is served from {folder}")]
    NothingServed {
        /// Name of the model.
        model_name: String,
        /// The model's folder.
        folder: String,
    },
    /// The model is not readable.
    #[error("cannot read the model {folder}")]
    Read {
        /// Address of the model folder or of the version's.
        folder: Uri,
        /// Which file, and why.
        source: ReadError,
    },
    /// The model is not fit to be served.
    #[error("the model {folder} is not valid")]
    Invalid {
        /// Address of the model folder or of the version's.
        folder: Uri,
        /// What is wrong with it.
        source: Box<InvalidModel>,
    },
    /// The repository could not be read.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl ServeError {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Listen { .. } => Some("choose another --port, or 0 for a free one".to_owned()),
            Self::NothingServed { .. } => Some(
                "deploy a model first: deploy --model DIR --model-repository DIR --model-name NAME"
                    .to_owned(),
            ),
            Self::Read { source, .. } => source.hint(),
            Self::Invalid { .. } => {
                Some("deploy a valid model, or go back with 'deploy --rollback'".to_owned())
            }
            Self::Repository(error) => Some(error.hint().to_owned()),
        }
    }
}

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
    let server = Server::start(config.source, config.address, config.routes).await?;
    info!(
        address = %server.address,
        health = server.routes.health,
        predict = server.routes.predict,
        "serving {}",
        server.slot.describe(),
    );
    server.run(context.cancel.clone()).await;
    info!("drained: all requests are answered");
    Ok(Outcome::Drained)
}

/// A server that has loaded its model and listens.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    slot: Arc<Slot>,
    routes: Routes,
    /// Address it listens on, with the real port.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Loads the model and listens: from here on connections wait instead of being refused.
    pub(crate) async fn start(
        source: Source,
        address: SocketAddr,
        routes: Routes,
    ) -> Result<Self, ServeError> {
        let slot = Slot::load(source).await?;
        let listen_failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen_failed)?;
        let address = listener.local_addr().map_err(listen_failed)?;
        Ok(Self {
            listener,
            slot: Arc::new(slot),
            routes,
            address,
        })
    }

    /// Answers until `stop`, then finishes the requests that are under way.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let router = routes::router(self.slot.clone(), &self.routes);
        let serving = axum::serve(self.listener, router)
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        let slot = self.slot;
        let following = tokio::spawn(async move { slot.follow(&stop).await });
        // axum's accept loop retries and never fails.
        let _ = serving.await;
        following.abort();
    }
}
