//! A runner of Dataflow's template for Beam YAML: the pipeline is really run, by Apache Beam's own
//! runner on this machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::gcs::FakeGcs;

/// Runs the pipelines of Dataflow jobs, on copies of what the fake storage holds.
#[derive(Clone, Debug)]
pub struct Beam {
    /// A Python that has `apache-beam[yaml]`.
    pub python: PathBuf,
    /// The script that runs a pipeline and prints what it counted.
    pub script: PathBuf,
    /// Where the pipeline's files are.
    pub storage: Arc<FakeGcs>,
}

impl Beam {
    /// Does the work of a job: its metrics, or what went wrong as a `google.rpc.Status`.
    pub fn work(&self, request: &Value) -> Result<Value, Value> {
        self.run(request)
            .map(|metrics| json!({"metrics": metrics}))
            .map_err(|message| json!({"code": 3, "message": message}))
    }

    fn run(&self, request: &Value) -> Result<Value, String> {
        let parameters = &request["launchParameter"]["parameters"];
        let file = parameters["yaml_pipeline_file"].as_str();
        let file = file.ok_or("the template needs yaml_pipeline_file")?;
        let (bucket, name) = split(file).ok_or_else(|| format!("{file} is no gs:// address"))?;
        let object = self.storage.object(bucket, name);
        let object = object.ok_or_else(|| format!("{file} does not exist"))?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let here = format!("{}/", folder.path().display());
        let before = self.copy(bucket, folder.path())?;
        let pipeline = String::from_utf8_lossy(&object.content).replace("gs://", &here);
        let script = folder.path().join("pipeline.yaml");
        fs::write(&script, pipeline).map_err(|error| error.to_string())?;
        let output = Command::new(&self.python)
            .arg(&self.script)
            .arg(&script)
            .output()
            .map_err(|error| format!("{}: {error}", self.python.display()))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        self.bring_back(bucket, folder.path(), &before)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let metrics = text.lines().last().unwrap_or_default();
        serde_json::from_str(metrics).map_err(|error| format!("{metrics}: {error}"))
    }

    /// Copies a bucket into a folder; the files that are there then.
    fn copy(&self, bucket: &str, folder: &Path) -> Result<BTreeSet<PathBuf>, String> {
        let mut files = BTreeSet::new();
        for name in self.storage.object_names(bucket) {
            let Some(object) = self.storage.object(bucket, &name) else {
                continue;
            };
            let path = folder.join(bucket).join(&name);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, &object.content))
                .map_err(|error| format!("{}: {error}", path.display()))?;
            files.insert(path);
        }
        Ok(files)
    }

    /// Stores the files that were not there before; in them, too, addresses are the service's.
    fn bring_back(
        &self,
        bucket: &str,
        folder: &Path,
        before: &BTreeSet<PathBuf>,
    ) -> Result<(), String> {
        let root = folder.join(bucket);
        let mut folders = vec![root.clone()];
        while let Some(inner) = folders.pop() {
            let entries = fs::read_dir(&inner).map_err(|error| error.to_string())?;
            for entry in entries {
                let path = entry.map_err(|error| error.to_string())?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if !before.contains(&path) {
                    let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
                    let text = text.replace(&format!("{}/", folder.display()), "gs://");
                    let name = path.strip_prefix(&root).expect("it is inside");
                    self.storage.store(bucket, &name.to_string_lossy(), text);
                }
            }
        }
        Ok(())
    }
}

fn split(uri: &str) -> Option<(&str, &str)> {
    uri.strip_prefix("gs://")?.split_once('/')
}
