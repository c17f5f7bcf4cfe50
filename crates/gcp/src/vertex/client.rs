//! The service in one project and location.

use super::logs;
use crate::Credentials;
use crate::api::{Api, CallError, Retry};

/// Vertex AI in a project and a location. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Vertex {
    pub(super) api: Api,
    pub(super) logging: Api,
    pub(super) project: String,
    pub(super) location: String,
}

impl Vertex {
    /// A client; `endpoint` is another address than Google's for the location, and `logging` for
    /// Cloud Logging, which has the jobs' logs.
    pub fn new(
        endpoint: Option<&str>,
        logging: Option<&str>,
        credentials: Credentials,
        project: &str,
        location: &str,
    ) -> Result<Self, CallError> {
        let google = Self::address(location);
        Ok(Self {
            logging: Api::new(logging.unwrap_or(logs::ADDRESS), credentials.clone())?,
            api: Api::new(endpoint.unwrap_or(&google), credentials)?,
            project: project.to_owned(),
            location: location.to_owned(),
        })
    }

    /// Google's address for a location.
    pub fn address(location: &str) -> String {
        format!("https://{location}-aiplatform.googleapis.com")
    }

    /// Repeats calls as `retry` says.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        Self {
            api: self.api.with_retry(retry),
            logging: self.logging.with_retry(retry),
            ..self
        }
    }

    /// The path of a collection.
    pub(super) fn path(&self, below: &str) -> String {
        format!("v1/{}/{below}", self.parent())
    }

    /// What collections belong to, for example `projects/p/locations/us-central1`.
    pub fn parent(&self) -> String {
        format!("projects/{}/locations/{}", self.project, self.location)
    }
}
