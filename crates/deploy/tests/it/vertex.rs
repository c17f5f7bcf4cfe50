//! A model on an endpoint of a fake Vertex AI, which really predicts.

use std::process::{Command, Stdio};
use std::sync::Arc;

use model::{Model, PredictScratch};
use serde_json::{Value, json};
use test_support::gcs::FakeGcs;
use test_support::google::{FakeGoogle, Fault, Moment};

use crate::fixture::Fixture;
use crate::process::Sandbox;

struct Cloud {
    sandbox: Sandbox,
    storage: Arc<FakeGcs>,
    google: FakeGoogle,
}

#[derive(Debug)]
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    #[track_caller]
    fn outputs(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    #[track_caller]
    fn error(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self.stderr.lines().last().unwrap_or_default()
    }
}

impl Cloud {
    async fn new() -> Self {
        let cloud = Self {
            sandbox: Sandbox::with_model(Fixture::default()),
            storage: Arc::new(FakeGcs::start().await),
            google: FakeGoogle::start().await,
        };
        cloud.storage.create_bucket("bucket");
        let storage = Arc::clone(&cloud.storage);
        cloud
            .google
            .serve(move |version, request| Ok(predict(&storage, version, request)));
        cloud
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(arguments);
        command
            .envs(self.google.environment(&self.storage))
            .args(["--poll-interval", "0.01"]);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = output.await.unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    async fn deploy(&self, more: &[&str]) -> Run {
        self.run(&[&DEPLOY[..], more].concat()).await
    }

    /// Deploys another model than before, as another run.
    async fn deploy_fixture(&self, bias: f32, more: &[&str]) -> Run {
        Fixture::with_bias(bias).write(&self.sandbox.path("model"));
        self.deploy(&[&["--model", "model"], more].concat()).await
    }

    /// The versions on the endpoint and their shares.
    fn traffic(&self) -> Vec<(String, u64)> {
        let endpoints = self.google.endpoints();
        let Some(endpoint) = endpoints.first() else {
            return Vec::new();
        };
        let deployed = endpoint["deployedModels"].as_array();
        let mut shares: Vec<(String, u64)> = deployed
            .into_iter()
            .flatten()
            .map(|one| {
                let share = &endpoint["trafficSplit"][one["id"].as_str().unwrap()];
                let version = one["modelVersionId"].as_str().unwrap().to_owned();
                (version, share.as_u64().unwrap_or(0))
            })
            .collect();
        shares.sort();
        shares
    }
}

const DEPLOY: [&str; 11] = [
    "--target",
    "vertex",
    "--model-name",
    "btc",
    "--image",
    "registry/deploy:1",
    "--staging-location",
    "gs://bucket/staging",
    "--run-id",
    "run-7",
    "--check-timeout=5",
];

/// What `deploy serve` would answer for a version.
fn predict(storage: &FakeGcs, version: &Value, request: &Value) -> Value {
    let folder = version["artifactUri"].as_str().unwrap();
    let name = folder.strip_prefix("gs://bucket/").unwrap();
    let object = storage.object("bucket", &format!("{name}/model.onnx"));
    let model = Model::from_onnx(&object.unwrap().content).unwrap();
    let inputs = model.metadata().schema.inputs.clone();
    let instances = request["instances"].as_array().unwrap();
    let rows: Vec<f32> = instances
        .iter()
        .flat_map(|row| inputs.iter().map(|name| row[name].as_f64().unwrap() as f32))
        .collect();
    json!({"predictions": model.predict(&rows, &mut PredictScratch::default())})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_version_is_served_alone_and_again_changes_nothing() {
    let cloud = Cloud::new().await;
    for _ in 0..2 {
        let run = cloud
            .deploy(&["--model", "model", "--deployment", "out/deployment.json"])
            .await;
        let outputs = run.outputs();
        let parameters = &outputs["parameters"];
        assert_eq!(parameters["deployed"], true);
        assert_eq!(parameters["model_version"], "1");
        assert_eq!(
            parameters["served_endpoint"],
            format!(
                "{}/v1/projects/prices/locations/us-central1/endpoints/btc:predict",
                cloud.google.endpoint()
            )
        );
        let resources = parameters["gcp_resources"].as_str().unwrap();
        assert!(
            resources.contains(r#""resourceType":"VertexLro""#),
            "{resources}"
        );
        assert_eq!(cloud.traffic(), [("1".to_owned(), 100)]);
        assert_eq!(cloud.google.versions().len(), 1);
        let record = cloud.sandbox.json("out/deployment.json");
        assert_eq!(record["model_version"], "1");
        assert_eq!(record["golden_rows"], 3);
        assert_eq!(record["gate"]["passed"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_version_takes_over_and_the_first_comes_back() {
    let cloud = Cloud::new().await;
    cloud.deploy_fixture(0.5, &[]).await.outputs();
    let second = cloud
        .deploy_fixture(0.25, &["--deployment", "d.json"])
        .await;
    assert_eq!(second.outputs()["parameters"]["model_version"], "2");
    assert_eq!(cloud.sandbox.json("d.json")["previous_version"], "1");
    assert_eq!(cloud.traffic(), [("2".to_owned(), 100)]);
    let back = cloud.deploy(&["--rollback"]).await.outputs();
    assert_eq!(back["parameters"]["model_version"], "1");
    assert_eq!(cloud.traffic(), [("1".to_owned(), 100)]);
    let again = cloud.deploy(&["--to-version", "2"]).await.outputs();
    assert_eq!(again["parameters"]["model_version"], "2");
    assert_eq!(cloud.traffic(), [("2".to_owned(), 100)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_tried_out_and_promoted_or_not() {
    let cloud = Cloud::new().await;
    cloud.deploy_fixture(0.5, &[]).await.outputs();
    let tried = cloud.deploy_fixture(0.25, &["--canary", "20"]).await;
    let outputs = tried.outputs();
    assert_eq!(outputs["parameters"]["deployed"], false);
    assert_eq!(outputs["parameters"]["model_version"], "1");
    assert_eq!(
        cloud.traffic(),
        [("1".to_owned(), 80), ("2".to_owned(), 20)]
    );
    let back = cloud.deploy(&["--rollback"]).await.outputs();
    assert_eq!(back["parameters"]["model_version"], "1");
    assert_eq!(cloud.traffic(), [("1".to_owned(), 100)]);
    cloud
        .deploy_fixture(0.125, &["--canary", "20"])
        .await
        .outputs();
    let promoted = cloud.deploy(&["--promote"]).await.outputs();
    assert_eq!(promoted["parameters"]["model_version"], "3");
    assert_eq!(cloud.traffic(), [("3".to_owned(), 100)]);
    let nothing = cloud.deploy(&["--promote"]).await;
    assert_eq!(
        nothing.error(1),
        "error: `btc` has no canary to promote. Next step: deploy a model with --canary first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dedicated_endpoint_is_asked_at_its_own_host() {
    let cloud = Cloud::new().await;
    let flags = [
        "--dedicated-endpoint",
        "--request-log",
        "bq://prices.logs.btc",
    ];
    let outputs = cloud.deploy_fixture(0.5, &flags).await.outputs();
    let own = cloud.google.endpoint().replace("127.0.0.1", "localhost");
    let asked = format!("{own}/v1/projects/prices/locations/us-central1/endpoints/btc:predict");
    assert_eq!(outputs["parameters"]["served_endpoint"], asked);
    let endpoint = &cloud.google.endpoints()[0];
    assert_eq!(
        endpoint["predictRequestResponseLoggingConfig"],
        json!({
            "enabled": true,
            "samplingRate": 0.1,
            "bigqueryDestination": {"outputUri": "bq://prices.logs.btc"},
        })
    );
    // Another run finds the host without being told.
    let second = cloud.deploy_fixture(0.25, &[]).await.outputs();
    assert_eq!(second["parameters"]["served_endpoint"], asked);
    let back = cloud.deploy(&["--rollback"]).await.outputs();
    assert_eq!(back["parameters"]["served_endpoint"], asked);
    let run = cloud
        .deploy(&["--model", "model", "--request-log-rate", "0"])
        .await;
    assert_eq!(
        run.error(2),
        "error: --request-log-rate \"0\" is not a fraction above 0 and at most 1. Next step: use 1 to \
         log every request"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn old_versions_leave_the_registry() {
    let cloud = Cloud::new().await;
    for (bias, kept) in [(0.5, "1"), (0.25, "1 2"), (0.125, "2 3"), (0.0625, "3 4")] {
        cloud.deploy_fixture(bias, &["--keep", "1"]).await.outputs();
        let names = cloud.google.versions();
        let there: Vec<&str> = names
            .iter()
            .map(|name| name.rsplit('@').next().unwrap())
            .collect();
        assert_eq!(there.join(" "), kept);
    }
    let back = cloud.deploy(&["--rollback", "--keep", "1"]).await.outputs();
    assert_eq!(back["parameters"]["model_version"], "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_others_stay_in_the_registry() {
    let cloud = Cloud::new().await;
    cloud.deploy_fixture(0.5, &[]).await.outputs();
    let by_hand = cloud.google.versions().remove(0);
    cloud.google.disown(&by_hand);
    for bias in [0.25, 0.125, 0.0625] {
        cloud.deploy_fixture(bias, &["--keep", "1"]).await.outputs();
    }
    let names = cloud.google.versions();
    assert!(names.contains(&by_hand), "{names:?}");
    assert_eq!(names.len(), 3, "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_predicts_something_else_is_taken_off_again() {
    let cloud = Cloud::new().await;
    cloud.deploy_fixture(0.5, &[]).await.outputs();
    let storage = Arc::clone(&cloud.storage);
    cloud.google.serve(move |version, request| {
        let mut answer = predict(&storage, version, request);
        if version["versionId"] == "2" {
            answer["predictions"][0] = json!(1.0);
        }
        Ok(answer)
    });
    let run = cloud.deploy_fixture(0.25, &[]).await;
    let line = run.error(1);
    let begin = "error: version 2 of `btc` failed its check over HTTP, version 1 is served as \
                 before: ";
    assert!(line.starts_with(begin), "{line}");
    let end = " Next step: read the server's log; it may be of another build than this one";
    assert!(
        line.contains("predicts something else: golden row 0 predicts 1,"),
        "{line}"
    );
    assert!(line.ends_with(end), "{line}");
    assert_eq!(cloud.traffic(), [("1".to_owned(), 100)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_is_that_of_the_local_target() {
    let cloud = Cloud::new().await;
    Fixture::with_rmse(700.0).write(&cloud.sandbox.path("model"));
    let refused = cloud.deploy(&["--model", "model"]).await;
    assert!(
        refused
            .error(1)
            .starts_with("error: not deployed because its test RMSE of 700.00 USD"),
        "{}",
        refused.stderr
    );
    assert!(cloud.google.seen().is_empty());
    let reported = cloud
        .deploy(&["--model", "model", "--gate", "report"])
        .await;
    let outputs = reported.outputs();
    assert_eq!(outputs["parameters"]["deployed"], false);
    assert_eq!(outputs["parameters"]["model_version"], "");
    assert_eq!(cloud.google.versions().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_prints_the_requests() {
    let cloud = Cloud::new().await;
    let flags = ["--model", "model", "--machine-type", "n2-standard-2"];
    let dry = cloud.deploy(&[&flags[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert!(cloud.google.seen().is_empty());
    cloud.deploy(&flags).await.outputs();
    let body = |method: &str| {
        let seen = cloud.google.seen();
        let found = seen.into_iter().find(|seen| seen.method == method);
        found.unwrap().body
    };
    let mut upload = body("models.upload");
    upload.as_object_mut().unwrap().remove("modelId");
    let mut deploy = body("endpoints.deployModel").to_string();
    deploy = deploy.replace("btc@1", "btc@VERSION");
    for request in [
        format!("models:upload {upload}\n"),
        format!("endpoints?endpointId=btc {}\n", body("endpoints.create")),
        format!("endpoints/btc:deployModel {deploy}\n"),
    ] {
        assert!(dry.stdout.contains(&request), "{request}\n{}", dry.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_with_the_services_words_and_its_exit_code() {
    let cloud = Cloud::new().await;
    let quota = "The following quotas are exceeded: CustomModelServingCPUsPerProjectPerRegion";
    for _ in 0..6 {
        let fault = Fault::refuse(429, "RESOURCE_EXHAUSTED", quota);
        cloud.google.fault("endpoints.deployModel", fault);
    }
    let run = cloud.deploy(&["--model", "model"]).await;
    let line = run.error(75);
    assert!(
        line.contains(&format!("429 RESOURCE_EXHAUSTED: {quota}")),
        "{line}"
    );
    assert_eq!(cloud.traffic(), []);
    // The same again goes on from there.
    cloud.deploy(&["--model", "model"]).await.outputs();
    assert_eq!(cloud.google.versions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_deployment_started_again_ends_as_one() {
    let whole = Cloud::new().await;
    whole.deploy_fixture(0.5, &[]).await.outputs();
    let begun = whole.google.seen().len();
    whole.deploy_fixture(0.25, &[]).await.outputs();
    let mut killed = 0;
    for number in 0..whole.google.seen().len() - begun {
        for moment in [Moment::Before, Moment::After] {
            let cloud = Cloud::new().await;
            cloud.deploy_fixture(0.5, &[]).await.outputs();
            Fixture::with_bias(0.25).write(&cloud.sandbox.path("model"));
            cloud.google.hold(Some((number, moment)));
            let arguments = [&DEPLOY[..], &["--model", "model"]].concat();
            let mut child = cloud
                .command(&arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            tokio::select! {
                () = cloud.google.reached() => {}
                // How often the version tried out is asked varies.
                () = ended(&mut child) => continue,
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            cloud.google.hold(None);
            let again = cloud.deploy(&["--model", "model"]).await;
            let place = format!("killed {moment:?} request {number}");
            assert_eq!(again.code, Some(0), "{place}: {}", again.stderr);
            assert_eq!(cloud.traffic(), [("2".to_owned(), 100)], "{place}");
            assert_eq!(cloud.google.versions().len(), 2, "{place}");
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
async fn a_teardown_leaves_nothing_and_may_be_repeated() {
    let cloud = Cloud::new().await;
    cloud.deploy_fixture(0.5, &[]).await.outputs();
    cloud
        .deploy_fixture(0.25, &["--canary", "20"])
        .await
        .outputs();
    let teardown = ["teardown", "--target", "vertex", "--model-name", "btc"];
    let asked = cloud.run(&teardown).await;
    assert_eq!(
        asked.error(2),
        "error: nothing was removed: the teardown of `btc` was not confirmed. Next step: answer \
         y, or give --yes"
    );
    let dry = cloud.run(&[&teardown[..], &["--dry-run"]].concat()).await;
    assert_eq!(
        dry.stdout,
        "then removes the endpoint btc with 2 deployed models and the model `btc` with all its \
         versions from the project prices\n"
    );
    assert_eq!(cloud.google.versions().len(), 2);
    for _ in 0..2 {
        let run = cloud.run(&[&teardown[..], &["--yes"]].concat()).await;
        assert_eq!(run.outputs()["parameters"]["deployed"], false);
        assert_eq!(cloud.google.endpoints(), Vec::<Value>::new());
        assert_eq!(cloud.google.versions(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_handler_cancels_what_killed_steps_left() {
    let cloud = Cloud::new().await;
    gcp::install_tls();
    let client = reqwest::Client::new();
    let host = cloud.google.endpoint();
    let token = format!("{host}/computeMetadata/v1/instance/service-accounts/default/token");
    let token: Value = client
        .get(token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = token["access_token"].as_str().unwrap();
    for (path, body) in [
        (
            "v1/projects/prices/locations/us-central1/customJobs",
            json!({"displayName": "a", "labels": {"kfp-run": "run-7"}, "jobSpec": {"workerPoolSpecs":
                [{"machineSpec": {}, "replicaCount": "1", "containerSpec": {"imageUri": "i"}}]}}),
        ),
        (
            "v1b3/projects/prices/locations/us-central1/flexTemplates:launch",
            json!({"launchParameter": {"jobName": "a", "containerSpecGcsPath": "gs://t",
                "environment": {"additionalUserLabels": {"kfp-run": "run-7"}}}}),
        ),
        (
            "v1b3/projects/prices/locations/us-central1/flexTemplates:launch",
            json!({"launchParameter": {"jobName": "b", "containerSpecGcsPath": "gs://t",
                "environment": {"additionalUserLabels": {"kfp-run": "run-8"}}}}),
        ),
    ] {
        cloud.google.script("vertex", &["JOB_STATE_RUNNING"]);
        cloud.google.script("dataflow", &["JOB_STATE_RUNNING"]);
        let post = client.post(format!("{host}/{path}")).json(&body);
        let answer = post.bearer_auth(token).send().await.unwrap();
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
    }
    let status = r#"{"state": "FAILED", "error": {"message": "no"}}"#;
    let run = cloud
        .run(&[
            "finish",
            "--status",
            status,
            "--model-repository",
            "repo",
            "--project",
            "prices",
            "--run-id",
            "run-7",
            "--summary",
            "summary.md",
        ])
        .await;
    run.outputs();
    let mut states: Vec<String> = cloud.google.jobs().into_iter().map(|job| job.1).collect();
    states.sort();
    assert_eq!(
        states,
        [
            "JOB_STATE_CANCELLED",
            "JOB_STATE_CANCELLED",
            "JOB_STATE_RUNNING"
        ]
    );
    let summary = cloud.sandbox.text("summary.md");
    assert!(
        summary.contains("ended as JOB_STATE_CANCELLED"),
        "{summary}"
    );
}
