//! How Cloud Storage is reached.

use std::time::Duration;

use gcp::{Backoff, Environment};

/// How Cloud Storage is reached, how long is waited and how often is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcsOptions {
    /// The address of the service, for example `http://127.0.0.1:4443`; `None` for Google's.
    pub endpoint: Option<String>,
    /// Where credentials are looked for; `None` for no credentials.
    pub credentials: Option<Environment>,
    /// How long a transfer may stand still before it counts as broken.
    pub stall_timeout: Duration,
    /// How often a call that makes no progress is tried, and how long is waited in between.
    pub backoff: Backoff,
}

impl Default for GcsOptions {
    /// Google's service, and the credentials this process has.
    fn default() -> Self {
        Self {
            endpoint: None,
            credentials: Some(Environment::current()),
            stall_timeout: Duration::from_mins(1),
            backoff: Backoff::default(),
        }
    }
}

impl GcsOptions {
    /// Those the environment asks for: `STORAGE_EMULATOR_HOST` (host and port, or an address)
    /// leads to an emulator, without credentials; `CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE` to
    /// another address of the real service, for example that of a private endpoint.
    pub fn from_env() -> Self {
        Self::from(|name| std::env::var(name).ok())
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        match set("STORAGE_EMULATOR_HOST") {
            Some(host) => Self::emulator(&host),
            None => Self {
                endpoint: set("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE"),
                ..Self::default()
            },
        }
    }

    /// An emulator at this host and port, or address; no credentials.
    pub fn emulator(host: &str) -> Self {
        let endpoint = if host.contains("://") {
            host.to_owned()
        } else {
            format!("http://{host}")
        };
        Self {
            endpoint: Some(endpoint),
            credentials: None,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulator_needs_no_scheme_and_gets_no_credentials() {
        for host in ["localhost:4443", "http://localhost:4443"] {
            let options =
                GcsOptions::from(|name| (name == "STORAGE_EMULATOR_HOST").then(|| host.to_owned()));
            assert_eq!(options.endpoint.as_deref(), Some("http://localhost:4443"));
            assert_eq!(options.credentials, None);
        }
    }

    #[test]
    fn another_endpoint_keeps_the_credentials() {
        let options = GcsOptions::from(|name| match name {
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE" => Some("https://private/".to_owned()),
            _ => Some(String::new()),
        });
        assert_eq!(options.endpoint.as_deref(), Some("https://private/"));
        assert!(options.credentials.is_some());
    }
}
