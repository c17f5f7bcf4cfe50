//! Drives the example component as a process: exit codes, streams, signals, Kubeflow's files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Cargo builds a package's examples beside its tests.
fn copy_text() -> Command {
    let test = std::env::current_exe().unwrap();
    let examples: PathBuf = test.ancestors().nth(2).unwrap().join("examples");
    let mut command = Command::new(examples.join("copy-text"));
    command.stdin(Stdio::null());
    command
}

fn last_line(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    stderr.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn success_prints_the_outputs_as_one_document() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.txt");
    let output = copy_text()
        .args(["--text", "héllo", "--copy"])
        .arg(&copy)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        serde_json::from_slice::<Value>(&output.stdout).unwrap(),
        json!({
            "artifacts": {"copy": {"uri": copy, "metadata": {"bytes": 6}}},
            "parameters": {"characters": 5},
        })
    );
    assert_eq!(fs::read_to_string(copy).unwrap(), "héllo");
}

#[test]
fn stderr_that_is_no_terminal_is_json_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.txt");
    let output = copy_text()
        .args(["--text", "a", "--copy"])
        .arg(&copy)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<Value> = stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["severity"], "INFO");
    assert_eq!(lines[0]["message"], "waiting 0 s");
    assert_eq!(
        lines[0]["logging.googleapis.com/labels"],
        json!({"component": "copy-text"})
    );
    assert_eq!(
        lines[1]["message"].as_str().unwrap().split(',').next(),
        Some("writing: 1 B of 1 B (100 %)")
    );
}

#[test]
fn an_unknown_flag_is_wrong_usage() {
    let output = copy_text()
        .args(["--text=a", "--copy=b", "--colour"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        last_line(&output),
        "error: unexpected argument '--colour' found. Next step: see 'copy-text --help'"
    );
}

#[test]
fn missing_flags_are_named_on_the_last_line() {
    let output = copy_text().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        last_line(&output),
        "error: the following required arguments were not provided: --text <TEXT> --copy <COPY>. \
         Next step: see 'copy-text --help'"
    );
}

#[test]
fn an_environment_variable_fills_a_flag() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.txt");
    let output = copy_text()
        .env("COPY_TEXT_TEXT", "from the environment")
        .env("COPY_TEXT_COPY", &copy)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fs::read_to_string(copy).unwrap(), "from the environment");
}

#[test]
fn a_failure_ends_with_the_chain_and_the_next_step() {
    let output = copy_text()
        .args(["--text=a", "--copy=/nowhere/copy.txt"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        last_line(&output),
        "error: cannot write /nowhere/copy.txt: No such file or directory (os error 2). \
         Next step: check that the folder exists and is writable"
    );
    let output = copy_text()
        .args(["--text=", "--copy=/nowhere/copy.txt"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        last_line(&output),
        "error: the text is empty. Next step: give --text some characters"
    );
}

#[test]
fn a_wrong_log_level_is_refused() {
    let output = copy_text()
        .args(["--text=a", "--copy=b", "--log-level=x=y=z"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        last_line(&output),
        "error: --log-level \"x=y=z\" is not a log filter. Next step: use error, warn, info, \
         debug, trace, or a filter such as info,storage=debug"
    );
}

#[test]
fn a_dry_run_prints_the_plan_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.txt");
    let output = copy_text()
        .args(["--dry-run", "--text", "abc", "--copy"])
        .arg(&copy)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("then counts 3 characters\nwrites {}\n", copy.display())
    );
    assert!(!copy.exists());
}

#[test]
fn the_version_names_the_commit() {
    let output = copy_text().arg("--version").output().unwrap();
    let expected = format!("copy-text {}\n", component::version());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn the_executor_input_drives_a_whole_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let input = json!({
        "inputs": {"parameterValues": {"text": "abc"}},
        "outputs": {
            "parameters": {"characters": {"outputFile": at("parameters/characters")}},
            "artifacts": {"copy": {"artifacts": [{"name": "copy", "uri": at("copy"), "metadata": {}}]}},
            "outputFile": at("output/executor_output.json"),
        },
    });
    let output = copy_text()
        .args(["--executor-input", &input.to_string()])
        .env("COMPONENT_IMAGE", "registry/copy-text:1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        fs::read_to_string(at("parameters/characters")).unwrap(),
        "3"
    );
    let written = fs::read(at("output/executor_output.json")).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&written).unwrap()["artifacts"]["copy"]["artifacts"][0],
        json!({
            "name": "copy", "uri": at("copy"),
            "metadata": {
                "bytes": 3,
                "build": format!("copy-text {}", component::version()),
                "image": "registry/copy-text:1",
            },
            "type": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"},
        })
    );
}

/// Starts a long run, waits for its first log line, sends a signal; returns code and last line.
fn interrupt(signal: &str, extra: &[&str]) -> (Option<i32>, String) {
    let mut child = copy_text()
        .args(["--text=a", "--copy=/nowhere/copy.txt", "--wait=60"])
        .args(extra)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(lines.next().unwrap().contains("waiting 60 s"));
    let kill = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let last = lines.last().unwrap_or_default();
    (child.wait().unwrap().code(), last)
}

#[test]
fn a_signal_cancels_with_its_own_code() {
    for (signal, name, code) in [("-TERM", "SIGTERM", 143), ("-INT", "SIGINT", 130)] {
        assert_eq!(
            interrupt(signal, &[]),
            (
                Some(code),
                format!(
                    "error: copy-text was cancelled by {name}; outputs are as they were before, \
                     or complete. Next step: run it again to finish"
                )
            )
        );
    }
}

#[test]
fn a_server_that_drained_exits_zero() {
    assert_eq!(interrupt("-TERM", &["--drain"]).0, Some(0));
}
