//! What a component's `run` returns.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// How a run ended well.
#[derive(Debug)]
pub enum Outcome {
    /// The work is done and published.
    Done(Outputs),
    /// A dry run: what would be read, done and written.
    Plan(Plan),
    /// A question was answered: the text for stdout.
    Report(String),
    /// A server was asked to stop and finished its requests: exit code 0 even after SIGTERM.
    Drained,
}

/// Artifacts and parameters a component produced.
#[derive(Debug, Default)]
pub struct Outputs {
    pub(crate) artifacts: BTreeMap<String, WrittenArtifact>,
    pub(crate) parameters: BTreeMap<String, Value>,
}

#[derive(Debug)]
pub(crate) struct WrittenArtifact {
    pub(crate) uri: String,
    pub(crate) metadata: Map<String, Value>,
}

impl Outputs {
    /// No outputs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an artifact: its declared name, the address really written, and its metadata, a flat
    /// JSON object (nulls are left out: the pipeline's backend refuses them).
    ///
    /// # Panics
    /// When `metadata` is not a JSON object: a mistake in the component, not in its input.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)] // `json!({…})` at every call
    pub fn artifact(mut self, name: &str, uri: impl ToString, metadata: Value) -> Self {
        let Value::Object(mut metadata) = metadata else {
            panic!("metadata of {name} must be a JSON object");
        };
        metadata.retain(|_, value| !value.is_null());
        self.artifacts.insert(
            name.to_owned(),
            WrittenArtifact {
                uri: uri.to_string(),
                metadata,
            },
        );
        self
    }

    /// Adds an output parameter by its declared name.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    /// The document printed on stdout.
    pub(crate) fn to_json(&self) -> Value {
        let artifacts: Map<String, Value> = self
            .artifacts
            .iter()
            .map(|(name, artifact)| {
                (
                    name.clone(),
                    json!({ "uri": artifact.uri, "metadata": artifact.metadata }),
                )
            })
            .collect();
        json!({ "artifacts": artifacts, "parameters": self.parameters })
    }
}

/// What a dry run prints: plain sentences.
#[derive(Debug, Default)]
pub struct Plan {
    /// What would be read.
    pub reads: Vec<String>,
    /// What would be done.
    pub does: Vec<String>,
    /// What would be written.
    pub writes: Vec<String>,
}

impl Plan {
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for (title, lines) in [
            ("reads", &self.reads),
            ("then", &self.does),
            ("writes", &self.writes),
        ] {
            for line in lines {
                text.push_str(title);
                text.push(' ');
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }
}
