//! Tokens: asked for, kept, renewed and refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gcp::{Backoff, Credentials, Environment};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A token server that gives each caller the next of its answers, the last one for ever.
struct TokenServer {
    host: String,
    requests: Arc<AtomicUsize>,
}

impl TokenServer {
    async fn start(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut buffer = [0; 4096];
                let _ = connection.read(&mut buffer).await;
                let number = count.fetch_add(1, Ordering::SeqCst);
                let body = answers[number.min(answers.len() - 1)];
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\
                     content-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = connection
                    .write_all(format!("{head}{body}").as_bytes())
                    .await;
            }
        });
        Self { host, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

const FIRST: &str = r#"{"access_token": "one", "expires_in": 3600, "token_type": "Bearer"}"#;
const SECOND: &str = r#"{"access_token": "two", "expires_in": 3600, "token_type": "Bearer"}"#;
const SHORT: &str = r#"{"access_token": "short", "expires_in": 30, "token_type": "Bearer"}"#;
const REFUSAL: &str = r#"{"error": "invalid_grant", "error_description": "the account is gone"}"#;

async fn metadata(host: &str) -> Credentials {
    let environment = Environment {
        metadata_host: Some(host.to_owned()),
        ..Environment::default()
    };
    let credentials = Credentials::discover(&environment).await.unwrap();
    credentials.with_backoff(Backoff {
        initial: Duration::from_millis(1),
        maximum: Duration::from_millis(1),
        attempts: 3,
    })
}

async fn bearer(credentials: &Credentials) -> String {
    let token = credentials.token().await.unwrap().unwrap();
    token.header_value().to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_is_kept_until_it_is_refused() {
    let server = TokenServer::start(&[FIRST, SECOND]).await;
    let credentials = metadata(&server.host).await;
    assert_eq!(server.requests(), 0, "finding credentials asks nobody");
    assert_eq!(bearer(&credentials).await, "Bearer one");
    assert_eq!(bearer(&credentials.clone()).await, "Bearer one");
    assert_eq!(server.requests(), 1);
    credentials.invalidate();
    assert_eq!(bearer(&credentials).await, "Bearer two");
    assert_eq!(bearer(&credentials).await, "Bearer two");
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_token_about_to_expire_is_renewed() {
    let server = TokenServer::start(&[SHORT, SECOND]).await;
    let credentials = metadata(&server.host).await;
    assert_eq!(bearer(&credentials).await, "Bearer short");
    assert_eq!(bearer(&credentials).await, "Bearer two");
}

#[tokio::test]
async fn a_token_is_never_shown() {
    let server = TokenServer::start(&[FIRST]).await;
    let credentials = metadata(&server.host).await;
    let token = credentials.token().await.unwrap().unwrap();
    assert_eq!(format!("{token:?}"), "Token(…)");
    assert!(token.header_value().is_sensitive());
    assert_eq!(
        format!("{credentials:?}"),
        "Credentials(the account of this machine or pod (metadata server))"
    );
}

#[tokio::test]
async fn an_account_that_is_gone_is_named() {
    let server = TokenServer::start(&[REFUSAL]).await;
    let error = metadata(&server.host).await.token().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "got no access token for the account of this machine or pod (metadata server): Server \
         error: invalid_grant: the account is gone"
    );
    assert_eq!(
        error.hint().unwrap(),
        "check that the account exists, its key is not revoked, and this machine's clock and \
         network are right"
    );
    assert_eq!(server.requests(), 1, "a clear no is final");
}

#[tokio::test]
async fn a_machine_without_any_credentials_is_told_what_to_do() {
    let error = metadata("127.0.0.1:1").await.token().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "found no Google Cloud credentials: no file is named, and the metadata server gave no \
         token: Connection failure: Hyper error: client error (Connect): tcp connect error: \
         Connection refused (os error 111)"
    );
    assert_eq!(
        error.hint().unwrap(),
        "set GOOGLE_APPLICATION_CREDENTIALS to a service-account key, or run `gcloud auth \
         application-default login`; for an emulator set STORAGE_EMULATOR_HOST"
    );
}

#[tokio::test]
async fn an_external_account_exchanges_its_own_token() {
    let server = TokenServer::start(&[FIRST]).await;
    let folder = TempDir::new().unwrap();
    let subject = folder.path().join("subject");
    std::fs::write(&subject, "their token").unwrap();
    let path = folder.path().join("external.json");
    let document = serde_json::json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("http://{}/token", server.host),
        "credential_source": { "file": subject },
    });
    std::fs::write(&path, document.to_string()).unwrap();
    let environment = Environment {
        credentials_file: Some(path),
        ..Environment::default()
    };
    let credentials = Credentials::discover(&environment).await.unwrap();
    assert_eq!(bearer(&credentials).await, "Bearer one");
}

#[tokio::test]
async fn nobody_has_no_token() {
    assert_eq!(Credentials::anonymous().token().await.unwrap(), None);
    assert_eq!(Credentials::anonymous().to_string(), "nobody (anonymous)");
}
