//! Drives the real `hptune` binary in a fresh folder.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod interruption;
mod outputs;
mod refusals;
mod vertex;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

/// A fresh folder with examples in it.
struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        test_support::examples::write_examples(&folder.path().join("examples"), 1);
        let workspace = Self { folder };
        workspace.write("study.json", &study().to_string());
        workspace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `hptune` with the small study, everything written to the folder `to`; `flags` after that.
    fn command(&self, to: &str, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hptune"));
        command
            .env_clear()
            .current_dir(self.folder.path())
            .args(["--examples", "examples", "--study-config", "study.json"])
            .arg("--best-hyperparameters")
            .arg(format!("{to}/best.json"));
        for name in ["trials.json", "metrics.json", "report.html"] {
            let (flag, _) = name.split_once('.').unwrap();
            command.arg(format!("--{flag}")).arg(format!("{to}/{name}"));
        }
        command.args(flags);
        command
    }

    fn run(&self, to: &str, flags: &[&str]) -> Output {
        self.command(to, flags).output().unwrap()
    }

    /// Runs, expecting success; gives the document on stdout.
    fn succeed(&self, to: &str, flags: &[&str]) -> Value {
        let output = self.run(to, flags);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs, expecting this exit code; gives the last line on stderr.
    fn fail(&self, code: i32, flags: &[&str]) -> String {
        let output = self.run("out", flags);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(!self.path("out").exists(), "a failed study writes nothing");
        stderr.lines().last().unwrap_or_default().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
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

/// All files in a folder, by name, but not the storage's own hidden ones.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap());
    let mut found: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    found.retain(|(name, _)| !name.starts_with('.'));
    found.sort();
    found
}
