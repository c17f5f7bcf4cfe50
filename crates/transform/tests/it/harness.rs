//! A fresh folder with raw data, the binary, and what it left.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::process::Command;

use serde_json::Value;
use test_support::sandbox::{Run, Sandbox};

/// A fresh folder with raw data in it.
pub(crate) struct Workspace(Sandbox);

impl Deref for Workspace {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Workspace {
    /// A fresh folder with `raw.csv`.
    pub(crate) fn new(raw: impl AsRef<[u8]>) -> Self {
        let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_transform"));
        sandbox.write("raw.csv", raw);
        Self(sandbox)
    }

    /// The command `transform --raw-data <raw> --examples examples`, in this folder.
    pub(crate) fn command(&self, raw: &str, flags: &[&str]) -> Command {
        let arguments = ["--raw-data", raw, "--examples", "examples"];
        self.0.command([&arguments, flags].concat())
    }

    /// The command `transform <arguments>`, in this folder.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        self.0.command(arguments)
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, raw: &str, flags: &[&str]) -> Run {
        let run = Run::of(self.command(raw, flags).output().unwrap());
        assert_eq!(self.temporary_files(), 0);
        run
    }

    /// Runs the command, which must succeed.
    #[track_caller]
    pub(crate) fn done(&self, raw: &str, flags: &[&str]) -> Value {
        self.run(raw, flags).outputs()
    }

    /// Runs the command, which must fail with this code and these words.
    #[track_caller]
    pub(crate) fn fails(&self, raw: &str, flags: &[&str], code: i32, message: &str) {
        let run = self.run(raw, flags);
        assert_eq!(run.error(code), format!("error: {message}"));
        assert!(!self.path("examples/schema.json").exists());
    }

    /// A JSON file of the examples folder.
    pub(crate) fn json(&self, name: &str) -> Value {
        self.0.json(&format!("examples/{name}"))
    }

    /// A text file of the examples folder.
    pub(crate) fn text(&self, name: &str) -> String {
        self.0.text(&format!("examples/{name}"))
    }

    /// All files of the examples folder, hidden ones left out.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.files("examples")
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
