//! The request that launches a Flex Template.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::job::JobKey;

/// A Flex Template and what it is to work on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlexTemplate {
    /// Where its specification is, for example
    /// `gs://dataflow-templates-us-central1/latest/flex/Yaml_Template`.
    pub spec: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// On what it runs.
    pub workers: WorkerOptions,
    /// Labels besides those of the key.
    pub labels: BTreeMap<String, String>,
}

/// On what a job runs; what is not set is the service's choice.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerOptions {
    /// Workers at the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_workers: Option<u32>,
    /// Workers at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_workers: Option<u32>,
    /// The workers' machine type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_type: Option<String>,
    /// The launcher's machine type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launcher_machine_type: Option<String>,
    /// The account the workers have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_email: Option<String>,
    /// Where the workers keep temporary files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temp_location: Option<String>,
    /// Where what the workers run is put.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staging_location: Option<String>,
    /// The network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The subnetwork, as `regions/R/subnetworks/S`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnetwork: Option<String>,
    /// `WORKER_IP_PUBLIC` or `WORKER_IP_PRIVATE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_configuration: Option<String>,
    /// The key that encrypts the job's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_name: Option<String>,
}

impl FlexTemplate {
    /// The request for the work of `key`. The name made from the key lets the service refuse a
    /// second job; labels win over those of the key only under other names.
    ///
    /// # Panics
    /// Never: names and numbers are JSON.
    pub fn request(&self, key: &JobKey) -> Value {
        let mut environment =
            serde_json::to_value(&self.workers).expect("names and numbers are JSON");
        let mut labels = self.labels.clone();
        labels.extend(key.labels());
        environment["additionalUserLabels"] = json!(labels);
        json!({"launchParameter": {
            "jobName": key.name(),
            "containerSpecGcsPath": self.spec,
            "parameters": self.parameters,
            "environment": environment,
        }})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_not_sent() {
        let key = JobKey::new("run-1", "transform", ["input"]);
        let template = FlexTemplate {
            spec: "gs://templates/Yaml_Template".into(),
            parameters: BTreeMap::from([("yaml_pipeline".into(), "pipeline: {}".into())]),
            workers: WorkerOptions {
                max_workers: Some(4),
                kms_key_name: Some("key".into()),
                ..WorkerOptions::default()
            },
            labels: BTreeMap::from([("team".into(), "prices".into())]),
        };
        let expected = json!({"launchParameter": {
            "jobName": key.name(),
            "containerSpecGcsPath": "gs://templates/Yaml_Template",
            "parameters": {"yaml_pipeline": "pipeline: {}"},
            "environment": {
                "maxWorkers": 4,
                "kmsKeyName": "key",
                "additionalUserLabels": {
                    "kfp-run": "run-1",
                    "kfp-task": "transform",
                    "kfp-key": key.key(),
                    "team": "prices",
                },
            },
        }});
        assert_eq!(template.request(&key), expected);
    }
}
