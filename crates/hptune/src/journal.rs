//! The journal of a study: its finished trials on storage, so that a study that was killed goes on
//! where it was instead of repeating them.
//!
//! The file is written whole after every trial and names the study it belongs to. A study proposes
//! the same trials every time, so each trial in the journal is told again instead of run again.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use artifacts::{FORMAT_VERSION, StudySpec, Trial, TrialParameter, TrialState, to_json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::{Storage, Uri};
use tokio::runtime::Handle;

use crate::{Acquisition, Args, Error, input::Input, output, study::Plan, warm_start::WarmStart};

/// The file's content.
#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    study: Identity,
    trials: Vec<Trial>,
}

impl artifacts::Versioned for Document {
    fn version(&self) -> u32 {
        self.version
    }
}

/// What the results of a study depend on: another value of any gives other trials.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Identity {
    build: String,
    spec: StudySpec,
    hyperparameters: BTreeMap<String, Value>,
    seed: u64,
    trials_ahead: u32,
    acquisition: Acquisition,
    eval_steps: u64,
    patience: u32,
    /// SHA-256 of what was read of the examples.
    examples: String,
    /// SHA-256 of the earlier studies' trials; empty without any.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    warm_start: String,
}

impl Identity {
    /// Name of the first part in which two studies differ.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            ("build", self.build != other.build),
            ("study", self.spec != other.spec),
            (
                "hyperparameters",
                self.hyperparameters != other.hyperparameters,
            ),
            ("seed", self.seed != other.seed),
            ("trials ahead", self.trials_ahead != other.trials_ahead),
            ("acquisition", self.acquisition != other.acquisition),
            ("eval steps", self.eval_steps != other.eval_steps),
            ("patience", self.patience != other.patience),
            ("examples", self.examples != other.examples),
            ("warm start", self.warm_start != other.warm_start),
        ]
        .into_iter()
        .find_map(|(name, differs)| differs.then_some(name))
    }
}

/// A study's journal, open for reading what is finished and writing what will be.
pub(crate) struct Journal {
    storage: Storage,
    uri: Uri,
    study: Identity,
    finished: BTreeMap<String, Trial>,
    /// Only the longest list may be the last one written.
    written: Mutex<usize>,
    runtime: Handle,
}

impl Journal {
    /// Reads the journal at `uri`, where there is one; refuses that of another study, so that it
    /// is not overwritten.
    pub(crate) async fn open(
        storage: &Storage,
        uri: &Uri,
        plan: &Plan,
        input: &Input,
        warm_start: &WarmStart,
        args: &Args,
        build: String,
    ) -> Result<Self, Error> {
        let study = Identity {
            build,
            spec: plan.spec.clone(),
            hyperparameters: plan.fixed.to_map(),
            seed: args.seed,
            trials_ahead: args.trials_ahead,
            acquisition: args.acquisition,
            eval_steps: args.eval_steps,
            patience: args.patience,
            examples: input.digest.clone(),
            warm_start: warm_start.digest.clone(),
        };
        let mut finished = BTreeMap::new();
        if storage.stat(uri).await?.is_some() {
            let bytes = storage.read(uri).await?;
            let name = uri.file_name().unwrap_or("the journal").to_owned();
            let document: Document =
                artifacts::parse(&name, &bytes).map_err(|source| Error::JournalDocument {
                    uri: uri.clone(),
                    source,
                })?;
            if let Some(part) = study.difference(&document.study) {
                return Err(Error::JournalOfAnother {
                    uri: uri.clone(),
                    part,
                });
            }
            finished.extend(document.trials.into_iter().map(|t| (t.id.clone(), t)));
            tracing::info!(trials = finished.len(), "finished trials read from {uri}");
        }
        Ok(Self {
            storage: storage.clone(),
            uri: uri.clone(),
            study,
            finished,
            written: Mutex::new(0),
            runtime: Handle::current(),
        })
    }

    /// What came of a trial in an earlier run.
    pub(crate) fn finished(&self, number: usize, parameters: &[TrialParameter]) -> Option<Trial> {
        let trial = self.finished.get(&number.to_string())?;
        (trial.parameters == parameters).then(|| trial.clone())
    }

    /// Writes all finished trials; called by workers, outside of the runtime's threads.
    pub(crate) fn write(&self, trials: &[Trial]) -> Result<(), Error> {
        let over = |trial: &&Trial| trial.state != TrialState::Active;
        let trials: Vec<Trial> = trials.iter().filter(over).cloned().collect();
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if trials.len() <= *written {
            return Ok(());
        }
        *written = trials.len();
        let document = Document {
            version: FORMAT_VERSION,
            study: self.study.clone(),
            trials,
        };
        let bytes = to_json(&document);
        self.runtime.block_on(output::write(
            &self.storage,
            &self.uri,
            bytes,
            "application/json",
        ))
    }
}
