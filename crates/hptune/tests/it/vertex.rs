//! A study as a tuning job of a fake Vertex AI.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use test_support::gcs::FakeGcs;
use test_support::google::{Containers, FakeGoogle, Machine, Moment};

use crate::Workspace;

struct Cloud {
    workspace: Workspace,
    storage: FakeGcs,
    google: FakeGoogle,
}

impl Cloud {
    /// A fake that answers every study with these trials.
    async fn with(trials: Value) -> Self {
        let cloud = Self {
            workspace: Workspace::new(),
            storage: FakeGcs::start().await,
            google: FakeGoogle::start().await,
        };
        cloud.storage.create_bucket("bucket");
        cloud.google.work(move |_| Ok(json!({"trials": trials})));
        cloud
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = self.workspace.command("out", &[]);
        command
            .envs(self.google.environment(&self.storage))
            .args(["--runner", "vertex", "--image", "registry/train:1"])
            .args(["--staging-location", "gs://bucket/staging"])
            .args(["--run-id", "run-7", "--poll-interval", "0.01"])
            .args(flags);
        command
    }

    async fn run(&self, flags: &[&str]) -> Output {
        let mut command = self.command(flags);
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        run.await.unwrap()
    }
}

fn stdout(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn trial(id: &str, state: &str, rate: f64, value: Option<f64>) -> Value {
    let mut trial = json!({
        "id": id, "state": state,
        "parameters": [
            {"parameterId": "learning-rate", "value": rate},
            {"parameterId": "first_layer_size", "value": 4.0},
            {"parameterId": "train_steps", "value": 50.0},
        ],
    });
    if let Some(value) = value {
        trial["finalMeasurement"] =
            json!({"stepCount": "50", "metrics": [{"metricId": "rmse", "value": value}]});
    }
    trial
}

/// As the service may give them: in no order.
fn trials() -> Value {
    json!([
        trial("3", "SUCCEEDED", 0.05, Some(0.5)),
        trial("1", "SUCCEEDED", 0.01, Some(0.75)),
        trial("2", "INFEASIBLE", 0.09, None),
        trial("10", "SUCCEEDED", 0.02, Some(0.5)),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_trial_is_found_and_the_failed_are_told() {
    let cloud = Cloud::with(trials()).await;
    let outputs = stdout(&cloud.run(&["--batch-size", "10"]).await);
    assert_eq!(outputs["parameters"]["best_metric_value"], 0.5);
    let resources = outputs["parameters"]["gcp_resources"].as_str().unwrap();
    let resources: Value = serde_json::from_str(resources).unwrap();
    assert_eq!(
        resources["resources"][0]["resourceType"],
        "HyperparameterTuningJob"
    );
    let best = cloud.workspace.json("out/best.json");
    assert_eq!(best["trial_id"], "3", "the earlier of two that are equal");
    assert_eq!(best["hyperparameters"]["learning_rate"], 0.05);
    assert_eq!(best["hyperparameters"]["first_layer_size"], 4);
    assert_eq!(best["hyperparameters"]["batch_size"], 10);
    let table = cloud.workspace.json("out/trials.json");
    let ids: Vec<_> = table["trials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trial| trial["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["1", "2", "3", "10"]);
    assert_eq!(
        table["trials"][1]["infeasibleReason"],
        "it ended as INFEASIBLE without its metrics"
    );
    assert_eq!(cloud.workspace.json("out/metrics.json")["trials"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_study_goes_there_as_it_is() {
    let cloud = Cloud::with(trials()).await;
    let mut study = cloud.workspace.json("study.json");
    study["studySpec"]["measurementSelectionType"] = json!("BEST_MEASUREMENT");
    study["maxFailedTrialCount"] = json!(3);
    cloud.workspace.write("study.json", study.to_string());
    stdout(&cloud.run(&["--seed", "5"]).await);
    let seen = cloud.google.seen();
    let created = seen.iter().find(|seen| seen.method.ends_with(".create"));
    let body = &created.unwrap().body;
    assert_eq!(body["studySpec"], study["studySpec"]);
    assert_eq!(body["maxTrialCount"], 10);
    assert_eq!(body["parallelTrialCount"], 2);
    assert_eq!(body["maxFailedTrialCount"], 3);
    let name = body["displayName"].as_str().unwrap();
    let container = &body["trialJobSpec"]["workerPoolSpecs"][0]["containerSpec"];
    assert_eq!(container["imageUri"], "registry/train:1");
    // No --train-steps: the study searches them.
    assert_eq!(
        container["args"],
        json!([
            format!("--examples=gs://bucket/staging/{name}/in/examples/examples"),
            "--batch-size=20",
            "--weight-decay=0.01",
            "--eval-steps=100",
            "--patience=0",
            "--seed=5",
            "--tuning-metric=rmse",
        ])
    );
    let plan = cloud.run(&["--seed", "5", "--dry-run"]).await;
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert!(
        plan.contains(&format!("hyperparameterTuningJobs {body}\n")),
        "{plan}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_a_good_trial_is_a_failed_study() {
    let cloud = Cloud::with(json!([trial("1", "INFEASIBLE", 0.1, None)])).await;
    let output = cloud.run(&[]).await;
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr.lines().last(),
        Some(
            "error: all 1 trials failed; the last one: it ended as INFEASIBLE without its \
             metrics. Next step: lower the study's largest learning_rate"
        )
    );
    assert!(!cloud.workspace.path("out").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_study_started_again_adopts_its_job() {
    let whole = Cloud::with(trials()).await;
    stdout(&whole.run(&[]).await);
    let outputs = whole.workspace.files("out");
    // Until the first look at the job; those after it are alike.
    let methods = whole.google.methods();
    let looked = methods.iter().position(|name| name.ends_with("Jobs.get"));
    let mut killed = 0;
    for number in 0..=looked.unwrap() {
        for moment in [Moment::Before, Moment::After] {
            let cloud = Cloud::with(trials()).await;
            cloud.google.hold(Some((number, moment)));
            let mut child = cloud.command(&[]).stderr(Stdio::null()).spawn().unwrap();
            cloud.google.reached().await;
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            cloud.google.hold(None);
            stdout(&cloud.run(&[]).await);
            let jobs = cloud.google.jobs().len();
            assert_eq!(jobs, 1, "killed {moment:?} request {number}");
            assert_eq!(cloud.workspace.files("out"), outputs);
        }
    }
    println!("killed at {killed} points");
    assert!(killed > 0);
}

/// `train` beside this crate's binary, if it was built.
fn train() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_BIN_EXE_hptune")).with_file_name("train");
    beside.exists().then_some(beside)
}

#[tokio::test(flavor = "multi_thread")]
async fn trials_are_runs_of_train() {
    let Some(program) = train() else {
        eprintln!("SKIPPED: there is no `train` beside `hptune`: cargo build -p train");
        return;
    };
    let cloud = Cloud::with(json!([])).await;
    let machine = Machine {
        containers: Containers::Program(program),
        env: vec![("STORAGE_EMULATOR_HOST".into(), cloud.storage.endpoint())],
    };
    cloud.google.work(move |request| machine.work(request));
    stdout(&cloud.run(&["--max-trial-count", "4"]).await);
    let table = cloud.workspace.json("out/trials.json");
    let trials = table["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 4);
    for trial in trials {
        assert_eq!(trial["state"], "SUCCEEDED", "{trial}");
    }
    // The same hyperparameters give the same metric in this process.
    let best = cloud.workspace.json("out/best.json");
    let model = cloud
        .storage
        .object_names("bucket")
        .into_iter()
        .filter(|name| name.ends_with("model/model.onnx"))
        .count();
    assert_eq!(model, 4, "every trial has a folder of its own");
    assert!(best["metric_value"].as_f64().unwrap() > 0.0);
}
