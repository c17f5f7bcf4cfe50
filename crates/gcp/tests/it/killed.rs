//! A process that is killed, at whatever request, and run again, makes one job.

use std::env;
use std::process::Stdio;

use gcp::job::Jobs;
use test_support::google::{FakeGoogle, Moment};
use tokio::process::{Child, Command};

use crate::cloud::{custom_job, dataflow_at, key, runner, template, tuning_job, vertex_at};
use crate::interrupted;
use crate::serving::release;

/// Tells the child which work to do, and where.
const WORK: &str = "GCP_TEST_WORK";
const ENDPOINT: &str = "GCP_TEST_ENDPOINT";

/// The work of a component's step: its job is found or created, recorded and followed.
///
/// It is the process that the tests below start and kill; by itself, the work is undisturbed.
#[tokio::test]
async fn child() {
    let Ok(endpoint) = env::var(ENDPOINT) else {
        let google = FakeGoogle::start().await;
        let endpoint = google.endpoint();
        work(&dataflow_at(&endpoint, host(&endpoint)).await, &template()).await;
        assert_eq!(there(&google), [1, 0, 0, 0]);
        return;
    };
    let host = host(&endpoint);
    match env::var(WORK).unwrap().as_str() {
        "dataflow" => work(&dataflow_at(&endpoint, host).await, &template()).await,
        "custom" => {
            let vertex = vertex_at(&endpoint, host).await;
            work(&vertex.custom_jobs(), &custom_job()).await;
        }
        "tuning" => {
            let vertex = vertex_at(&endpoint, host).await;
            work(&vertex.tuning_jobs(), &tuning_job()).await;
        }
        "release" => release(&vertex_at(&endpoint, host).await).await,
        "terminated" => interrupted::child(&dataflow_at(&endpoint, host).await).await,
        "traced" => {
            interrupted::trace();
            work(&dataflow_at(&endpoint, host).await, &template()).await;
        }
        other => panic!("{other}"),
    }
}

fn host(endpoint: &str) -> &str {
    endpoint.trim_start_matches("http://")
}

async fn work<J: Jobs>(jobs: &J, request: &serde_json::Value) {
    let job = runner(jobs).run(&key(), request, |_| Ok(())).await;
    job.unwrap();
}

pub(crate) fn start(google: &FakeGoogle, work: &str) -> Child {
    command(google, work).spawn().unwrap()
}

pub(crate) fn command(google: &FakeGoogle, work: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "killed::child"])
        .env(WORK, work)
        .env(ENDPOINT, google.endpoint())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Kills the work at every request, before and after it took effect, and runs it again.
async fn never_two(work: &str, expected: [usize; 4]) {
    let whole = FakeGoogle::start().await;
    assert!(start(&whole, work).wait().await.unwrap().success());
    let requests = whole.seen().len();
    assert!(requests >= 4, "{:?}", whole.methods());
    for number in 0..requests {
        for moment in [Moment::Before, Moment::After] {
            let google = FakeGoogle::start().await;
            google.hold(Some((number, moment)));
            let mut child = start(&google, work);
            google.reached().await;
            child.kill().await.unwrap();
            google.hold(None);
            assert!(start(&google, work).wait().await.unwrap().success());
            let there = there(&google);
            assert_eq!(there, expected, "killed {moment:?} request {number}");
        }
    }
    tracing::info!(work, kill_points = 2 * requests);
}

/// How many jobs, versions of models, endpoints and deployed models there are.
fn there(google: &FakeGoogle) -> [usize; 4] {
    let endpoints = google.endpoints();
    let deployed = endpoints
        .iter()
        .filter_map(|endpoint| endpoint["deployedModels"].as_array());
    [
        google.jobs().len(),
        google.versions().len(),
        endpoints.len(),
        deployed.map(Vec::len).sum(),
    ]
}

#[tokio::test]
async fn a_dataflow_job_is_never_doubled() {
    never_two("dataflow", [1, 0, 0, 0]).await;
}

#[tokio::test]
async fn a_custom_job_is_never_doubled() {
    never_two("custom", [1, 0, 0, 0]).await;
}

#[tokio::test]
async fn a_tuning_job_is_never_doubled() {
    never_two("tuning", [1, 0, 0, 0]).await;
}

#[tokio::test]
async fn a_release_is_never_doubled() {
    never_two("release", [0, 1, 1, 1]).await;
}
