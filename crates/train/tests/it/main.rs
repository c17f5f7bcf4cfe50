//! Drives the real `train` binary in a fresh folder.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod interruption;
mod memory;
mod outputs;
mod refusals;
mod vertex;

use std::ops::Deref;
use std::process::Command;

use serde_json::Value;
use test_support::sandbox::{Run, Sandbox};

/// A fresh folder with examples in it.
struct Workspace(Sandbox);

impl Deref for Workspace {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Workspace {
    fn new() -> Self {
        let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_train"));
        test_support::examples::write_examples(&sandbox.path("examples"), 1);
        Self(sandbox)
    }

    /// `train` with a small network, everything written to the folder `to`; `flags` after that.
    fn command(&self, to: &str, flags: &[&str]) -> Command {
        let mut command = self.0.command(["--model"]);
        command
            .arg(format!("{to}/model"))
            .arg("--metrics")
            .arg(format!("{to}/metrics.json"))
            .arg("--report")
            .arg(format!("{to}/report.html"))
            .arg("--model-card")
            .arg(format!("{to}/model_card.md"));
        for default in [["--examples", "examples"], ["--first-layer-size", "8"]] {
            if !flags.contains(&default[0]) {
                command.args(default);
            }
        }
        command.args(flags);
        command
    }

    fn run(&self, to: &str, flags: &[&str]) -> Run {
        Run::of(self.command(to, flags).output().unwrap())
    }

    /// Runs, expecting success; gives the document on stdout.
    fn succeed(&self, to: &str, flags: &[&str]) -> Value {
        self.run(to, flags).outputs()
    }

    /// Runs, expecting this exit code; gives the last line on stderr.
    fn fail(&self, code: i32, flags: &[&str]) -> String {
        self.fail_in("out", code, flags)
    }

    fn fail_in(&self, to: &str, code: i32, flags: &[&str]) -> String {
        let run = self.run(to, flags);
        let model = self.path(to).join("model/model.onnx");
        assert!(!model.exists(), "a failed run leaves no model");
        run.error(code).to_owned()
    }

    fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert!(text.contains(from), "{name} holds no {from}");
        self.write(name, text.replacen(from, to, 1));
    }
}
