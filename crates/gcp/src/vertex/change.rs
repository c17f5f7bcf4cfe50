//! Changes of models and endpoints: each is made once, whatever happens on the way.

use reqwest::Method;
use serde_json::{Value, json};

use super::Vertex;
use crate::api::{Call, CallError};
use crate::job::{Importance, Jobs, KEY_LABEL, Message, Phase, Snapshot, Wanted};

/// A kind of change. Its [`Jobs::create`] takes the request named with each.
#[derive(Clone, Debug)]
pub struct Change {
    vertex: Vertex,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Upload { model: String },
    Endpoint { id: String },
    Deploy { endpoint: String, id: String },
    Undeploy { endpoint: String, id: String },
    Delete { name: String },
}

impl Vertex {
    /// A new version of the model with this id, which becomes its first if there is none; takes
    /// an [upload request](super::ModelVersion::request). Versions are told apart by the label
    /// with the key.
    pub fn upload(&self, model_id: &str) -> Change {
        let model = format!("{}/models/{model_id}", self.parent());
        self.change(What::Upload { model })
    }

    /// The endpoint with this id; takes an `Endpoint`.
    pub fn endpoint(&self, id: &str) -> Change {
        self.change(What::Endpoint { id: id.to_owned() })
    }

    /// A model on the endpoint of this name, under the deployed model's id; takes a
    /// [deploy request](super::Deployment::request).
    pub fn deploy(&self, endpoint: &str, id: u64) -> Change {
        self.change(What::Deploy {
            endpoint: endpoint.to_owned(),
            id: id.to_string(),
        })
    }

    /// The absence of a deployed model; takes `{"deployedModelId": …, "trafficSplit": …}`.
    pub fn undeploy(&self, endpoint: &str, id: &str) -> Change {
        self.change(What::Undeploy {
            endpoint: endpoint.to_owned(),
            id: id.to_owned(),
        })
    }

    /// The absence of an endpoint, a model or a version of one (`…@2`), by its name; takes null.
    pub fn delete(&self, name: &str) -> Change {
        self.change(What::Delete {
            name: name.to_owned(),
        })
    }

    fn change(&self, what: What) -> Change {
        let vertex = self.clone();
        Change { vertex, what }
    }

    /// The resource of this name, if there is one.
    pub async fn lookup(&self, name: &str) -> Result<Option<Value>, CallError> {
        let path = format!("v1/{name}");
        match self.api.call(Call::get(&path, &[])).await {
            Err(error) if error.is_not_found() => Ok(None),
            other => other.map(Some),
        }
    }
}

impl Change {
    /// The resource that is changed.
    fn subject(&self) -> String {
        match &self.what {
            What::Upload { model } => model.clone(),
            What::Endpoint { id } => format!("{}/endpoints/{id}", self.vertex.parent()),
            What::Deploy { endpoint, .. } | What::Undeploy { endpoint, .. } => endpoint.clone(),
            What::Delete { name } => name.split('@').next().unwrap_or_default().to_owned(),
        }
    }

    /// What the change was to bring about, if it is so already.
    async fn result(&self, wanted: Wanted<'_>) -> Result<Option<Snapshot>, CallError> {
        let vertex = &self.vertex;
        let subject = self.subject();
        Ok(match (&self.what, wanted) {
            (What::Upload { model }, Wanted::Key(key)) => {
                let path = format!("v1/{model}:listVersions");
                let filter = format!("labels.{KEY_LABEL}={}", key.key());
                let query = [("filter", filter.as_str())];
                let versions = match vertex.api.list(&path, &query, "models").await {
                    Err(error) if error.is_not_found() => Vec::new(),
                    versions => versions?,
                };
                versions.into_iter().next().map(|version| {
                    let number = version["versionId"].as_str().unwrap_or_default();
                    let document = uploaded(model, Some(number));
                    vertex.resource(format!("{model}@{number}"), document)
                })
            }
            // A model's versions belong to their runs no longer once they are there.
            (What::Upload { .. }, Wanted::Run(_)) => None,
            (What::Endpoint { .. }, _) => {
                let endpoint = vertex.lookup(&subject).await?;
                endpoint.map(|endpoint| vertex.resource(subject, endpoint))
            }
            (What::Deploy { endpoint, id }, _) => {
                let found = vertex.lookup(endpoint).await?;
                let found = found.and_then(|found| deployed(&found, id));
                found.map(|found| vertex.resource(subject, json!({"deployedModel": found})))
            }
            (What::Undeploy { endpoint, id }, _) => {
                let found = vertex.lookup(endpoint).await?;
                let found = found.and_then(|found| deployed(&found, id));
                found.is_none().then(|| vertex.resource(subject, json!({})))
            }
            (What::Delete { name }, _) => {
                let found = vertex.lookup(name).await?;
                found.is_none().then(|| vertex.resource(subject, json!({})))
            }
        })
    }
}

/// What is deployed on an endpoint under an id.
fn deployed(endpoint: &Value, id: &str) -> Option<Value> {
    let list = endpoint["deployedModels"].as_array().into_iter().flatten();
    let mut list = list.filter(|deployed| deployed["id"] == id);
    list.next().cloned()
}

