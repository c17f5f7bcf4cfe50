//! What is uploaded and deployed.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::{EnvVar, MachineSpec, Vertex};
use crate::api::{Call, CallError};
use crate::job::JobKey;

/// A version of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelVersion {
    /// The model's name for people.
    pub display_name: String,
    /// What is new in this version.
    pub description: String,
    /// Names for this version; `default` is what is used without one.
    pub aliases: Vec<String>,
    /// The folder with the model's files, copied at the upload.
    pub artifact_uri: Option<String>,
    /// The program that serves it.
    pub container: ServingContainer,
    /// Labels besides those of the key.
    pub labels: BTreeMap<String, String>,
}

/// The program that serves a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServingContainer {
    /// The image.
    pub image_uri: String,
    /// What is run in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Its environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// Where it listens.
    pub ports: Vec<Port>,
    /// The path of predictions.
    pub predict_route: String,
    /// The path that says whether it is ready.
    pub health_route: String,
}

/// A port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// Its number.
    pub container_port: u16,
}

/// A model on an endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deployment {
    /// The version, as `projects/…/models/M@2`.
    pub model: String,
    /// Its name for people.
    pub display_name: String,
    /// The machines.
    pub machine: MachineSpec,
    /// The fewest machines, at least 1.
    pub min_replicas: u32,
    /// The most machines.
    pub max_replicas: u32,
    /// The account the program has.
    pub service_account: Option<String>,
    /// Percent of the traffic by deployed model's id, in all 100; `0` is this one. Empty leaves
    /// the traffic as it is.
    pub traffic: BTreeMap<String, u32>,
}

impl ModelVersion {
    /// The request for the work of `key`.
    pub fn request(&self, key: &JobKey) -> Value {
        let mut labels = self.labels.clone();
        labels.extend(key.labels());
        let mut model = json!({
            "displayName": self.display_name,
            "versionDescription": self.description,
            "versionAliases": self.aliases,
            "containerSpec": self.container,
            "labels": labels,
        });
        if let Some(uri) = &self.artifact_uri {
            model["artifactUri"] = json!(uri);
        }
        json!({"model": model})
    }
}

impl Deployment {
    /// The request for the deployed model of this id.
    pub fn request(&self, id: u64) -> Value {
        let mut deployed = json!({
            "id": id.to_string(),
            "model": self.model,
            "displayName": self.display_name,
            "enableAccessLogging": true,
            "dedicatedResources": {
                "machineSpec": self.machine,
                "minReplicaCount": self.min_replicas,
                "maxReplicaCount": self.max_replicas,
            },
        });
        if let Some(account) = &self.service_account {
            deployed["serviceAccount"] = json!(account);
        }
        json!({"deployedModel": deployed, "trafficSplit": self.traffic})
    }
}

impl Vertex {
    /// Sends an endpoint's traffic where `split` says, in percent by deployed model's id.
    pub async fn set_traffic(
        &self,
        endpoint: &str,
        split: &BTreeMap<String, u32>,
    ) -> Result<Value, CallError> {
        let path = format!("v1/{endpoint}");
        let body = json!({"trafficSplit": split});
        let call = Call::act(&Method::PATCH, &path, Some(&body));
        let call = call.with_query(&[("updateMask", "trafficSplit")]);
        self.api.call(call).await
    }

    /// Gives a version (`…/models/M@2`) aliases, and takes those written `-alias`.
    pub async fn set_aliases(&self, version: &str, aliases: &[&str]) -> Result<Value, CallError> {
        let path = format!("v1/{version}:mergeVersionAliases");
        let body = json!({"versionAliases": aliases});
        self.api
            .call(Call::act(&Method::POST, &path, Some(&body)))
            .await
    }

    /// The numbers of a model's versions that runs have uploaded, the oldest first; those of others
    /// carry no run's label.
    pub async fn versions(&self, model: &str) -> Result<Vec<u64>, CallError> {
        let path = format!("v1/{model}:listVersions");
        let found = self.api.list(&path, &[], "models").await?;
        let number = |version: &Value| {
            version["labels"].get(crate::job::RUN_LABEL)?;
            version["versionId"].as_str()?.parse().ok()
        };
        let mut numbers: Vec<u64> = found.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Where an endpoint is asked for predictions.
    pub fn predict_address(&self, endpoint: &str) -> String {
        self.api.address(&format!("v1/{endpoint}:predict"))
    }

    /// Asks an endpoint for predictions.
    pub async fn predict(&self, endpoint: &str, body: &Value) -> Result<Value, CallError> {
        let path = format!("v1/{endpoint}:predict");
        self.api
            .call(Call::act(&Method::POST, &path, Some(body)))
            .await
    }
}
