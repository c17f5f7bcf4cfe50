//! Long-running operations.

use serde_json::Value;

use super::Vertex;
use crate::api::Status;
use crate::job::{Phase, Snapshot};

impl Vertex {
    /// An operation as it was seen: its state is the stage of a deployment where it says one, and
    /// once it is done its document is what it made.
    pub(super) fn operation(&self, mut operation: Value) -> Snapshot {
        let name = operation["name"].as_str().unwrap_or_default().to_owned();
        let metadata = &operation["metadata"];
        let stage = metadata["deploymentStage"].as_str().unwrap_or("RUNNING");
        let created = metadata["genericMetadata"]["createTime"].as_str();
        let created = created.unwrap_or_default().to_owned();
        let error = operation.get("error").filter(|error| error.is_object());
        let (phase, state) = match (operation["done"].as_bool(), error) {
            (Some(true), None) => (Phase::Succeeded, "DONE".to_owned()),
            (Some(true), Some(_)) => (Phase::Failed, "FAILED".to_owned()),
            _ => (Phase::Running, stage.to_owned()),
        };
        Snapshot {
            uri: self.api.address(&format!("v1/{name}")),
            name,
            error: error.map(Status::of_rpc),
            document: match phase {
                Phase::Succeeded => operation["response"].take(),
                _ => operation,
            },
            phase,
            state,
            created,
            progress: None,
        }
    }

    /// A resource that is there.
    pub(super) fn resource(&self, name: String, document: Value) -> Snapshot {
        let created = document["createTime"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Snapshot {
            uri: self.api.address(&format!("v1/{name}")),
            name,
            phase: Phase::Succeeded,
            state: "DONE".to_owned(),
            error: None,
            created,
            progress: None,
            document,
        }
    }
}
