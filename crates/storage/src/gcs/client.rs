//! The clients: Google's for data, a plain one for control calls, with one set of credentials.

use std::time::Duration;

use gcp::Credentials;
use google_cloud_auth::credentials::{CacheableResource, CredentialsProvider, EntityTag};
use google_cloud_auth::errors::CredentialsError;
use http::{Extensions, HeaderMap, HeaderValue, header};
use url::Url;

use super::GcsOptions;
use crate::{Error, Result};

/// Where Google's service is.
const GOOGLE: &str = "https://storage.googleapis.com";

/// Everything that is needed to talk to the service; made once per [`crate::Storage`].
#[derive(Debug)]
pub(super) struct Client {
    pub(super) data: google_cloud_storage::client::Storage,
    pub(super) http: reqwest::Client,
    /// Without a trailing `/`.
    pub(super) endpoint: String,
    pub(super) credentials: Credentials,
    pub(super) options: GcsOptions,
}

impl Client {
    pub(super) async fn new(options: GcsOptions) -> Result<Self> {
        gcp::install_tls();
        let endpoint = options
            .endpoint
            .as_deref()
            .unwrap_or(GOOGLE)
            .trim_end_matches('/');
        let url = Url::parse(endpoint).ok().filter(Url::has_host);
        let url = url.ok_or_else(|| Error::Endpoint {
            endpoint: endpoint.to_owned(),
        })?;
        let credentials = match &options.credentials {
            Some(environment) => Credentials::discover(environment).await?,
            None => Credentials::anonymous(),
        };
        let failed = |error: &(dyn std::error::Error + 'static)| Error::Client {
            reason: gcp::summary(error),
        };
        let provider = Provider {
            credentials: credentials.clone(),
            host: host_with_port(&url),
        };
        let data = google_cloud_storage::client::Storage::builder()
            .with_endpoint(endpoint)
            .with_credentials(google_cloud_auth::credentials::Credentials::from(provider))
            .build()
            .await
            .map_err(|error| failed(&error))?;
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(20))
            .timeout(options.stall_timeout)
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Self {
            data,
            http,
            endpoint: endpoint.to_owned(),
            credentials,
            options,
        })
    }
}

/// The `Host` header for a server on a port of its own. Google's client leaves the port out, so
/// that the session addresses an emulator makes from the header lead nowhere.
fn host_with_port(url: &Url) -> Option<HeaderValue> {
    let host = format!("{}:{}", url.host_str()?, url.port()?);
    HeaderValue::try_from(host).ok()
}

/// The project's credentials as Google's client wants them.
#[derive(Debug)]
struct Provider {
    credentials: Credentials,
    host: Option<HeaderValue>,
}

impl CredentialsProvider for Provider {
    /// The client passes no extensions, so there is no cached tag to compare with; the token
    /// itself is cached further down.
    async fn headers(
        &self,
        _: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let token = self.credentials.token().await;
        let token = token.map_err(|error| CredentialsError::from_source(false, error))?;
        let mut data = HeaderMap::new();
        if let Some(token) = token {
            data.insert(header::AUTHORIZATION, token.header_value());
        }
        if let Some(host) = &self.host {
            data.insert(header::HOST, host.clone());
        }
        Ok(CacheableResource::New {
            entity_tag: EntityTag::new(),
            data,
        })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}
