//! The table read by a job of a fake Dataflow.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use test_support::gcs::FakeGcs;
use test_support::google::{FakeGoogle, Fault, Moment};
use test_support::sandbox::Run;

use crate::harness::{Workspace, days};

struct Cloud {
    workspace: Workspace,
    storage: Arc<FakeGcs>,
    google: FakeGoogle,
}

impl Cloud {
    async fn new(raw: &str) -> Self {
        let cloud = Self {
            workspace: Workspace::new(raw),
            storage: Arc::new(FakeGcs::start().await),
            google: FakeGoogle::start().await,
        };
        cloud.storage.create_bucket("bucket");
        let storage = Arc::clone(&cloud.storage);
        cloud.google.work(move |request| {
            beam(&storage, request);
            Ok(json!({}))
        });
        cloud
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = self.workspace.command("raw.csv", flags);
        command
            .envs(self.google.environment(&self.storage))
            .args(["--runner", "dataflow", "--run-id", "run-7"])
            .args(["--staging-location", "gs://bucket/staging"])
            .args(["--poll-interval", "0.01"]);
        command
    }

    async fn run(&self, flags: &[&str]) -> Run {
        let mut command = self.command(flags);
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        Run::of(run.await.unwrap())
    }
}

/// What Apache Beam makes of the pipeline: the
/// series' records with their place, in several files and in no order, malformed ones aside.
fn beam(storage: &FakeGcs, request: &Value) {
    let object = |uri: &str| {
        let (bucket, name) = uri.strip_prefix("gs://").unwrap().split_once('/').unwrap();
        storage.object(bucket, name).unwrap().content
    };
    let parameters = &request["launchParameter"]["parameters"];
    let text = object(parameters["yaml_pipeline_file"].as_str().unwrap());
    let text = std::str::from_utf8(&text).unwrap();
    let text = text.strip_prefix("{% raw %}\n").unwrap();
    let text = text.strip_suffix("{% endraw %}\n").unwrap();
    let pipeline: Value = serde_yaml_ng::from_str(text).unwrap();
    let transforms = pipeline["pipeline"]["transforms"].as_array().unwrap();
    let config = |name: &str| {
        let found = transforms.iter().find(|one| one["name"] == name);
        &found.unwrap()["config"]
    };
    let columns: Vec<&str> = config("Records")["kwargs"]["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column.as_str().unwrap())
        .collect();
    let mut parts = [Vec::new(), Vec::new()];
    let mut aside = Vec::new();
    for element in config("Files")["elements"].as_array().unwrap() {
        let file = element["pattern"].as_str().unwrap();
        let content = object(file);
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(&content[..]);
        let header = reader.headers().unwrap().clone();
        let positions: Vec<usize> = columns
            .iter()
            .map(|column| header.iter().position(|name| name == *column).unwrap())
            .collect();
        for (number, record) in (1..).zip(reader.records()) {
            let record = record.unwrap();
            let cell = |position: &usize| record.get(*position).unwrap_or_default().to_owned();
            let cells: Vec<String> = positions.iter().map(cell).collect();
            if cells[0] != "bitcoin" {
                continue;
            }
            if record.len() != header.len() {
                let element =
                    json!({"file": file, "record": number, "whole": false, "cells": cells});
                let line = json!({"element": element, "msg": "ValueError()", "stack": "…"});
                aside.extend(format!("{line}\n").into_bytes());
                continue;
            }
            let mut line = csv::Writer::from_writer(Vec::new());
            let place = [file.to_owned(), number.to_string()];
            line.write_record(place.iter().chain(&cells)).unwrap();
            // The last written first.
            let part = &mut parts[number % 2];
            *part = [line.into_inner().unwrap(), std::mem::take(part)].concat();
        }
    }
    let output = config("Write")["path"].as_str().unwrap();
    let output = output.strip_prefix("gs://bucket/").unwrap();
    for (number, part) in parts.into_iter().enumerate() {
        storage.store("bucket", &format!("{output}-0000{number}-of-00002"), part);
    }
    let output = output.replace("rows", "malformed");
    storage.store("bucket", &format!("{output}-00000-of-00001"), aside);
}

/// A table of two series.
fn table() -> String {
    let rows = days(40);
    let other = rows.lines().skip(1).step_by(3);
    let other: String = other
        .map(|line| line.replacen("bitcoin", "other", 1) + "\n")
        .collect();
    rows + &other
}

/// The example files, which both runners must make alike.
fn examples(workspace: &Workspace) -> BTreeMap<String, Vec<u8>> {
    let mut files = workspace.files();
    files.retain(|name, _| !["schema.json", "statistics.json"].contains(&name.as_str()));
    files
}

fn counters(counts: &[(&str, u64)]) -> Vec<Value> {
    let metric = |(name, value): &(&str, u64)| {
        let context = json!({"namespace": "transform", "step": "s2"});
        json!({"name": {"origin": "user", "name": name, "context": context}, "scalar": value})
    };
    counts.iter().map(metric).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_are_those_of_the_local_runner() {
    let cloud = Cloud::new(&table()).await;
    let metrics = counters(&[("rows_read", 54), ("rows_kept", 40)]);
    cloud.google.metrics(metrics);
    let mut remote = cloud.run(&["--lag", "1"]).await.outputs();
    let files = examples(&cloud.workspace);
    assert_eq!(files.len(), 5, "{:?}", files.keys());
    let statistics = cloud.workspace.json("statistics.json");
    let local = Workspace::new(table());
    let mut wanted = local.done("raw.csv", &["--lag", "1"]);
    assert_eq!(files, examples(&local));
    assert_eq!(
        statistics["dataflow"],
        json!({"rows_read": 54, "rows_kept": 40, "rows_malformed": 0})
    );
    let mut expected = local.json("statistics.json");
    expected["dataflow"] = statistics["dataflow"].clone();
    assert_eq!(statistics, expected);
    let resources = remote["parameters"]["gcp_resources"].take();
    let resources: Value = serde_json::from_str(resources.as_str().unwrap()).unwrap();
    let resource = &resources["resources"][0];
    assert_eq!(resource["resourceType"], "DataflowJob");
    wanted["parameters"]["gcp_resources"].take();
    assert_eq!(remote["parameters"], wanted["parameters"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_records_are_set_aside_there_and_here() {
    let dirty = table() + "bitcoin,2020-03-01,1\nother,2020-03-01\n";
    let cloud = Cloud::new(&dirty).await;
    cloud.run(&[]).await.outputs();
    let local = Workspace::new(&dirty);
    local.done("raw.csv", &[]);
    let rows = |workspace: &Workspace| workspace.json("statistics.json")["rows"].clone();
    let mut remote = rows(&cloud.workspace);
    // The fake has no counters: what was gathered is what is known.
    assert_eq!(remote["scanned"], 41);
    remote["scanned"] = rows(&local)["scanned"].clone();
    assert_eq!(remote, rows(&local));
    assert_eq!(remote["rejected"], 1);
    let rejected = cloud.workspace.text("rejected.csv");
    let line = rejected.lines().nth(1).unwrap();
    assert!(line.contains(",rows.csv,42,"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_says_whose_the_job_is_and_on_what_it_runs() {
    let cloud = Cloud::new(&table()).await;
    let flags = [
        "--service-account=worker@prices.iam.gserviceaccount.com",
        "--network=vpc",
        "--subnetwork=regions/us-central1/subnetworks/s",
        "--private-ips",
        "--encryption-key=projects/p/locations/l/keyRings/r/cryptoKeys/k",
        "--job-label=team=prices",
        "--machine-type=n2-standard-2",
        "--num-workers=2",
        "--max-workers=9",
    ];
    cloud.run(&flags).await.outputs();
    let seen = cloud.google.seen();
    let launched = seen
        .iter()
        .find(|seen| seen.method == "flexTemplates.launch");
    let body = &launched.unwrap().body;
    let name = body["launchParameter"]["jobName"].as_str().unwrap();
    let key = name.strip_prefix("transform-").unwrap();
    let folder = format!("gs://bucket/staging/{name}");
    assert_eq!(
        *body,
        json!({"launchParameter": {
            "jobName": name,
            "containerSpecGcsPath":
                "gs://dataflow-templates-us-central1/latest/flex/Yaml_Template",
            "parameters": {"yaml_pipeline_file": format!("{folder}/pipeline.yaml")},
            "environment": {
                "numWorkers": 2,
                "maxWorkers": 9,
                "machineType": "n2-standard-2",
                "serviceAccountEmail": "worker@prices.iam.gserviceaccount.com",
                "tempLocation": format!("{folder}/temp"),
                "stagingLocation": format!("{folder}/staging"),
                "network": "vpc",
                "subnetwork": "regions/us-central1/subnetworks/s",
                "ipConfiguration": "WORKER_IP_PRIVATE",
                "kmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k",
                "additionalUserLabels": {
                    "kfp-run": "run-7", "kfp-task": "transform", "kfp-key": key, "team": "prices",
                },
            },
        }})
    );
    let dry = cloud.run(&[&flags[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    let request = format!(
        "then sends POST {}/v1b3/projects/prices/locations/us-central1/flexTemplates:launch {body}\n",
        cloud.google.endpoint()
    );
    assert!(dry.stdout.contains(&request), "{}", dry.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_can_be_checked_without_a_launch() {
    let cloud = Cloud::new(&table()).await;
    let run = cloud.run(&["--validate-only"]).await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(cloud.google.jobs().len(), 0);
    assert!(!cloud.workspace.path("examples").exists());
    let seen = cloud.google.seen();
    let [.., checked] = &seen[..] else {
        panic!("nothing was asked")
    };
    assert_eq!(checked.method, "flexTemplates.launch");
    assert_eq!(checked.body["validateOnly"], true);
    let name = &checked.body["launchParameter"]["jobName"];
    assert_eq!(
        run.stdout,
        format!(
            "Dataflow would launch {}; nothing was launched or written\n",
            name.as_str().unwrap()
        )
    );
    // What is checked is what is launched.
    cloud.run(&[]).await.outputs();
    let seen = cloud.google.seen();
    let launched = seen
        .iter()
        .rfind(|seen| seen.method == "flexTemplates.launch");
    assert_eq!(
        launched.unwrap().body["launchParameter"],
        checked.body["launchParameter"]
    );
    let refused = Fault::refuse(403, "PERMISSION_DENIED", "dataflow.jobs.create is missing.");
    cloud.google.fault("flexTemplates.launch", refused);
    let run = cloud.run(&["--validate-only"]).await;
    let line = run.error(77);
    assert!(
        line.starts_with("error: cannot have the launch checked: POST "),
        "{line}"
    );
    let local = Workspace::new(table());
    assert_eq!(
        local.run("raw.csv", &["--validate-only"]).error(2),
        "error: --validate-only has no request to check: the table is read by this process. Next \
         step: add --runner dataflow, or use --dry-run"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_says_why() {
    let cloud = Cloud::new(&table()).await;
    let reason = "ValueError: gs://b/raw.csv has no column ['close']";
    cloud
        .google
        .work(move |_| Err(json!({"code": 3, "message": reason})));
    let run = cloud.run(&[]).await;
    let jobs = cloud.google.jobs();
    let console = format!(
        "https://console.cloud.google.com/dataflow/jobs/us-central1/{}?project=prices",
        jobs[0].0
    );
    assert_eq!(
        run.error(2),
        format!(
            "error: the Dataflow job {} ended as JOB_STATE_FAILED; its log says: {reason}; see \
             {console}. Next step: read the job's log in the console, correct it and run again",
            jobs[0].0
        )
    );
    assert!(!cloud.workspace.path("examples/schema.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_is_used_up_has_its_exit_code() {
    let cloud = Cloud::new(&table()).await;
    for _ in 0..6 {
        cloud.google.fault(
            "flexTemplates.launch",
            Fault::refuse(
                429,
                "RESOURCE_EXHAUSTED",
                "Quota exceeded: jobs per project.",
            ),
        );
    }
    let run = cloud.run(&[]).await;
    let line = run.error(75);
    assert!(
        line.contains("429 RESOURCE_EXHAUSTED: Quota exceeded: jobs per project."),
        "{line}"
    );
    assert_eq!(cloud.google.jobs().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_started_again_adopts_its_job() {
    let whole = Cloud::new(&table()).await;
    whole.run(&[]).await.outputs();
    let outputs = whole.workspace.files();
    let mut killed = 0;
    for number in 0..whole.google.seen().len() {
        for moment in [Moment::Before, Moment::After] {
            let cloud = Cloud::new(&table()).await;
            cloud.google.hold(Some((number, moment)));
            let mut child = cloud.command(&[]).stderr(Stdio::null()).spawn().unwrap();
            let finished = tokio::select! {
                () = cloud.google.reached() => false,
                // Jobs take their time: there may be fewer requests than before.
                () = ended(&mut child) => true,
            };
            if finished {
                continue;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            cloud.google.hold(None);
            cloud.run(&[]).await.outputs();
            let jobs = cloud.google.jobs().len();
            assert_eq!(jobs, 1, "killed {moment:?} request {number}");
            assert_eq!(cloud.workspace.files(), outputs);
        }
    }
    println!("killed at {killed} points");
    assert!(killed > 0);
}

async fn ended(child: &mut std::process::Child) {
    while child.try_wait().unwrap().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_run_cancels_its_job() {
    let cloud = Cloud::new(&table()).await;
    cloud.google.work(|_| {
        std::thread::sleep(std::time::Duration::from_mins(10));
        Ok(json!({}))
    });
    let mut child = cloud.command(&[]).stderr(Stdio::null()).spawn().unwrap();
    while !cloud.google.methods().contains(&"jobs.get".to_owned()) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(killed.success());
    ended(&mut child).await;
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(cloud.google.jobs()[0].1, "JOB_STATE_CANCELLED");
}
