//! A wire fake of Cloud Storage: the JSON API's control calls, media reads, and the resumable
//! upload protocol, kept in memory, with faults to order.
//!
//! It behaves as the documentation of the service says where emulators do not: preconditions hold
//! on every path, a broken chunk keeps whole multiples of 256 KiB, a status query of a finished
//! upload answers with the object, and a wrong checksum is refused with nothing stored.
//!
//! Protocol: <https://cloud.google.com/storage/docs/performing-resumable-uploads>.

mod control;
mod faults;
mod media;
mod state;
mod upload;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Extract};
use axum::response::Response;

pub use self::faults::{Fault, Operation};
use self::state::State;
pub use self::state::StoredObject;

/// The path under which the metadata server of a Google machine gives out tokens.
const TOKEN_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

/// A running fake; it ends when dropped.
#[derive(Debug)]
pub struct FakeGcs {
    address: SocketAddr,
    shared: Shared,
    server: tokio::task::JoinHandle<()>,
}

/// What the handlers share.
#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<State>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no handler panics")
    }
}

impl FakeGcs {
    /// Starts one on a free port of the loopback address, without any bucket.
    ///
    /// # Panics
    /// If no port can be had.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port of the loopback address is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Shared(Arc::new(Mutex::new(State::default())));
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let serve = async move { axum::serve(listener, router).await.unwrap_or_default() };
        Self {
            address,
            shared,
            server: tokio::spawn(serve),
        }
    }

    /// Host and port; what `GCE_METADATA_HOST` may be set to: it is a metadata server, too.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `STORAGE_EMULATOR_HOST` is set to.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a bucket of project number 1 in location `US`.
    pub fn create_bucket(&self, name: &str) {
        self.shared.lock().create_bucket(name, "1", "US");
    }

    /// Makes a bucket of the project with this number in this location.
    pub fn create_bucket_in(&self, name: &str, project_number: &str, location: &str) {
        self.shared
            .lock()
            .create_bucket(name, project_number, location);
    }

    /// The object as stored, if there is one.
    pub fn object(&self, bucket: &str, name: &str) -> Option<StoredObject> {
        self.shared.lock().object(bucket, name).cloned()
    }

    /// Stores an object as if an upload had done so.
    pub fn store(&self, bucket: &str, name: &str, content: impl Into<bytes::Bytes>) {
        let object = StoredObject {
            content: content.into(),
            ..StoredObject::default()
        };
        self.shared.lock().store(bucket, name, object);
    }

    /// Names of the objects in a bucket, sorted.
    pub fn object_names(&self, bucket: &str) -> Vec<String> {
        self.shared.lock().object_names(bucket)
    }

    /// Orders `fault` for the next call of `operation`; orders queue up.
    pub fn fail(&self, operation: Operation, fault: Fault) {
        self.shared.lock().faults.order(operation, fault);
    }

    /// How many bytes uploads have brought so far, finished or not.
    pub fn received(&self) -> u64 {
        self.shared.lock().received
    }

    /// Makes the answer of the next call of `operation` be 503, whatever else goes wrong with it.
    pub fn lose_answer(&self, operation: Operation) {
        self.shared.lock().lost_answers.push(operation);
    }

    /// The resource of a bucket, if it is there.
    pub fn bucket(&self, name: &str) -> Option<serde_json::Value> {
        let state = self.shared.lock();
        state
            .buckets
            .get(name)
            .map(|bucket| bucket.resource.clone())
    }

    /// From now on calls need a token from this fake's metadata server.
    pub fn require_token(&self) {
        self.shared.lock().token.get_or_insert(1);
    }

    /// Makes the tokens given out so far invalid.
    pub fn revoke_tokens(&self) {
        *self.shared.lock().token.get_or_insert(0) += 1;
    }

    /// The calls so far, oldest first.
    pub fn calls(&self) -> Vec<Operation> {
        self.shared.lock().calls.clone()
    }

    /// The `Content-Range` of each upload request so far, oldest first.
    pub fn content_ranges(&self) -> Vec<String> {
        self.shared.lock().content_ranges.clone()
    }
}

impl Drop for FakeGcs {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Routes one request.
async fn answer(Extract(shared): Extract<Shared>, request: Request) -> Response {
    if request.uri().path() == TOKEN_PATH {
        let serial = shared.lock().token.unwrap_or(0);
        let token = serde_json::json!({
            "access_token": format!("token-{serial}"),
            "expires_in": 3599,
            "token_type": "Bearer",
        });
        return control::json(200, &token);
    }
    let Some(operation) = Operation::of(&request) else {
        return control::error(404, "no such call");
    };
    let (fault, lost) = {
        let mut state = shared.lock();
        state.calls.push(operation);
        if !state.token_is_good(request.headers()) {
            return control::error(401, "Invalid Credentials");
        }
        (state.faults.take(operation), state.loses_answer(operation))
    };
    match fault {
        Some(Fault::Status(code)) => return control::error(code, "ordered by the test"),
        Some(Fault::Stall) => std::future::pending().await,
        _ => {}
    }
    let response = match operation {
        Operation::StartUpload => upload::start(&shared, request).await,
        Operation::Upload => upload::receive(&shared, request, fault).await,
        Operation::QueryUpload => upload::query(&shared, &request),
        Operation::ReadMedia => media::read(&shared, &request, fault),
        _ => control::answer(&shared, operation, request).await,
    };
    if lost {
        return control::error(503, "the answer was lost");
    }
    response
}

/// An answer without content.
fn empty(code: u16) -> Response {
    let response = Response::builder().status(code).body(Body::empty());
    response.expect("the parts of this response are valid")
}
