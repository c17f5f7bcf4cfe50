//! A process that is told to end cancels its job first; and what it logs holds no secret.

use std::env;
use std::process::Stdio;
use std::time::{Duration, Instant};

use gcp::dataflow::Dataflow;
use gcp::job::{JobError, Patience, Runner};
use test_support::google::{FakeGoogle, Fault};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

use crate::cloud::{key, runner, template};
use crate::killed::{command, start};

/// The child's work: to follow a job that never ends, at the pace of a real run.
pub(crate) async fn child(dataflow: &Dataflow) {
    let runner = Runner {
        patience: Patience::default(),
        ..runner(dataflow)
    };
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let cancel = runner.cancel.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        cancel.cancel();
    });
    let end = runner.run(&key(), &template(), |_| Ok(())).await;
    assert!(matches!(end, Err(JobError::Interrupted { .. })), "{end:?}");
}

/// Logs everything, libraries included.
pub(crate) fn trace() {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(std::io::stderr)
        .init();
}

async fn terminate(child: &Child) {
    let pid = child.id().unwrap().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status().await;
    assert!(killed.unwrap().success());
}

/// Waits until the job has been looked at: the child sleeps then, its connection open.
async fn wait_for_look(google: &FakeGoogle) {
    let looked = || {
        google
            .methods()
            .iter()
            .any(|method| method == "messages.list")
    };
    while !looked() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn a_terminated_process_cancels_at_once() {
    // More runs for a measurement.
    let runs: usize = env::var("GCP_TEST_RUNS").map_or(1, |runs| runs.parse().unwrap());
    let mut delays = Vec::new();
    for _ in 0..runs {
        let google = FakeGoogle::start().await;
        google.script("dataflow", &["JOB_STATE_RUNNING"]);
        let mut process = start(&google, "terminated");
        wait_for_look(&google).await;
        let before = google.seen().len();
        let signalled = Instant::now();
        terminate(&process).await;
        assert!(process.wait().await.unwrap().success());
        let next = google.seen().swap_remove(before);
        assert_eq!(
            next.method, "jobs.update",
            "the first request after the signal"
        );
        delays.push(next.at - signalled);
        let states: Vec<String> = google.jobs().into_iter().map(|job| job.1).collect();
        assert_eq!(states, ["JOB_STATE_CANCELLED"]);
    }
    delays.sort();
    println!(
        "signal to request: {:?} median, {:?} at most",
        delays[runs / 2],
        delays[runs - 1]
    );
}

#[tokio::test]
async fn no_log_holds_a_token() {
    let google = FakeGoogle::start().await;
    google.fault(
        "jobs.get",
        Fault::refuse(503, "UNAVAILABLE", "try with ya29.another"),
    );
    google.fault("jobs.get", Fault::refuse(401, "UNAUTHENTICATED", "no"));
    google.fault("jobs.list", Fault::Html(502));
    let mut command = command(&google, "traced");
    let output = command.stderr(Stdio::piped()).output().await.unwrap();
    assert!(output.status.success());
    let log = String::from_utf8_lossy(&output.stderr);
    for evidence in ["trying again", "DEBUG", "TRACE", "JOB_STATE_DONE"] {
        assert!(log.contains(evidence), "{evidence} is in the log");
    }
    for line in log.lines() {
        assert!(!line.contains("ya29."), "{line}");
    }
}
