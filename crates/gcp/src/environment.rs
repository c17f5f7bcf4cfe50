//! What the surroundings say about credentials.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where credentials are looked for. Empty variables count as not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `GOOGLE_APPLICATION_CREDENTIALS`: a file that must be good.
    pub credentials_file: Option<PathBuf>,
    /// The folder `gcloud` keeps its files in: `CLOUDSDK_CONFIG`, or `.config/gcloud` in `HOME`.
    pub gcloud_dir: Option<PathBuf>,
    /// `GCE_METADATA_HOST`: host, and port if not 80, of the metadata server.
    pub metadata_host: Option<String>,
}

impl Environment {
    /// That of this process.
    pub fn current() -> Self {
        Self::from(|name| std::env::var_os(name))
    }

    fn from(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let home = || Some(Path::new(&set("HOME")?).join(".config/gcloud"));
        Self {
            credentials_file: set("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from),
            gcloud_dir: set("CLOUDSDK_CONFIG").map(PathBuf::from).or_else(home),
            metadata_host: set("GCE_METADATA_HOST").and_then(|host| host.into_string().ok()),
        }
    }

    /// The file `gcloud auth application-default login` writes.
    pub(crate) fn user_file(&self) -> Option<PathBuf> {
        let folder = self.gcloud_dir.as_ref()?;
        Some(folder.join("application_default_credentials.json"))
    }

    /// Where the metadata server gives out tokens.
    pub(crate) fn metadata_token_url(&self) -> String {
        let host = self
            .metadata_host
            .as_deref()
            .unwrap_or("metadata.google.internal");
        format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variables_count_as_not_set() {
        let environment = Environment::from(|name| match name {
            "HOME" => Some("/home/ada".into()),
            _ => Some(OsString::new()),
        });
        let expected = Environment {
            gcloud_dir: Some("/home/ada/.config/gcloud".into()),
            ..Environment::default()
        };
        assert_eq!(environment, expected);
    }

    #[test]
    fn gcloud_s_own_variable_wins_over_home() {
        let environment = Environment::from(|name| match name {
            "HOME" => Some("/home/ada".into()),
            "CLOUDSDK_CONFIG" => Some("/etc/gcloud".into()),
            _ => None,
        });
        let file = environment.user_file().unwrap();
        assert_eq!(
            file,
            Path::new("/etc/gcloud/application_default_credentials.json")
        );
    }
}
