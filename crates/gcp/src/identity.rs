//! Who is calling: credentials files, their kinds, and what is wrong with them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use yup_oauth2::authenticator::{ApplicationDefaultCredentialsTypes, DefaultAuthenticator};
use yup_oauth2::authorized_user::AuthorizedUserSecret;
use yup_oauth2::{
    ApplicationDefaultCredentialsAuthenticator, ApplicationDefaultCredentialsFlowOpts,
    AuthorizedUserAuthenticator, ExternalAccountAuthenticator, ServiceAccountAuthenticator,
    ServiceAccountKey,
};

use crate::{Environment, Error};

/// How long one request for a token may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Whose tokens are asked for. Shown in messages, so it holds nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Nobody: an emulator, or public data.
    Anonymous,
    /// A service account, through a key.
    ServiceAccount { email: String, path: PathBuf },
    /// The person who ran `gcloud auth application-default login`.
    User { path: PathBuf },
    /// Workload identity federation.
    External { path: PathBuf },
    /// The account of the machine or pod.
    Metadata,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("nobody (anonymous)"),
            Self::ServiceAccount { email, path } => {
                write!(f, "the service account {email} (key {})", path.display())
            }
            Self::User { path } => write!(f, "the gcloud user of {}", path.display()),
            Self::External { path } => write!(f, "the external account of {}", path.display()),
            Self::Metadata => f.write_str("the account of this machine or pod (metadata server)"),
        }
    }
}

/// Finds out who is calling, as Google's own libraries do: the named file, the gcloud user's
/// file, the metadata server.
pub(crate) async fn discover(
    environment: &Environment,
) -> Result<(Identity, DefaultAuthenticator), Error> {
    if let Some(path) = &environment.credentials_file {
        return from_file(path).await;
    }
    match environment.user_file() {
        Some(path) if path.exists() => from_file(&path).await,
        _ => from_metadata(environment).await,
    }
}

async fn from_metadata(
    environment: &Environment,
) -> Result<(Identity, DefaultAuthenticator), Error> {
    let options = ApplicationDefaultCredentialsFlowOpts {
        metadata_url: Some(environment.metadata_token_url()),
    };
    let unavailable = |reason: &str| Error::NotFound {
        reason: reason.to_owned(),
    };
    match ApplicationDefaultCredentialsAuthenticator::builder(options).await {
        ApplicationDefaultCredentialsTypes::InstanceMetadata(builder) => {
            let built = builder.with_timeout(TIMEOUT).build().await;
            let authenticator = built.map_err(|error| unavailable(&error.to_string()))?;
            Ok((Identity::Metadata, authenticator))
        }
        // yup-oauth2 looks for the variable itself, and takes an empty one for a path.
        ApplicationDefaultCredentialsTypes::ServiceAccount(_) => Err(unavailable(
            "GOOGLE_APPLICATION_CREDENTIALS is set, but empty: unset it",
        )),
    }
}

/// The credentials in the file at `path`, of whichever kind.
async fn from_file(path: &Path) -> Result<(Identity, DefaultAuthenticator), Error> {
    let invalid = |problem: String| Error::Invalid {
        path: path.to_owned(),
        problem,
    };
    let content = tokio::fs::read(path)
        .await
        .map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
    // A syntax error names a line and column; an error of types could quote a secret, so those
    // are found by hand below.
    let file: Value = serde_json::from_slice(&content)
        .map_err(|error| invalid(format!("is not JSON: {error}")))?;
    let path_owned = path.to_owned();
    let (identity, built) = match file.get("type").and_then(Value::as_str) {
        Some("service_account") => {
            let key: ServiceAccountKey =
                fields(&file, &["client_email", "private_key", "token_uri"]).map_err(invalid)?;
            if is_example(&key) {
                return Err(Error::Example { path: path_owned });
            }
            let identity = Identity::ServiceAccount {
                email: key.client_email.clone(),
                path: path_owned,
            };
            let builder = ServiceAccountAuthenticator::builder(key).with_timeout(TIMEOUT);
            (identity, builder.build().await)
        }
        Some("authorized_user") => {
            let secret: AuthorizedUserSecret =
                fields(&file, &["client_id", "client_secret", "refresh_token"]).map_err(invalid)?;
            let builder = AuthorizedUserAuthenticator::builder(secret).with_timeout(TIMEOUT);
            (Identity::User { path: path_owned }, builder.build().await)
        }
        Some("external_account") => {
            let secret =
                fields(&file, &["audience", "subject_token_type", "token_url"]).map_err(invalid)?;
            let builder = ExternalAccountAuthenticator::builder(secret).with_timeout(TIMEOUT);
            (
                Identity::External { path: path_owned },
                builder.build().await,
            )
        }
        Some(other) => {
            return Err(invalid(format!(
                "has the type `{other}`; known are service_account, authorized_user and \
                 external_account"
            )));
        }
        None => {
            return Err(invalid(
                "has no field `type`: it is no credentials file".into(),
            ));
        }
    };
    // All that can fail here is reading the private key; the cause would quote nothing more.
    let authenticator =
        built.map_err(|_| invalid("has a `private_key` that is no RSA key in PEM form".into()))?;
    Ok((identity, authenticator))
}

/// The file as `T`, whose `required` fields are strings that are not empty; otherwise the problem,
/// without any of the file's values.
fn fields<T: DeserializeOwned>(file: &Value, required: &[&str]) -> Result<T, String> {
    for name in required {
        match file.get(name) {
            None => return Err(format!("has no field `{name}`")),
            Some(Value::String(text)) if !text.is_empty() => {}
            Some(_) => return Err(format!("has a field `{name}` that is no text, or empty")),
        }
    }
    serde_json::from_value(file.clone()).map_err(|_| "has a field of an unexpected type".to_owned())
}

/// Whether this is the key file that comes with the project to show the shape of one.
fn is_example(key: &ServiceAccountKey) -> bool {
    key.project_id.as_deref() == Some("example-project") || key.private_key.starts_with("EXAMPLE")
}
