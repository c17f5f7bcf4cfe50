//! Messages about credentials and addresses, as a user of storage meets them.

use std::fs;

use gcp::Environment;
use storage::{GcsOptions, Storage, Uri};
use tempfile::TempDir;

#[tokio::test]
async fn bad_credentials_are_named_at_the_first_use() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key.json");
    fs::write(
        &path,
        r#"{"type": "service_account", "private_key": "secret"}"#,
    )
    .unwrap();
    let storage = Storage::with_gcs(GcsOptions {
        credentials: Some(Environment {
            credentials_file: Some(path.clone()),
            ..Environment::default()
        }),
        ..GcsOptions::default()
    });
    let error = storage
        .stat(&"gs://bucket/object".parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the credentials file {} has no field `client_email`",
            path.display()
        )
    );
    assert!(
        error
            .hint()
            .unwrap()
            .starts_with("create a key (Google Cloud console")
    );
    assert!(
        std::error::Error::source(&error).is_none(),
        "nothing is said twice"
    );
}

#[tokio::test]
async fn an_emulator_s_address_must_be_one() {
    let storage = Storage::with_gcs(GcsOptions::emulator("http:///nowhere there"));
    let error = storage
        .stat(&"gs://bucket/object".parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`http:///nowhere there` is not the address of a storage service"
    );
    assert_eq!(
        error.hint().unwrap(),
        "set STORAGE_EMULATOR_HOST to host:port, or unset it for Google Cloud Storage"
    );
}

#[test]
fn addresses_say_what_is_wrong_with_them() {
    for (text, reason) in [
        ("", "it is empty"),
        ("a\nb", "it holds a control character"),
        (
            "gs://Bucket/x",
            "a bucket's name has 3 to 222 lower-case letters, digits, `-`, `_` or `.`",
        ),
        ("gs://bucket//x", "the object's name starts with `/`"),
        (
            "file:relative",
            "a file address is written `file:///absolute/path`",
        ),
        (
            "file://host/x",
            "a file address is written `file:///absolute/path`",
        ),
        ("file:///a%FFb", "its percent-encoding is not UTF-8"),
        (
            "s3://bucket/x",
            "expected `gs://bucket/object`, a local path or `file:///path`",
        ),
    ] {
        let error = text.parse::<Uri>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{text}` is not a storage address: {reason}")
        );
    }
}

#[test]
fn addresses_are_taken_apart_and_put_together() {
    let uri = |text: &str| text.parse::<Uri>().unwrap();
    for (text, shown, name, parent) in [
        (
            "gs://bucket/a/b.csv",
            "gs://bucket/a/b.csv",
            Some("b.csv"),
            Some("gs://bucket/a"),
        ),
        (
            "gs://bucket/a/",
            "gs://bucket/a/",
            Some("a"),
            Some("gs://bucket"),
        ),
        ("gs://bucket/", "gs://bucket", None, None),
        ("/a/b.csv", "/a/b.csv", Some("b.csv"), Some("/a")),
        ("b.csv", "b.csv", Some("b.csv"), Some(".")),
        ("file:///a%20b/c", "/a b/c", Some("c"), Some("/a b")),
        ("file://localhost/c", "/c", Some("c"), Some("/")),
        ("/", "/", None, None),
    ] {
        let address = uri(text);
        assert_eq!(address.to_string(), shown);
        assert_eq!(address.file_name(), name, "{text}");
        let folder = address.parent().map(|parent| parent.to_string());
        assert_eq!(folder.as_deref(), parent, "{text}");
    }
    for (folder, joined) in [
        ("gs://bucket", "gs://bucket/x/y"),
        ("gs://bucket/a", "gs://bucket/a/x/y"),
        ("gs://bucket/a/", "gs://bucket/a/x/y"),
        ("/a/", "/a/x/y"),
        ("a", "a/x/y"),
    ] {
        assert_eq!(uri(folder).join("x/y").to_string(), joined);
        assert_eq!(uri(folder).join("/x/y").to_string(), joined);
    }
    assert!(uri("a/").is_dir_like() && uri("gs://bucket").is_dir_like());
    assert!(!uri("a").is_dir_like() && !uri("gs://bucket/a").is_dir_like());
    let json = serde_json::to_string(&uri("gs://bucket/a")).unwrap();
    assert_eq!(json, "\"gs://bucket/a\"");
    assert_eq!(
        serde_json::from_str::<Uri>(&json).unwrap(),
        uri("gs://bucket/a")
    );
}