/// An upload's answer.
fn uploaded(model: &str, version: Option<&str>) -> Value {
    json!({"model": model, "modelVersionId": version})
}

impl Jobs for Change {
    fn kind(&self) -> &'static str {
        match self.what {
            What::Upload { .. } => "model version",
            What::Endpoint { .. } => "endpoint",
            What::Deploy { .. } => "deployment",
            What::Undeploy { .. } => "undeployment",
            What::Delete { .. } => "deletion",
        }
    }

    fn resource_type(&self) -> &'static str {
        "VertexLro"
    }

    /// The result, if it is there; otherwise what is changing the resource right now, which may be
    /// this very change, begun by an earlier attempt.
    async fn find(&self, wanted: Wanted<'_>) -> Result<Vec<Snapshot>, CallError> {
        if let Some(result) = self.result(wanted).await? {
            return Ok(vec![result]);
        }
        let path = format!("v1/{}/operations", self.subject());
        let operations = match self.vertex.api.list(&path, &[], "operations").await {
            Err(error) if error.is_not_found() => Vec::new(),
            operations => operations?,
        };
        let under_way = operations
            .into_iter()
            .map(|operation| self.vertex.operation(operation))
            .filter(|operation| !operation.phase.is_terminal());
        let in_the_way = under_way.map(|operation| Snapshot {
            phase: Phase::InTheWay,
            ..operation
        });
        Ok(in_the_way.collect())
    }

    async fn create(&self, request: &Value) -> Result<Snapshot, CallError> {
        let vertex = &self.vertex;
        let operation = match &self.what {
            What::Upload { model } => {
                let mut request = request.clone();
                // An id makes a model, once; a parent makes a version of it.
                match vertex.lookup(model).await? {
                    Some(_) => request["parentModel"] = json!(model),
                    None => request["modelId"] = json!(model.rsplit('/').next()),
                }
                let path = vertex.path("models:upload");
                vertex.api.call(Call::create(&path, &request)).await?
            }
            What::Endpoint { id } => {
                let path = vertex.path("endpoints");
                let query = [("endpointId", id.as_str())];
                let call = Call::create(&path, request).with_query(&query);
                vertex.api.call(call).await?
            }
            What::Deploy { endpoint, .. } => {
                let path = format!("v1/{endpoint}:deployModel");
                vertex.api.call(Call::create(&path, request)).await?
            }
            What::Undeploy { endpoint, .. } => {
                let path = format!("v1/{endpoint}:undeployModel");
                vertex.api.call(Call::create(&path, request)).await?
            }
            What::Delete { name } => {
                let path = if name.contains('@') {
                    format!("v1/{name}:deleteVersion")
                } else {
                    format!("v1/{name}")
                };
                let call = Call {
                    repeat: crate::api::Repeat::Never,
                    ..Call::act(&Method::DELETE, &path, None)
                };
                vertex.api.call(call).await?
            }
        };
        Ok(vertex.operation(operation))
    }

    async fn get(&self, name: &str) -> Result<Snapshot, CallError> {
        let vertex = &self.vertex;
        if name.contains("/operations/") {
            let path = format!("v1/{name}");
            let operation = vertex.api.call(Call::get(&path, &[])).await?;
            return Ok(vertex.operation(operation));
        }
        // The result of an earlier attempt, in the words of an operation's answer.
        let document = match &self.what {
            What::Upload { model } => uploaded(model, name.rsplit('@').next()),
            What::Endpoint { .. } => vertex.lookup(name).await?.unwrap_or_default(),
            What::Deploy { endpoint, id } => {
                let endpoint = vertex.lookup(endpoint).await?.unwrap_or_default();
                json!({"deployedModel": deployed(&endpoint, id)})
            }
            What::Undeploy { .. } | What::Delete { .. } => json!({}),
        };
        Ok(vertex.resource(name.to_owned(), document))
    }

    /// Only what is under way can be cancelled, and the service need not do it.
    async fn cancel(&self, name: &str) -> Result<(), CallError> {
        if !name.contains("/operations/") {
            return Ok(());
        }
        let path = format!("v1/{name}:cancel");
        let call = Call::act(&Method::POST, &path, None);
        self.vertex.api.call(call).await.map(drop)
    }

    /// Operations have no log; their stage is their state.
    async fn messages(
        &self,
        _: &str,
        _: Importance,
        _: Option<&str>,
    ) -> Result<Vec<Message>, CallError> {
        Ok(Vec::new())
    }

    fn console(&self, name: &str) -> String {
        let Vertex {
            project, location, ..
        } = &self.vertex;
        let resource = name.split("/operations/").next().unwrap_or_default();
        let id = resource.rsplit('/').next().unwrap_or_default();
        let id = id.split('@').next().unwrap_or_default();
        let page = if resource.contains("/models/") {
            format!("models/locations/{location}/models/{id}")
        } else {
            format!("online-prediction/locations/{location}/endpoints/{id}")
        };
        format!("https://console.cloud.google.com/vertex-ai/{page}?project={project}")
    }
}
