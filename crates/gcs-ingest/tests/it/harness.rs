//! Runs the binary in a fresh folder.

use std::ffi::OsStr;
use std::ops::Deref;
use std::process::{Child, Command, Output};

use serde_json::Value;
use test_support::sandbox;

/// A fresh folder in which failed requests are repeated almost at once.
pub(crate) struct Sandbox(sandbox::Sandbox);

impl Deref for Sandbox {
    type Target = sandbox::Sandbox;

    fn deref(&self) -> &sandbox::Sandbox {
        &self.0
    }
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self(sandbox::Sandbox::new(env!("CARGO_BIN_EXE_gcs-ingest")))
    }

    /// Names of the files that a user sees, sorted.
    pub(crate) fn visible(&self) -> Vec<String> {
        self.files("").into_keys().collect()
    }

    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.0.command(args);
        command.env("GCS_INGEST_RETRY_INITIAL_DELAY", "1ms");
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        Run::of(self.command(args).output().unwrap())
    }

    pub(crate) fn spawn<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Child {
        self.command(args).spawn().unwrap()
    }
}

/// A finished run.
pub(crate) struct Run(sandbox::Run);

impl Deref for Run {
    type Target = sandbox::Run;

    fn deref(&self) -> &sandbox::Run {
        &self.0
    }
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        Self(sandbox::Run::of(output))
    }

    /// The metadata of the artifact it wrote.
    #[track_caller]
    pub(crate) fn metadata(&self) -> Value {
        self.outputs()["artifacts"]["raw_data"]["metadata"].clone()
    }
}
