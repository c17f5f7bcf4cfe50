//! Why a server could not be started or stopped.

use std::io;
use std::net::SocketAddr;

use crate::repository::RepositoryError;
use crate::servable::LoadError;

/// Why a server could not be started, or did not stop as it should.
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
    /// The system gives no thread for the access log.
    #[error("cannot start the access log")]
    Thread(#[source] io::Error),
    /// The client of the trace collector could not be made.
    #[error("cannot set up the client of the trace collector")]
    Collector(#[source] reqwest::Error),
    /// The file of samples cannot be written.
    #[error("cannot write samples to {path}")]
    Samples {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no thread for the connections.
    #[error("cannot start a thread for the connections")]
    ServingThread(#[source] io::Error),
    /// The repository serves no version of the model.
    #[error("no version of `{model_name}` is served from {folder}")]
    NothingServed {
        /// Name of the model.
        model_name: String,
        /// The model's folder.
        folder: String,
    },
    /// There is no model to serve in the folder.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The repository could not be read.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Requests were cut off when the server stopped.
    #[error("{connections} connections had unfinished requests {seconds} s after the stop")]
    Unfinished {
        /// How many.
        connections: usize,
        /// How long they had.
        seconds: u64,
    },
}

impl ServeError {
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Listen { .. } => "choose another --port, or 0 for a free one",
            Self::Thread(_) => "raise the limit on processes, or use --access-log off",
            Self::Collector(_) => "install the system's CA certificates",
            Self::Samples { .. } => "give --sample-log a file in a folder this may write to",
            Self::ServingThread(_) => "raise the limit on processes",
            Self::NothingServed { .. } => {
                "deploy a model first: deploy --model DIR --model-repository DIR --model-name NAME"
            }
            Self::Load(error) => return error.hint(),
            Self::Repository(error) => error.hint(),
            Self::Unfinished { .. } => "raise --drain-timeout, or find out why they take so long",
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use component::testing::last_line;

    use super::*;

    #[test]
    fn a_system_without_threads_left_is_said() {
        let error = ServeError::Thread(io::Error::other("Resource temporarily unavailable"));
        assert_eq!(
            last_line(&crate::error::Error::from(error)),
            "error: cannot start the access log: Resource temporarily unavailable. Next step: \
             raise the limit on processes, or use --access-log off"
        );
    }
}
