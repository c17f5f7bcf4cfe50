//! What the targets that ask a server share.

use std::path::Path;
use std::sync::LazyLock;

use deploy::fuzzing::Server;
use serde_json::Value;

static SERVER: LazyLock<Server> =
    LazyLock::new(|| Server::new(&Path::new(env!("CARGO_MANIFEST_DIR")).join("model")));

/// Header of a request in JSON.
pub const JSON: (&str, &str) = ("content-type", "application/json");

/// The server with the small model of this folder, called `m`.
pub fn server() -> &'static Server {
    &SERVER
}

/// An answer is finite predictions, or says as JSON what is wrong with the request; whatever the
/// request, the fault is never the server's.
///
/// # Panics
/// If it is anything else.
pub fn check((status, body): (u16, Vec<u8>)) {
    assert!(status == 200 || (400..500).contains(&status), "{status}");
    if status == 200 && body.first() != Some(&b'{') {
        return; // tensors as bytes
    }
    // The JSON ends where tensors as bytes may follow.
    let mut documents = serde_json::Deserializer::from_slice(&body).into_iter::<Value>();
    let answer = documents.next().expect("an answer").expect("it is JSON");
    if status == 200 {
        assert!(
            answer
                .get("predictions")
                .or(answer.get("outputs"))
                .is_some()
        );
    } else {
        assert!(
            !answer["error"].as_str().unwrap_or_default().is_empty(),
            "{answer}"
        );
    }
}
