//! A training that is kept on the way, so that one that was interrupted goes on instead of anew.
//!
//! Vertex AI keeps the folder of `AIP_CHECKPOINT_DIR` when it starts a job on another machine:
//! <https://cloud.google.com/vertex-ai/docs/training/code-requirements#environment-variables>.

use bytes::Bytes;
use component::Context;
use sha2::{Digest, Sha256};
use storage::{PutOptions, Storage, Uri};
use tokio::runtime::Handle;
use trainer::{FitError, FitOptions, Training};

use crate::{Args, Error, input::Input};

/// The file in the folder.
const FILE: &str = "training.checkpoint";

/// The checkpoint of one run: one that began with other data, options or code is none of its.
pub(crate) struct Checkpoint {
    storage: Storage,
    uri: Uri,
    /// SHA-256 of all that decides what the weights become.
    identity: [u8; 32],
    /// What was there of this run.
    found: Option<Bytes>,
    every: u64,
    saved_at: u64,
    runtime: Handle,
}

impl Checkpoint {
    /// The checkpoint's place, if the flags or the platform name one, and what is there.
    pub(crate) async fn open(
        storage: &Storage,
        args: &Args,
        input: &Input,
        context: &Context,
    ) -> Result<Option<Self>, Error> {
        let Some(folder) = args.checkpoint_dir.clone().or_else(platform_folder) else {
            return Ok(None);
        };
        let options = input.hyperparameters.fit_options(&args.fit_options());
        let mut checkpoint = Self {
            storage: storage.clone(),
            uri: folder.join(FILE),
            identity: identity(input, &options, &context.build()),
            found: None,
            every: args.checkpoint_steps,
            saved_at: 0,
            runtime: Handle::current(),
        };
        if storage.stat(&checkpoint.uri).await?.is_some() {
            let bytes = storage.read(&checkpoint.uri).await?;
            if let Some(body) = bytes.strip_prefix(&checkpoint.identity) {
                checkpoint.found = Some(bytes.slice_ref(body));
            } else {
                tracing::warn!(
                    "{} is of a run with other data, options or another version: training begins anew",
                    checkpoint.uri
                );
            }
        }
        Ok(Some(checkpoint))
    }

    /// The training as it was kept, or from its beginning.
    pub(crate) fn resume<'a>(
        &mut self,
        train: &'a trainer::EncodedSet,
        eval: &'a trainer::EncodedSet,
        options: &'a FitOptions,
    ) -> Result<Training<'a>, FitError> {
        let Some(found) = self.found.take() else {
            return Training::new(train, eval, options);
        };
        let training = Training::resume(train, eval, options, &found)?;
        self.saved_at = training.last().step;
        tracing::info!("going on from {} at step {}", self.uri, self.saved_at);
        Ok(training)
    }

    /// Whether it is time to keep the training again.
    pub(crate) fn is_due(&self, training: &Training<'_>) -> bool {
        training.last().step >= self.saved_at + self.every
    }

    /// Keeps the training; for a thread that may block. Readers see the old one or the new one.
    pub(crate) fn save(&mut self, training: &Training<'_>) -> Result<(), Error> {
        let content = [&self.identity[..], &training.checkpoint()].concat();
        let put = self
            .storage
            .write(&self.uri, content, PutOptions::default());
        self.runtime.block_on(put)?;
        self.saved_at = training.last().step;
        tracing::debug!("step {} is kept in {}", self.saved_at, self.uri);
        Ok(())
    }

    /// Removes it: the run is over.
    pub(crate) async fn remove(self) -> Result<(), Error> {
        Ok(self.storage.delete(&self.uri).await?)
    }
}

fn platform_folder() -> Option<Uri> {
    std::env::var("AIP_CHECKPOINT_DIR").ok()?.parse().ok()
}

fn identity(input: &Input, options: &FitOptions, build: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    for file in &input.files {
        digest.update(format!("{} {}\n", file.name, file.sha256));
    }
    digest.update(format!("{options:?}\n{build}"));
    digest.finalize().into()
}
