//! The record of remote jobs that Vertex AI Pipelines and the Kubeflow Pipelines UI read.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Jobs, Snapshot};

/// The output parameter `gcp_resources`, as google-cloud-pipeline-components defines it:
/// <https://github.com/kubeflow/pipelines/blob/master/components/google-cloud/google_cloud_pipeline_components/proto/gcp_resources.proto>.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcpResources {
    /// The jobs, in the order they were created.
    #[serde(default)]
    pub resources: Vec<Resource>,
}

/// One remote job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// `DataflowJob`, `CustomJob`, `HyperparameterTuningJob` or `VertexLro`.
    pub resource_type: String,
    /// Its address.
    pub resource_uri: String,
}

impl GcpResources {
    /// The record at `path`; empty if there is none or it is none.
    pub fn read(path: &Path) -> Self {
        let content = fs::read(path).unwrap_or_default();
        serde_json::from_slice(&content).unwrap_or_default()
    }

    /// Adds a job, once.
    pub fn add<J: Jobs>(&mut self, jobs: &J, job: &Snapshot) {
        let resource = Resource {
            resource_type: jobs.resource_type().to_owned(),
            resource_uri: job.uri.clone(),
        };
        if !self.resources.contains(&resource) {
            self.resources.push(resource);
        }
    }

    /// Writes the record, whole or not at all, and not to be lost with the machine.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder)?;
        let aside = path.with_extension("partial");
        let mut file = File::create(&aside)?;
        // No newline at the end: the pipeline's backend passes the value on as it is.
        file.write_all(serde_json::to_string(self)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        File::open(folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_written_as_others_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/gcp_resources");
        assert_eq!(GcpResources::read(&path), GcpResources::default());
        let uri = "https://us-central1-aiplatform.googleapis.com/v1/projects/123/locations/us-central1/customJobs/456";
        let record = GcpResources {
            resources: vec![Resource {
                resource_type: "CustomJob".into(),
                resource_uri: uri.into(),
            }],
        };
        record.write(&path).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!(r#"{{"resources":[{{"resourceType":"CustomJob","resourceUri":"{uri}"}}]}}"#)
        );
        assert_eq!(GcpResources::read(&path), record);
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }
}
