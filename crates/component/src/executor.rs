//! Kubeflow's executor input (the `{{$}}` placeholder) and executor output.
//!
//! Protocol: the `ExecutorInput` and `ExecutorOutput` messages of the KFP pipeline specification
//! (`pipeline_spec.proto`), in their JSON form.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{ArtifactKind, Contract, Outputs, version};

/// Environment variable by which a pipeline tells a container its own image, for the lineage.
const IMAGE_VARIABLE: &str = "COMPONENT_IMAGE";

/// The executor input, with what the launcher may add ignored.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ExecutorInput {
    #[serde(default)]
    inputs: Inputs,
    #[serde(default)]
    outputs: OutputSlots,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Inputs {
    parameter_values: BTreeMap<String, Value>,
    artifacts: BTreeMap<String, ArtifactList>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OutputSlots {
    parameters: BTreeMap<String, ParameterSlot>,
    artifacts: BTreeMap<String, ArtifactList>,
    output_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ParameterSlot {
    output_file: PathBuf,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ArtifactList {
    artifacts: Vec<RuntimeArtifact>,
}

#[derive(Clone, Debug, Deserialize)]
struct RuntimeArtifact {
    #[serde(default)]
    name: String,
    #[serde(default)]
    uri: String,
}

/// Why outputs could not be handed to Kubeflow.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error("cannot write {} for Kubeflow", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the output parameter {0:?} was declared by the pipeline but not produced")]
    MissingParameter(String),
}

impl ExecutorInput {
    pub(crate) fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// Values by flag name (`snake_case`): parameters, then input and output artifacts as
    /// addresses. A null or empty parameter counts as not given.
    pub(crate) fn flags(&self) -> Vec<(String, Vec<String>)> {
        let mut flags: Vec<(String, Vec<String>)> = Vec::new();
        for (name, value) in &self.inputs.parameter_values {
            let values = match value {
                Value::Array(items) => items.iter().filter_map(flag_value).collect(),
                value => flag_value(value).into_iter().collect(),
            };
            flags.push((name.clone(), values));
        }
        for (name, list) in &self.inputs.artifacts {
            let addresses = list
                .artifacts
                .iter()
                .map(|artifact| input_address(&artifact.uri));
            flags.push((name.clone(), addresses.collect()));
        }
        for (name, list) in &self.outputs.artifacts {
            let addresses = list
                .artifacts
                .iter()
                .take(1)
                .map(|a| output_address(&a.uri));
            flags.push((name.clone(), addresses.collect()));
        }
        flags
    }

    /// Where each output parameter is read from.
    pub(crate) fn parameter_files(&self) -> BTreeMap<String, PathBuf> {
        let slots = self.outputs.parameters.iter();
        slots
            .map(|(name, slot)| (name.clone(), slot.output_file.clone()))
            .collect()
    }

    /// Writes parameter files and the executor output for what a component produced.
    pub(crate) fn write_outputs(
        &self,
        contract: &Contract,
        outputs: &Outputs,
    ) -> Result<(), OutputError> {
        for (name, slot) in &self.outputs.parameters {
            let value = outputs
                .parameters
                .get(name)
                .ok_or_else(|| OutputError::MissingParameter(name.clone()))?;
            // No final newline: the launcher does not trim strings.
            let text = match value {
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            write_atomically(&slot.output_file, text.as_bytes())?;
        }
        if let Some(path) = &self.outputs.output_file {
            let document = self.executor_output(contract, outputs).to_string();
            write_atomically(path, document.as_bytes())?;
        }
        Ok(())
    }

    /// Every artifact the pipeline declared is listed, or the local runner would not know it.
    fn executor_output(&self, contract: &Contract, outputs: &Outputs) -> Value {
        let mut artifacts = Map::new();
        for (name, list) in &self.outputs.artifacts {
            let Some(slot) = list.artifacts.first() else {
                continue;
            };
            let written = outputs.artifacts.get(name);
            let uri = match written {
                // What went where the launcher asked keeps the launcher's name for the place.
                Some(artifact) if artifact.uri != output_address(&slot.uri) => &artifact.uri,
                _ => &slot.uri,
            };
            let metadata = written
                .map(|artifact| artifact.metadata.clone())
                .unwrap_or_default();
            let mut entry = json!({ "name": slot.name, "uri": uri, "metadata": metadata });
            let declared = contract
                .output_artifacts
                .iter()
                .find(|artifact| artifact.name == name);
            if let Some(artifact) = declared {
                if artifact.kind != ArtifactKind::Metrics {
                    // Which program made these bytes; the page of metrics shows numbers only.
                    entry["metadata"]["build"] = json!(format!("{} {}", contract.name, version()));
                    if let Ok(image) = std::env::var(IMAGE_VARIABLE) {
                        entry["metadata"]["image"] = json!(image);
                    }
                }
                entry["type"] = json!({ "schemaTitle": artifact.kind.schema_title(), "schemaVersion": "0.0.1" });
            }
            artifacts.insert(name.clone(), json!({ "artifacts": [entry] }));
        }
        json!({ "artifacts": artifacts })
    }
}

/// A parameter's text on the command line; whole doubles lose their fraction (the backend sends
/// every number as a double), null and "" count as not given.
fn flag_value(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => {
                Some(format!("{}", float as i64))
            }
            _ => Some(number.to_string()),
        },
        value => Some(value.to_string()),
    }
}

/// Object stores the launcher mounts, as `(scheme, mount point)`.
const MOUNTS: [(&str, &str); 3] = [
    ("gs://", "/gcs/"),
    ("s3://", "/s3/"),
    ("minio://", "/minio/"),
];

fn mounted(uri: &str) -> Option<(PathBuf, &'static str)> {
    MOUNTS.iter().find_map(|(scheme, mount)| {
        let rest = uri.strip_prefix(scheme)?;
        Some((Path::new(mount).join(rest), *mount))
    })
}

/// Where an input is: the launcher's copy where there is one, else its own address.
fn input_address(uri: &str) -> String {
    match mounted(uri) {
        Some((path, _)) if path.exists() => path.display().to_string(),
        _ => uri.to_owned(),
    }
}

/// Where an output goes: the folder the launcher uploads from where it is mounted, else the
/// address itself.
fn output_address(uri: &str) -> String {
    match mounted(uri) {
        Some((path, mount)) if Path::new(mount).is_dir() => path.display().to_string(),
        _ => uri.to_owned(),
    }
}

/// Writes a file in full or not at all, making its folder.
fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let in_full = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut aside = path.as_os_str().to_owned();
        aside.push(".partial");
        fs::write(&aside, bytes)?;
        fs::rename(&aside, path)
    };
    in_full().map_err(|source| OutputError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
#[path = "executor_tests.rs"]
mod tests;
