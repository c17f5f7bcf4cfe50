//! A fresh folder, a program that runs in it, and how a run ended.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Where a sandbox's programs put their temporary files.
const TEMPORARY: &str = "tmp";
/// A user without privileges, the one of the images.
const NOBODY: u32 = 65532;

/// A fresh folder in which a program runs with none of the caller's environment. Paths on its
/// command line are relative, so its messages can be compared whole.
///
/// Methods panic when the file system or the program does not do what a test needs.
#[derive(Debug)]
pub struct Sandbox {
    folder: TempDir,
    program: PathBuf,
}

#[expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
impl Sandbox {
    /// A fresh folder for `program`: `env!("CARGO_BIN_EXE_…")`.
    pub fn new(program: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join(TEMPORARY)).unwrap();
        let program = program.into();
        Self { folder, program }
    }

    /// The path of a file in the folder; `""` is the folder itself.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and makes the folders above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A file's content.
    #[track_caller]
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// A text file's content.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// A JSON file's content.
    #[track_caller]
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// All files below a folder by relative name, hidden ones left out; none if it does not exist.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        if self.path(folder).exists() {
            collect(&self.path(folder), "", &mut found);
        }
        found
    }

    /// Number of temporary files that are there.
    pub fn temporary_files(&self) -> usize {
        fs::read_dir(self.path(TEMPORARY)).unwrap().count()
    }

    /// The program with these arguments, in this folder.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.path(TEMPORARY))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The program as a user whom permissions hold back, whoever runs the tests: root may read and
    /// write everything, so root gives the folder and a copy of the program to [`NOBODY`].
    pub fn unprivileged<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let command = self.command(arguments);
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return command;
        }
        let copy = self.path(".program");
        fs::copy(&self.program, &copy).unwrap();
        for path in [&self.path(""), &self.path(TEMPORARY), &copy] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mut nobody = Command::new(copy);
        nobody
            .args(command.get_args())
            .current_dir(self.folder.path())
            .env_clear()
            .envs(
                command
                    .get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .uid(NOBODY)
            .gid(NOBODY);
        nobody
    }

    /// Runs the program with these arguments to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }
}

#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{prefix}{name}/"), found);
        } else {
            found.insert(format!("{prefix}{name}"), fs::read(entry.path()).unwrap());
        }
    }
}

/// A finished run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its exit code; `None` after a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// Its log, and its error.
    pub stderr: String,
}

#[expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
impl Run {
    /// The run that ended with `output`.
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The last line on stderr.
    pub fn last_line(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }

    /// The document it printed after success.
    #[track_caller]
    pub fn outputs(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The last line on stderr after a failure with this code, which printed nothing.
    #[track_caller]
    pub fn error(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert_eq!(self.stdout, "");
        self.last_line()
    }
}
