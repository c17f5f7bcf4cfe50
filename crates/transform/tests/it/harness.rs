//! A fresh folder, the binary, and what it left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A fresh folder with raw data in it.
pub(crate) struct Workspace {
    folder: TempDir,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The last line on stderr.
    pub(crate) fn last_line(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

impl Workspace {
    /// A fresh folder with `raw.csv`.
    pub(crate) fn new(raw: impl AsRef<[u8]>) -> Self {
        let workspace = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        workspace.write("raw.csv", raw);
        workspace
    }

    /// Path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and its folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// The command `transform --raw-data <raw> --examples examples`, in this folder.
    pub(crate) fn command(&self, raw: &str, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_transform"));
        command
            .current_dir(self.folder.path())
            .env("TMPDIR", self.folder.path());
        command
            .args(["--raw-data", raw, "--examples", "examples"])
            .args(flags);
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, raw: &str, flags: &[&str]) -> Ended {
        let output = self.command(raw, flags).output().unwrap();
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the command, which must succeed.
    pub(crate) fn done(&self, raw: &str, flags: &[&str]) -> Value {
        let ended = self.run(raw, flags);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// Runs the command, which must fail with this code and these words.
    pub(crate) fn fails(&self, raw: &str, flags: &[&str], code: i32, message: &str) {
        let ended = self.run(raw, flags);
        assert_eq!(ended.last_line(), format!("error: {message}"));
        assert_eq!(ended.code, Some(code));
        assert!(!self.path("examples/schema.json").exists());
    }

    /// A JSON file of the examples folder.
    pub(crate) fn json(&self, name: &str) -> Value {
        let bytes = std::fs::read(self.path("examples").join(name)).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// A text file of the examples folder.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path("examples").join(name)).unwrap()
    }

    /// All files of the examples folder, hidden ones left out.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(self.path("examples")).unwrap();
        entries
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
            .filter(|(name, _)| !name.starts_with('.'))
            .map(|(name, path)| (name, std::fs::read(path).unwrap()))
            .collect()
    }
}

/// A clean table of `rows` days of one series, the prices growing.
pub(crate) fn days(rows: u32) -> String {
    let mut table = "slug,date,open,high,low,close,volume\n".to_owned();
    let first = jiff::civil::date(2020, 1, 1);
    for row in 0..rows {
        let date = first.saturating_add(jiff::Span::new().days(i64::from(row)));
        let open = 100 + row;
        let line = format!(
            "bitcoin,{date},{open},{},{},{},{}\n",
            open + 5 + row % 3,
            open - 4 - row % 2,
            open + 1 + row % 4,
            1000 + row
        );
        table.push_str(&line);
    }
    table
}
