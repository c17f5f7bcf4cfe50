//! Credentials files, good and bad.

use std::fs;
use std::path::{Path, PathBuf};

use gcp::{Credentials, Environment, Error};
use tempfile::TempDir;

const NEW_KEY: &str = "create a key (Google Cloud console, IAM & Admin, Service Accounts, Keys), \
                       keep it outside the repository, and set GOOGLE_APPLICATION_CREDENTIALS to \
                       its path";

async fn discover(path: &Path) -> Result<Credentials, Error> {
    let environment = Environment {
        credentials_file: Some(path.to_owned()),
        ..Environment::default()
    };
    Credentials::discover(&environment).await
}

/// Writes `content` to a file of its own.
fn file(folder: &TempDir, content: &str) -> PathBuf {
    let path = folder.path().join("credentials.json");
    fs::write(&path, content).unwrap();
    path
}

#[tokio::test]
async fn the_project_s_example_is_recognised() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../service_account.example.json");
    let error = discover(&path).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the credentials file {} is the example that shows the shape of a key, not a key",
            path.display()
        )
    );
    assert_eq!(error.hint().unwrap(), NEW_KEY);
}

#[tokio::test]
async fn bad_files_are_named_without_their_secrets() {
    let folder = TempDir::new().unwrap();
    for (content, problem) in [
        ("secret", "is not JSON: expected value at line 1 column 1"),
        ("{}", "has no field `type`: it is no credentials file"),
        (
            r#"{"type": "secret_kind"}"#,
            "has the type `secret_kind`; known are service_account, authorized_user and \
             external_account",
        ),
        (
            r#"{"type": "service_account"}"#,
            "has no field `client_email`",
        ),
        (
            r#"{"type": "service_account", "client_email": "a@b", "private_key": 7}"#,
            "has a field `private_key` that is no text, or empty",
        ),
        (
            r#"{"type": "service_account", "client_email": "a@b", "private_key": "secret",
                "token_uri": "https://host/token"}"#,
            "has a `private_key` that is no RSA key in PEM form",
        ),
        (
            r#"{"type": "authorized_user", "client_id": "1", "client_secret": "secret"}"#,
            "has no field `refresh_token`",
        ),
        (
            r#"{"type": "external_account", "audience": "a", "subject_token_type": "t",
                "token_url": "https://host/token", "credential_source": "secret"}"#,
            "has a field of an unexpected type",
        ),
    ] {
        let path = file(&folder, content);
        let error = discover(&path).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the credentials file {} {problem}", path.display())
        );
        assert_eq!(error.hint().unwrap(), NEW_KEY);
        assert!(!format!("{error:?}").contains("\"secret\""));
    }
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let path = Path::new("/nowhere/key.json");
    let error = discover(path).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the credentials file /nowhere/key.json"
    );
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "No such file or directory (os error 2)");
    assert_eq!(
        error.hint().unwrap(),
        "check GOOGLE_APPLICATION_CREDENTIALS and the file's permissions"
    );
}

#[tokio::test]
async fn the_gcloud_user_s_file_is_found_and_shows_no_secret() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("application_default_credentials.json");
    let content = r#"{"type": "authorized_user", "client_id": "1", "client_secret": "secret",
                      "refresh_token": "secret"}"#;
    fs::write(&path, content).unwrap();
    let environment = Environment {
        gcloud_dir: Some(folder.path().to_owned()),
        ..Environment::default()
    };
    let credentials = Credentials::discover(&environment).await.unwrap();
    let shown = format!("the gcloud user of {}", path.display());
    assert_eq!(credentials.to_string(), shown);
    assert_eq!(format!("{credentials:?}"), format!("Credentials({shown})"));
}
