//! Drives the real `train` binary in a fresh folder.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod interruption;
mod outputs;
mod refusals;
mod vertex;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A fresh folder with examples in it.
struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        test_support::examples::write_examples(&folder.path().join("examples"), 1);
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `train` with a small network, everything written to the folder `to`; `flags` after that.
    fn command(&self, to: &str, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_train"));
        command
            .env_clear()
            .current_dir(self.folder.path())
            .args(["--examples", "examples", "--model"])
            .arg(format!("{to}/model"))
            .arg("--metrics")
            .arg(format!("{to}/metrics.json"))
            .arg("--report")
            .arg(format!("{to}/report.html"))
            .arg("--model-card")
            .arg(format!("{to}/model_card.md"));
        if !flags.contains(&"--first-layer-size") {
            command.args(["--first-layer-size", "8"]);
        }
        command.args(flags);
        command
    }

    fn run(&self, to: &str, flags: &[&str]) -> Output {
        self.command(to, flags).output().unwrap()
    }

    /// Runs, expecting success; gives the document on stdout.
    fn succeed(&self, to: &str, flags: &[&str]) -> serde_json::Value {
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
        self.fail_in("out", code, flags)
    }

    fn fail_in(&self, to: &str, code: i32, flags: &[&str]) -> String {
        let output = self.run(to, flags);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(
            !self.path(to).join("model/model.onnx").exists(),
            "a failed run leaves no model"
        );
        stderr.lines().last().unwrap_or_default().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn replace(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} holds no {from}");
        self.write(name, &text.replacen(from, to, 1));
    }

    fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }
}

/// All files below a folder, by relative name, but not the storage's own hidden ones.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
            if path.is_dir() {
                folders.push(path);
            } else if !hidden {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}
