//! A model and its endpoint on Vertex AI, and the changes made to them.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use artifacts::Golden;
use cloud::{PlaceArgs, Session};
use component::Context;
use gcp::job::{JobKey, Jobs, Snapshot};
use gcp::vertex::Vertex;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::traffic::State;
use crate::check::{CheckError, body};
use crate::{Error, golden};

/// Longest time between two attempts of a check.
const RETRY: Duration = Duration::from_millis(100);

/// Names on Vertex AI, and who works there.
pub(crate) struct Site {
    pub(crate) session: Session,
    pub(crate) vertex: Vertex,
    /// The model's id; its endpoint's with it.
    pub(crate) name: String,
    /// The host of an endpoint that has its own.
    dedicated: OnceLock<Vertex>,
    cancel: CancellationToken,
}

/// The endpoint's id for a model's name: it takes no underscore.
pub(crate) fn endpoint_id(name: &str) -> String {
    name.replace('_', "-")
}

impl Site {
    pub(crate) fn new(session: Session, name: String, context: &Context) -> Result<Self, Error> {
        Ok(Self {
            vertex: session.vertex()?,
            session,
            name,
            dedicated: OnceLock::new(),
            cancel: context.cancel.clone(),
        })
    }

    pub(crate) async fn open(
        place: &PlaceArgs,
        name: String,
        context: &Context,
    ) -> Result<Self, Error> {
        Self::new(Session::open(place, context).await?, name, context)
    }

    /// The model's resource name.
    pub(crate) fn model(&self) -> String {
        format!("{}/models/{}", self.vertex.parent(), self.name)
    }

    /// The endpoint's resource name.
    pub(crate) fn endpoint(&self) -> String {
        let id = endpoint_id(&self.name);
        format!("{}/endpoints/{id}", self.vertex.parent())
    }

    /// Who is asked for predictions.
    fn predictor(&self) -> &Vertex {
        self.dedicated.get().unwrap_or(&self.vertex)
    }

    /// Notes which host the endpoint has.
    pub(crate) fn note(&self, endpoint: &Value) -> Result<(), Error> {
        let host = self.vertex.dedicated(endpoint);
        if let Some(host) = host.map_err(cloud::Error::call("find the endpoint's host"))? {
            // The same host every time.
            let _ = self.dedicated.set(host);
        }
        Ok(())
    }

    /// Where predictions are asked for.
    pub(crate) fn address(&self) -> String {
        self.predictor().predict_address(&self.endpoint())
    }

    /// The resource of this name, if there is one.
    pub(crate) async fn lookup(&self, name: &str) -> Result<Option<Value>, Error> {
        let found = self.vertex.lookup(name).await;
        Ok(found.map_err(cloud::Error::call("look up what is there"))?)
    }

    /// What is on the endpoint now.
    pub(crate) async fn state(&self) -> Result<State, Error> {
        let endpoint = self.lookup(&self.endpoint()).await?;
        self.note(endpoint.as_ref().unwrap_or(&Value::Null))?;
        Ok(State::of(endpoint.as_ref()))
    }

    /// Makes a change, once.
    pub(crate) async fn make<J: Jobs>(
        &self,
        change: &J,
        key: &JobKey,
        request: &Value,
    ) -> Result<Snapshot, Error> {
        Ok(self.session.run(change, key, request).await?)
    }

    pub(crate) async fn set_traffic(&self, split: &BTreeMap<String, u32>) -> Result<(), Error> {
        let set = self.vertex.set_traffic(&self.endpoint(), split).await;
        set.map_err(cloud::Error::call("change the traffic"))?;
        tracing::info!(?split, "the traffic is changed");
        Ok(())
    }

    /// Gives a version aliases, and takes those written `-alias`.
    pub(crate) async fn set_aliases(&self, version: &str, aliases: &[&str]) -> Result<(), Error> {
        let name = format!("{}@{version}", self.model());
        let set = self.vertex.set_aliases(&name, aliases).await;
        set.map_err(cloud::Error::call("name the version"))?;
        Ok(())
    }

    /// Takes everything but `kept` off the endpoint; what is taken off has no traffic.
    pub(crate) async fn undeploy_others(&self, key: &JobKey, kept: &str) -> Result<(), Error> {
        let state = self.state().await?;
        for id in state.versions.keys().filter(|id| *id != kept) {
            self.undeploy(key, id).await?;
        }
        Ok(())
    }

    /// Deletes the oldest versions but `keep` besides the one served; those on the endpoint stay.
    pub(crate) async fn prune(&self, key: &JobKey, served: &str, keep: usize) -> Result<(), Error> {
        let listed = self.vertex.versions(&self.model()).await;
        let mut old = listed.map_err(cloud::Error::call("list the versions"))?;
        let used = self.state().await?.versions;
        old.retain(|version| {
            let version = version.to_string();
            version != served && !used.values().any(|used| *used == version)
        });
        old.truncate(old.len().saturating_sub(keep));
        for version in old {
            let change = self.vertex.delete(&format!("{}@{version}", self.model()));
            self.make(&change, key, &Value::Null).await?;
            tracing::info!(version, "deleted from the registry, see --keep");
        }
        Ok(())
    }

    pub(crate) async fn undeploy(&self, key: &JobKey, id: &str) -> Result<(), Error> {
        let change = self.vertex.undeploy(&self.endpoint(), id);
        let request = json!({"deployedModelId": id});
        self.make(&change, key, &request).await.map(drop)
    }

    /// Predicts the golden rows through the endpoint, until the deployed model `id` answers.
    pub(crate) async fn check(
        &self,
        id: &str,
        golden: &Golden,
        timeout: Duration,
    ) -> Result<(), CheckError> {
        let address = self.address();
        let url = Url::parse(&address).expect("the service was asked there before");
        let deadline = Instant::now() + timeout;
        let (endpoint, body) = (self.endpoint(), body(golden));
        loop {
            let predict = self.predictor().predict(&endpoint, &body);
            let answer = tokio::select! {
                answer = predict => answer,
                () = self.cancel.cancelled() => return Err(CheckError::Cancelled),
            };
            let late = Instant::now() >= deadline;
            match answer {
                Ok(answer) if answer["deployedModelId"] == id => {
                    let found: Vec<f64> =
                        serde_json::from_value(answer["predictions"].clone()).unwrap_or_default();
                    return golden::compare(golden, &found)
                        .map_err(|source| CheckError::Golden { url, source });
                }
                Ok(answer) if late => {
                    let text = |name: &str| answer[name].as_str().unwrap_or("?").to_owned();
                    return Err(CheckError::Other {
                        url,
                        seconds: timeout.as_secs(),
                        found: format!("deployed model {}", text("deployedModelId")),
                        expected: format!("deployed model {id}"),
                    });
                }
                // Right after a change the endpoint may not know the model yet.
                Err(error) if late || !(error.is_transient() || error.is_not_found()) => {
                    let error = cloud::Error::call("predict through the endpoint")(error);
                    return Err(CheckError::Vertex(Box::new(error)));
                }
                _ => {}
            }
            tokio::time::sleep(self.session.patience().first.min(RETRY)).await;
        }
    }
}
