//! Training in a custom job of a fake Vertex AI, which really runs the program.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::gcs::FakeGcs;
use test_support::google::{Containers, FakeGoogle, Fault, Machine, Moment};

use crate::Workspace;

const STEPS: [&str; 2] = ["--train-steps", "50"];

/// A fresh folder with examples, a fake storage with a bucket, and a fake Google Cloud.
struct Cloud {
    workspace: Workspace,
    storage: Arc<FakeGcs>,
    google: FakeGoogle,
}

impl Cloud {
    async fn new() -> Self {
        let cloud = Self {
            workspace: Workspace::new(),
            storage: Arc::new(FakeGcs::start().await),
            google: FakeGoogle::start().await,
        };
        cloud.storage.create_bucket("bucket");
        let machine = Machine {
            containers: Containers::Program(env!("CARGO_BIN_EXE_train").into()),
            env: vec![("STORAGE_EMULATOR_HOST".into(), cloud.storage.endpoint())],
        };
        cloud.google.work(move |request| machine.work(request));
        cloud
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = self.workspace.command("out", &STEPS);
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

    async fn fail(&self, code: i32, flags: &[&str]) -> String {
        let output = self.run(flags).await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(!self.workspace.path("out/model/model.onnx").exists());
        stderr.lines().last().unwrap_or_default().to_owned()
    }
}

fn stdout(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outputs_are_those_of_the_local_runner() {
    let cloud = Cloud::new().await;
    let run = cloud.run(&[]).await;
    let mut remote = stdout(&run);
    let stderr = String::from_utf8_lossy(&run.stderr);
    let mut local = cloud.workspace.succeed("local", &STEPS);
    assert_eq!(cloud.workspace.files("out"), cloud.workspace.files("local"));
    assert!(stderr.contains("the program has begun"), "{stderr}");
    let uri = format!(
        "{}/v1/projects/123456/locations/us-central1/customJobs/",
        cloud.google.endpoint()
    );
    let resources = remote["parameters"]["gcp_resources"].take();
    let resources: Value = serde_json::from_str(resources.as_str().unwrap()).unwrap();
    let resource = &resources["resources"][0];
    assert_eq!(resource["resourceType"], "CustomJob");
    assert!(resource["resourceUri"].as_str().unwrap().starts_with(&uri));
    assert_eq!(
        local["parameters"]["gcp_resources"].take(),
        r#"{"resources":[]}"#
    );
    for outputs in [&mut remote, &mut local] {
        let artifacts = outputs["artifacts"].as_object_mut().unwrap();
        artifacts
            .values_mut()
            .for_each(|artifact| artifact["uri"] = Value::Null);
    }
    assert_eq!(remote, local);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_says_whose_the_job_is_and_on_what_it_runs() {
    let cloud = Cloud::new().await;
    let flags = [
        "--service-account=trainer@prices.iam.gserviceaccount.com",
        "--network=projects/1/global/networks/vpc",
        "--encryption-key=projects/p/locations/l/keyRings/r/cryptoKeys/k",
        "--job-label=team=prices",
        "--machine-type=n2-standard-8",
        "--run-timeout=3600",
        "--provisioning=spot",
    ];
    stdout(&cloud.run(&flags).await);
    let seen = cloud.google.seen();
    let created = seen.iter().find(|seen| seen.method == "customJobs.create");
    let body = &created.unwrap().body;
    let key = body["labels"]["kfp-key"].as_str().unwrap();
    let folder = format!("gs://bucket/staging/train-{key}");
    assert_eq!(
        *body,
        json!({
            "displayName": format!("train-{key}"),
            "labels": {"kfp-run": "run-7", "kfp-task": "train", "kfp-key": key, "team": "prices"},
            "encryptionSpec": {"kmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k"},
            "jobSpec": {
                "workerPoolSpecs": [{
                    "machineSpec": {"machineType": "n2-standard-8"},
                    "replicaCount": "1",
                    "containerSpec": {
                        "imageUri": "registry/train:1",
                        "command": ["/train"],
                        "args": [
                            format!("--examples={folder}/in/examples/examples"),
                            format!("--model={folder}/out/model"),
                            format!("--metrics={folder}/out/metrics.json"),
                            format!("--report={folder}/out/report.html"),
                            format!("--model-card={folder}/out/model_card.md"),
                            "--train-steps=50", "--first-layer-size=8", "--eval-steps=100",
                            "--patience=0", "--backtest=0", "--seed=0",
                        ],
                        "env": [{"name": "COMPONENT_IMAGE", "value": "registry/train:1"}],
                    },
                }],
                "scheduling": {
                    "timeout": "3600s", "strategy": "SPOT", "disableRetries": false,
                    "restartJobOnWorkerRestart": false,
                },
                "serviceAccount": "trainer@prices.iam.gserviceaccount.com",
                "network": "projects/1/global/networks/vpc",
                "baseOutputDirectory": {"outputUriPrefix": format!("{folder}/out/")},
            },
        })
    );
    // A dry run says the same and asks nobody.
    let before = cloud.google.seen().len();
    let dry = cloud.run(&[&flags[..], &["--dry-run"]].concat()).await;
    assert!(dry.status.success());
    let plan = String::from_utf8(dry.stdout).unwrap();
    let address = format!(
        "then sends POST {}/v1/projects/prices/locations/us-central1/customJobs {body}\n",
        cloud.google.endpoint()
    );
    assert!(plan.contains(&address), "{plan}");
    assert_eq!(cloud.google.seen().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_comes_with_the_services_words_and_its_exit_code() {
    const HELD: [&str; 2] = ["--machine-type", "n1-standard-4"];
    for (status, fault, code, expected) in [
        (
            403,
            json!({"message": "no", "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "IAM_PERMISSION_DENIED",
                "metadata": {"permission": "aiplatform.customJobs.create"}}]}),
            77,
            "403 PERMISSION_DENIED: no (permission aiplatform.customJobs.create). Next step: \
             grant the account a role that has the permission aiplatform.customJobs.create",
        ),
        (
            400,
            json!({"message": "List of found errors: 1.Field: job_spec; Message: no image"}),
            2,
            "400 INVALID_ARGUMENT: List of found errors: 1.Field: job_spec; Message: no image. \
             Next step: correct what the service names and run again",
        ),
    ] {
        let name = match status {
            403 => "PERMISSION_DENIED",
            _ => "INVALID_ARGUMENT",
        };
        let cloud = Cloud::new().await;
        cloud
            .google
            .fault("customJobs.create", Fault::Refuse(status, name, fault));
        let line = cloud.fail(code, &HELD).await;
        let begin = format!(
            "error: cannot create the custom job: POST {}/v1/projects/prices/locations/\
             us-central1/customJobs was answered with ",
            cloud.google.endpoint()
        );
        assert_eq!(line, format!("{begin}{expected}"));
        assert_eq!(cloud.google.jobs().len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_says_why() {
    const LOG: &str = "its log says: the program has failed";
    let cloud = Cloud::new().await;
    let quota = "The following quota metrics exceed quota limits: custom_model_training_cpus";
    for (error, code, expected) in [
        (
            json!({"code": 8, "message": quota}),
            75,
            format!(
                "429 RESOURCE_EXHAUSTED: {quota}; {LOG}; see CONSOLE. Next step: wait, ask for less, or \
                 have the quota raised (console, IAM & Admin, Quotas)"
            ),
        ),
        (
            json!({"code": 13, "message": "Internal error occurred."}),
            69,
            format!(
                "500 INTERNAL: Internal error occurred.; {LOG}; see CONSOLE. Next step: run again \
                 later: work already started is found"
            ),
        ),
    ] {
        cloud.google.work(move |_| Err(error.clone()));
        let line = cloud.fail(code, &[]).await;
        let jobs = cloud.google.jobs();
        let (name, _) = jobs.last().unwrap();
        let id = name.rsplit('/').next().unwrap();
        let console = format!(
            "https://console.cloud.google.com/ai/platform/locations/us-central1/training/{id}\
             ?project=prices"
        );
        let expected = expected.replace("CONSOLE", &console);
        assert_eq!(
            line,
            format!("error: the custom job {name} ended as JOB_STATE_FAILED: {expected}")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_started_again_adopts_its_job() {
    let whole = Cloud::new().await;
    stdout(&whole.run(&[]).await);
    let outputs = whole.workspace.files("out");
    // Until the first look at the job; those after it are alike.
    let requests = whole.google.methods();
    let looked = requests.iter().position(|name| name == "customJobs.get");
    let mut killed = 0;
    for number in 0..=looked.unwrap() {
        for moment in [Moment::Before, Moment::After] {
            let cloud = Cloud::new().await;
            cloud.google.hold(Some((number, moment)));
            let mut child = cloud.command(&[]).stderr(Stdio::null()).spawn().unwrap();
            cloud.google.reached().await;
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            cloud.google.hold(None);
            stdout(&cloud.run(&[]).await);
            assert_eq!(
                cloud.google.jobs().len(),
                1,
                "killed {moment:?} request {number}"
            );
            assert_eq!(cloud.workspace.files("out"), outputs);
        }
    }
    println!("killed at {killed} points");
    assert!(killed > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_run_cancels_its_job() {
    let cloud = Cloud::new().await;
    // It never ends by itself.
    cloud.google.script("vertex", &["JOB_STATE_RUNNING"]);
    cloud.google.work(|_| {
        std::thread::sleep(Duration::from_mins(10));
        Ok(json!({}))
    });
    let child = cloud.command(&[]).stderr(Stdio::piped()).spawn().unwrap();
    while !cloud
        .google
        .methods()
        .contains(&"customJobs.get".to_owned())
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(killed.success());
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    let output = output.await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(143), "{stderr}");
    let jobs = cloud.google.jobs();
    assert_eq!(jobs[0].1, "JOB_STATE_CANCELLED");
    let fate = format!(
        "interrupted; the custom job {} ended as JOB_STATE_CANCELLED",
        jobs[0].0
    );
    assert!(stderr.contains(&fate), "{stderr}");
    assert_eq!(
        stderr.lines().last(),
        Some(
            "error: train was cancelled by SIGTERM; outputs are as they were before, or \
             complete. Next step: run it again to finish"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_job_left_must_be_a_model() {
    let cloud = Cloud::new().await;
    let storage = Arc::clone(&cloud.storage);
    cloud.google.work(move |request| {
        let base = &request["jobSpec"]["baseOutputDirectory"]["outputUriPrefix"];
        let base = base.as_str().unwrap().strip_prefix("gs://bucket/").unwrap();
        for name in [
            "model/model.onnx",
            "model/golden.json",
            "metrics.json",
            "report.html",
            "model_card.md",
        ] {
            storage.store("bucket", &format!("{base}{name}"), "nothing");
        }
        Ok(json!({}))
    });
    let line = cloud.fail(1, &[]).await;
    let begin = "error: the job ended well, but gs://bucket/staging/train-";
    assert!(line.starts_with(begin), "{line}");
    let end = "Next step: give an image of the same version of `train` as --image, and run again";
    assert!(
        line.contains("/out/model/model.onnx is not the model it should have written: "),
        "{line}"
    );
    assert!(line.ends_with(end), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_a_job_the_platform_s_folders_are_used() {
    let cloud = Cloud::new().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_train"));
    command
        .env_clear()
        .current_dir(cloud.workspace.path(""))
        .args(["--examples", "examples", "--learning_rate", "0.01"])
        .args(["--train_steps", "50.0", "--first_layer_size=8"])
        .args([
            "--tuning-metric",
            "rmse,parameter_count",
            "--eval-steps",
            "25",
        ])
        .env("STORAGE_EMULATOR_HOST", cloud.storage.endpoint())
        .env("AIP_MODEL_DIR", "gs://bucket/job/model/")
        .env("AIP_TENSORBOARD_LOG_DIR", "gs://bucket/job/logs/")
        .env("CLOUD_ML_TRIAL_ID", "7")
        .env("CLOUD_ML_HP_METRIC_FILE", "hypertune/output.metrics");
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    stdout(&run.await.unwrap());
    assert_eq!(
        cloud.storage.object_names("bucket"),
        [
            "job/logs/events.out.tfevents.0.train",
            "job/model/golden.json",
            "job/model/metrics.json",
            "job/model/model.onnx",
        ]
    );
    let report = std::fs::read_to_string(cloud.workspace.path("hypertune/output.metrics"));
    let report = report.unwrap();
    let lines: Vec<Value> = report
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let steps: Vec<_> = lines
        .iter()
        .map(|line| line["global_step"].as_str().unwrap())
        .collect();
    assert_eq!(steps[..3], ["0", "25", "50"]);
    let last = lines.last().unwrap();
    assert_eq!(last["trial"], "7");
    assert!(last["timestamp"].is_number());
    let kept: f64 = last["rmse"].as_str().unwrap().parse().unwrap();
    let object = cloud.storage.object("bucket", "job/model/metrics.json");
    let metrics: Value = serde_json::from_slice(&object.unwrap().content).unwrap();
    let rmse = metrics["eval"]["model"]["root_mean_squared_error"].as_f64();
    assert!(
        (kept - rmse.unwrap()).abs() <= 1e-9 * kept,
        "{kept} {rmse:?}"
    );
}

#[test]
fn a_model_without_a_folder_is_wrong_usage() {
    let workspace = Workspace::new();
    let output = Command::new(env!("CARGO_BIN_EXE_train"))
        .env_clear()
        .current_dir(workspace.path(""))
        .args(["--examples", "examples"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr.lines().last(),
        Some(
            "error: there is no folder for the model: neither --model nor AIP_MODEL_DIR. Next \
             step: give --model DIR"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_before_anybody_is_asked() {
    let cloud = Cloud::new().await;
    for (flag, value, expected) in [
        (
            "--staging-location",
            "/tmp/here",
            "error: --staging-location /tmp/here is not on Cloud Storage, where a job could \
             reach it. Next step: give --staging-location as gs://bucket/folder",
        ),
        (
            "--image",
            "",
            "error: --image is missing. Next step: give --image; see docs/google-cloud.md",
        ),
    ] {
        let mut command = cloud.workspace.command("out", &STEPS);
        command
            .env("GOOGLE_CLOUD_PROJECT", "prices")
            .args(["--runner=vertex"])
            .arg(format!("{flag}={value}"));
        if flag != "--image" {
            command.arg("--image=registry/train:1");
        }
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert_eq!(stderr.lines().last(), Some(expected));
    }
    assert!(cloud.google.seen().is_empty());
}
