//! A fake Google Cloud, at the wire: Dataflow, Vertex AI's jobs, models and endpoints, the jobs'
//! logs, and the metadata server that gives tokens for them.
//!
//! It is stateful; jobs and operations go on a step each time they are asked for. A request that
//! Google's discovery documents do not allow is refused in Google's words. [`Fault`]s can be
//! queued for the requests of a method, and any request can be held for good, so that a test can
//! kill whoever sent it.

#![expect(clippy::unnecessary_wraps, reason = "every handler answers alike")]

mod answer;
mod beam;
mod container;
mod dataflow;
mod discovery;
mod endpoints;
mod fault;
mod hold;
mod logging;
mod machine;
mod models;
mod operations;
mod server;
mod serving;
mod vertex_jobs;
mod wire;
mod world;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::gcs::FakeGcs;

pub use beam::Beam;
pub use container::Containers;
pub use fault::Fault;
pub use hold::Moment;
pub use machine::Machine;
pub use serving::Servers;

/// A request of an API as it arrived. Requests for tokens are not among them.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method's last two parts, for example `customJobs.create`; the path of a request that
    /// is none of a method.
    pub method: String,
    /// The path without the leading `/`.
    pub path: String,
    /// Query parameters.
    pub query: BTreeMap<String, String>,
    /// The document sent, or null.
    pub body: Value,
    /// When it had arrived.
    pub at: Instant,
}

#[derive(Debug, Default)]
struct State {
    world: world::World,
    faults: BTreeMap<String, VecDeque<Fault>>,
    seen: Vec<Seen>,
    /// How many tokens were given out; the last one is good.
    tokens: usize,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    hold: hold::Hold,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The fake; it ends when dropped.
#[derive(Debug)]
pub struct FakeGoogle {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl FakeGoogle {
    /// Starts one on a free port of the loopback address.
    ///
    /// # Panics
    /// If no port can be had.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let (address, server) = server::start(Arc::clone(&shared)).await;
        Self {
            address,
            shared,
            server,
        }
    }

    /// The address of every service.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Host and port of the metadata server.
    pub fn metadata_host(&self) -> String {
        self.address.to_string()
    }

    /// The variables that lead a program here, and to `storage` for its files.
    pub fn environment(&self, storage: &FakeGcs) -> Vec<(String, String)> {
        let services = ["AIPLATFORM", "DATAFLOW", "LOGGING"];
        let endpoints = services.map(|service| {
            let name = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}");
            (name, self.endpoint())
        });
        let others = [
            ("STORAGE_EMULATOR_HOST", storage.endpoint()),
            ("GCE_METADATA_HOST", self.metadata_host()),
            ("GOOGLE_CLOUD_PROJECT", "prices".to_owned()),
        ];
        let others = others.map(|(name, value)| (name.to_owned(), value));
        endpoints.into_iter().chain(others).collect()
    }

    /// Queues a fault for a request of a method, for example `customJobs.create`.
    pub fn fault(&self, method: &str, fault: Fault) {
        let mut state = self.shared.lock();
        state
            .faults
            .entry(method.to_owned())
            .or_default()
            .push_back(fault);
    }

    /// The states the next jobs of a service, `dataflow` or `vertex`, go through: one for each
    /// time they are asked for; the last one stays.
    pub fn script(&self, service: &'static str, states: &[&'static str]) {
        self.shared
            .lock()
            .world
            .script
            .insert(service, states.to_vec());
    }

    /// What is wrong with the next jobs and operations that fail, as a `google.rpc.Status`; null
    /// for nothing.
    pub fn fail_with(&self, error: Value) {
        self.shared.lock().world.failure = Some(error).filter(|error| !error.is_null());
    }

    /// What the next jobs do: `work` gets the request that created one, on a thread of its own,
    /// and says which fields the job's document gains, or what went wrong as a
    /// `google.rpc.Status`. A job runs until its work is done.
    pub fn work(&self, work: impl Fn(&Value) -> Result<Value, Value> + Send + Sync + 'static) {
        self.shared.lock().world.work = Some(world::Work(Arc::new(work)));
    }

    /// What models on endpoints answer: `model` gets the version's document and the request, and
    /// gives the answer's document, with `predictions`, or says what its container would.
    pub fn serve(
        &self,
        model: impl Fn(&Value, &Value) -> Result<Value, String> + Send + Sync + 'static,
    ) {
        self.shared.lock().world.model = Some(world::Model(Arc::new(model)));
    }

    /// The messages every Dataflow job has.
    pub fn messages(&self, messages: Vec<Value>) {
        self.shared.lock().world.messages = messages;
    }

    /// The metrics every Dataflow job has.
    pub fn metrics(&self, metrics: Vec<Value>) {
        self.shared.lock().world.metrics = metrics;
    }

    /// The trials every tuning job has once it runs.
    pub fn trials(&self, trials: Value) {
        self.shared.lock().world.trials = trials;
    }

    /// Makes the token that was given out last worthless.
    pub fn revoke_token(&self) {
        self.shared.lock().tokens += 1;
    }

    /// Holds the request of this number, from 0, for good; [`reached`](Self::reached) tells when.
    /// Numbers start anew.
    pub fn hold(&self, wanted: Option<(usize, Moment)>) {
        self.shared.lock().seen.clear();
        self.shared.hold.set(wanted);
    }

    /// Waits for the request that is to be held.
    pub async fn reached(&self) {
        self.shared.hold.reached().await;
    }

    /// All requests so far, in the order they arrived.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.lock().seen.clone()
    }

    /// The methods of all requests so far.
    pub fn methods(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.method).collect()
    }

    /// The jobs there are: name or id, and state.
    pub fn jobs(&self) -> Vec<(String, String)> {
        let state = self.shared.lock();
        let world = &state.world;
        let jobs = world.dataflow.iter().chain(&world.vertex_jobs);
        jobs.map(|(name, job)| (name.clone(), job.state().to_owned()))
            .collect()
    }

    /// The versions of models there are, as `name@version`.
    pub fn versions(&self) -> Vec<String> {
        self.shared.lock().world.versions.keys().cloned().collect()
    }

    /// Takes the labels off a version (`name@version`), as if somebody had uploaded it by hand.
    ///
    /// # Panics
    /// If there is no such version.
    pub fn disown(&self, version: &str) {
        let world = &mut self.shared.lock().world;
        let document = world.versions.get_mut(version).expect("there is one");
        document
            .as_object_mut()
            .map(|fields| fields.remove("labels"));
    }

    /// The endpoints there are.
    pub fn endpoints(&self) -> Vec<Value> {
        self.shared
            .lock()
            .world
            .endpoints
            .values()
            .cloned()
            .collect()
    }
}

impl Drop for FakeGoogle {
    fn drop(&mut self) {
        self.server.abort();
    }
}
