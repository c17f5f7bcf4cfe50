//! The service in one project and location.

use serde_json::Value;

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

    /// The service at the host of an endpoint of its own, which the endpoint's document names, with
    /// or without `https://`; nothing for an endpoint on the location's shared address.
    pub fn dedicated(&self, endpoint: &Value) -> Result<Option<Self>, CallError> {
        let Some(host) = endpoint["dedicatedEndpointDns"].as_str() else {
            return Ok(None);
        };
        let api = if host.contains("://") {
            self.api.at(host)
        } else {
            self.api.at(&format!("https://{host}"))
        };
        Ok(Some(Self {
            api: api?,
            ..self.clone()
        }))
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
