//! What a custom job runs:
//! <https://cloud.google.com/vertex-ai/docs/reference/rest/v1/CustomJobSpec>.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::job::JobKey;

/// A custom job, but for its identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomJob {
    /// What it runs.
    pub spec: JobSpec,
    /// The key that encrypts its data.
    pub kms_key_name: Option<String>,
    /// Labels besides those of the key.
    pub labels: BTreeMap<String, String>,
}

/// What a job, or each trial of a study, runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobSpec {
    /// The machines; the first pool has the chief.
    pub worker_pool_specs: Vec<WorkerPool>,
    /// When to give up and on what machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
    /// The account the program has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// What `AIP_MODEL_DIR` and its like are below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_output_directory: Option<GcsDestination>,
    /// The network, as `projects/NUMBER/global/networks/NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// A `TensorBoard` instance that shows the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensorboard: Option<String>,
}

/// Machines of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerPool {
    /// The kind.
    pub machine_spec: MachineSpec,
    /// How many; a 64-bit number, which is text in JSON.
    #[serde(serialize_with = "as_text")]
    pub replica_count: u32,
    /// The disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_spec: Option<DiskSpec>,
    /// The program.
    pub container_spec: ContainerSpec,
}

/// A kind of machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineSpec {
    /// For example `n1-standard-4`.
    pub machine_type: String,
    /// For example `NVIDIA_TESLA_T4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerator_type: Option<String>,
    /// How many of them a machine has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerator_count: Option<u32>,
}

/// A machine's disk.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskSpec {
    /// For example `pd-ssd`.
    pub boot_disk_type: String,
    /// Its size in GB.
    pub boot_disk_size_gb: u32,
}

/// A program in an image.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerSpec {
    /// The image.
    pub image_uri: String,
    /// What is run in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Its environment, at most 100 variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
}

/// An environment variable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// When to give up and on what machines.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scheduling {
    /// The longest run, as `3600s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// `STANDARD`, `SPOT` or `FLEX_START`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// The longest wait for machines, as `3600s`; for `FLEX_START` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_wait_duration: Option<String>,
    /// Whether a failure of the program is final.
    pub disable_retries: bool,
    /// Whether all start anew when one worker does.
    pub restart_job_on_worker_restart: bool,
}

/// A folder of Cloud Storage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GcsDestination {
    /// `gs://bucket/folder/`
    pub output_uri_prefix: String,
}

impl CustomJob {
    /// The request for the work of `key`.
    pub fn request(&self, key: &JobKey) -> Value {
        let spec = json!({"jobSpec": self.spec});
        identified(spec, key, &self.labels, self.kms_key_name.as_deref())
    }
}

/// A job's request with what tells whose it is.
pub(super) fn identified(
    mut request: Value,
    key: &JobKey,
    labels: &BTreeMap<String, String>,
    kms_key_name: Option<&str>,
) -> Value {
    let mut labels = labels.clone();
    labels.extend(key.labels());
    request["displayName"] = json!(key.name());
    request["labels"] = json!(labels);
    if let Some(name) = kms_key_name {
        request["encryptionSpec"] = json!({"kmsKeyName": name});
    }
    request
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn as_text<S: serde::Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_whose_it_is_and_what_is_set() {
        let key = JobKey::new("run-1", "train", ["input"]);
        let job = CustomJob {
            spec: JobSpec {
                worker_pool_specs: vec![WorkerPool {
                    machine_spec: MachineSpec {
                        machine_type: "n1-standard-4".into(),
                        ..MachineSpec::default()
                    },
                    replica_count: 1,
                    disk_spec: None,
                    container_spec: ContainerSpec {
                        image_uri: "registry/train:1".into(),
                        args: vec!["--seed=1".into()],
                        ..ContainerSpec::default()
                    },
                }],
                ..JobSpec::default()
            },
            kms_key_name: Some("key".into()),
            labels: BTreeMap::new(),
        };
        let pool = json!({
            "machineSpec": {"machineType": "n1-standard-4"},
            "replicaCount": "1",
            "containerSpec": {"imageUri": "registry/train:1", "args": ["--seed=1"]},
        });
        let expected = json!({
            "displayName": key.name(),
            "labels": key.labels(),
            "encryptionSpec": {"kmsKeyName": "key"},
            "jobSpec": {"workerPoolSpecs": [pool]},
        });
        assert_eq!(job.request(&key), expected);
    }
}
