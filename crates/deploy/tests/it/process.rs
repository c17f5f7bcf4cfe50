//! A fresh directory and the binary in it. Paths on the command line are relative, so messages
//! can be compared whole.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::Value;
use test_support::{interruption, sandbox};

use crate::fixture::Fixture;
use crate::http::{self, Response};

/// Flags of the model every test uses.
pub(crate) const TARGET: [&str; 4] = ["--model-repository", "repo", "--model-name", "btc"];

/// Longest time a server may take for what it is asked to do: a bound, not an expectation.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A fresh directory.
pub(crate) struct Sandbox(sandbox::Sandbox);

impl Deref for Sandbox {
    type Target = sandbox::Sandbox;

    fn deref(&self) -> &sandbox::Sandbox {
        &self.0
    }
}

/// How a run of the binary ended.
#[derive(Debug)]
pub(crate) struct Run(sandbox::Run);

impl Deref for Run {
    type Target = sandbox::Run;

    fn deref(&self) -> &sandbox::Run {
        &self.0
    }
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self(sandbox::Sandbox::new(env!("CARGO_BIN_EXE_deploy")))
    }

    /// A sandbox with a model folder `model`.
    pub(crate) fn with_model(fixture: Fixture) -> Self {
        let sandbox = Self::new();
        fixture.write(&sandbox.path("model"));
        sandbox
    }

    /// The pointer of the model, without its format version.
    pub(crate) fn pointer(&self) -> Value {
        let mut pointer = self.json("repo/btc/current.json");
        pointer.as_object_mut().unwrap().remove("version");
        pointer
    }

    /// Names in a folder, sorted.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run(self.0.run(arguments))
    }

    /// Runs with the usual target and more flags.
    pub(crate) fn deploy(&self, more: &[&str]) -> Run {
        self.run(&[&TARGET[..], more].concat())
    }

    /// Deploys a model made on the spot.
    pub(crate) fn deploy_fixture(&self, fixture: Fixture) -> Run {
        fixture.write(&self.path("model"));
        self.deploy(&["--model", "model"])
    }

    /// Starts `deploy serve` on a free port of the loopback interface.
    pub(crate) fn serve(&self, more: &[&str]) -> Server {
        let local = ["--port", "0", "--host", "127.0.0.1"];
        let follow = ["--poll-interval-ms", "5"];
        Server::start(self.command([&["serve"], &local[..], &follow, more].concat()))
    }
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        Self(sandbox::Run::of(output))
    }

    /// Fails unless the run ended with this code and this last line.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, last_line: &str) {
        assert_eq!(self.error(code), last_line, "{}", self.stderr);
    }

    /// Fails unless the run ended well; returns its output parameters.
    #[track_caller]
    pub(crate) fn succeeds(&self) -> Value {
        let mut parameters = self.outputs()["parameters"].clone();
        // Without a remote job it names none.
        let resources = parameters.as_object_mut().unwrap().remove("gcp_resources");
        if let Some(resources) = resources {
            assert_eq!(resources, r#"{"resources":[]}"#);
        }
        parameters
    }
}

/// A running `deploy serve`.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    lines: Receiver<String>,
}

impl Server {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut server = Self {
            child,
            address: String::new(),
            lines,
        };
        let started = server.wait_for("serving ");
        started["address"]
            .as_str()
            .unwrap()
            .clone_into(&mut server.address);
        server
    }

    /// The first log line from here on whose message begins like this.
    pub(crate) fn wait_for(&self, message: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect(message);
            let line: Value = serde_json::from_str(&line).unwrap_or_default();
            if line["message"]
                .as_str()
                .is_some_and(|m| m.starts_with(message))
            {
                return line;
            }
        }
    }

    /// The last line it writes before it ends.
    pub(crate) fn last_line(&self) -> String {
        self.lines.iter().last().unwrap_or_default()
    }

    /// Posts a JSON body to the predict route.
    pub(crate) fn predict(&self, body: &str) -> Response {
        http::send(
            &self.address,
            &http::post("/predict", "application/json", body.as_bytes()),
        )
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        interruption::signal(&self.child, name);
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A file: its relative name, length and a digest of its content, so that a failing comparison
/// stays readable.
pub(crate) type FileFacts = (String, usize, u64);

/// All files below a folder, by name. The store's own notes beside an object are left out: they
/// hold modification times.
pub(crate) fn snapshot(folder: &Path) -> Vec<FileFacts> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !name.ends_with(".meta.json") {
                let content = fs::read(&path).unwrap();
                let mut hasher = DefaultHasher::new();
                content.hash(&mut hasher);
                files.push((name, content.len(), hasher.finish()));
            }
        }
    }
    files.sort();
    files
}
