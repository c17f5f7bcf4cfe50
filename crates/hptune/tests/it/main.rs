//! Drives the real `hptune` binary in a fresh folder.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod interruption;
mod outputs;
mod refusals;
mod studies;
mod vertex;

use std::ops::Deref;
use std::process::Command;

use serde_json::{Value, json};
use test_support::sandbox::{Run, Sandbox};

/// A fresh folder with examples and a study in it.
struct Workspace(Sandbox);

impl Deref for Workspace {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Workspace {
    fn new() -> Self {
        let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_hptune"));
        test_support::examples::write_examples(&sandbox.path("examples"), 1);
        sandbox.write("study.json", study().to_string());
        Self(sandbox)
    }

    /// `hptune` with the small study, everything written to the folder `to`; `flags` after that.
    fn command(&self, to: &str, flags: &[&str]) -> Command {
        let mut command = self.0.command(["--study-config", "study.json"]);
        if !flags.contains(&"--examples") {
            command.args(["--examples", "examples"]);
        }
        command
            .arg("--best-hyperparameters")
            .arg(format!("{to}/best.json"));
        for name in ["trials.json", "metrics.json", "report.html"] {
            let (flag, _) = name.split_once('.').unwrap();
            command.arg(format!("--{flag}")).arg(format!("{to}/{name}"));
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
        let run = self.run("out", flags);
        assert!(!self.path("out").exists(), "a failed study writes nothing");
        run.error(code).to_owned()
    }
}

/// A study of small, quick networks.
fn study() -> Value {
    json!({
        "studySpec": {
            "metrics": [{ "metricId": "rmse", "goal": "MINIMIZE" }],
            "parameters": [
                {
                    "parameterId": "learning-rate",
                    "doubleValueSpec": { "minValue": 1e-4, "maxValue": 1e-1 },
                    "scaleType": "UNIT_LOG_SCALE",
                },
                {
                    "parameterId": "first_layer_size",
                    "integerValueSpec": { "minValue": "2", "maxValue": "16" },
                },
                { "parameterId": "train_steps", "discreteValueSpec": { "values": [50.0, 100.0] } },
            ],
        },
        "maxTrialCount": 10,
    })
}
