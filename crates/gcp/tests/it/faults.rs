//! Every fault on every engine: what comes of it, as the table in `docs/faults.md`.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use gcp::api::Class;
use gcp::job::{JobError, Jobs, Patience, Runner, Snapshot};
use serde_json::{Value, json};
use test_support::google::{FakeGoogle, Fault};

use crate::cloud::{custom_job, dataflow, key, patience, runner, template, tuning_job, vertex};
use crate::serving::{ENDPOINT, MODEL, deployment, make, version};

const INTRODUCTION: &str = "\
# Every fault, on every engine

What comes of a fault that the service, or the way to it, puts in the way of each engine. One test
(`crates/gcp/tests/it/faults.rs`) puts each of them in the way of each engine on a fake Google Cloud
and compares this file with what it saw; `UPDATE_DOCS=1 cargo test --package gcp faults` writes it.

A cell says how the step ends and how often the call with the fault was made. Ends other than `well`
are by whose move it is, and have an exit code: `user` 2, `permission` 77, `quota` 75, `service` 69,
`cancelled` 1. No fault makes a second job or deployment. The tests try a call 4 times, the components 6
times within 3 minutes; looks at a running job go on for 10 minutes.
";

#[derive(Clone, Copy)]
enum Engine {
    Dataflow,
    Custom,
    Tuning,
    Deployment,
}

const ENGINES: [Engine; 4] = [
    Engine::Dataflow,
    Engine::Custom,
    Engine::Tuning,
    Engine::Deployment,
];

/// Where a fault is.
#[derive(Clone, Copy)]
enum Place {
    Create,
    Look,
}

impl Engine {
    fn method(self, place: Place) -> &'static str {
        match (self, place) {
            (Self::Dataflow, Place::Create) => "flexTemplates.launch",
            (Self::Dataflow, Place::Look) => "jobs.get",
            (Self::Custom, Place::Create) => "customJobs.create",
            (Self::Custom, Place::Look) => "customJobs.get",
            (Self::Tuning, Place::Create) => "hyperparameterTuningJobs.create",
            (Self::Tuning, Place::Look) => "hyperparameterTuningJobs.get",
            (Self::Deployment, Place::Create) => "endpoints.deployModel",
            (Self::Deployment, Place::Look) => "operations.get",
        }
    }

    /// Does the engine's work while `prepare` has its way with the fake; then checks that nothing
    /// was made twice.
    async fn work(
        self,
        prepare: impl FnOnce(&FakeGoogle),
        patience: Patience,
    ) -> (Result<Snapshot, JobError>, FakeGoogle) {
        let google = FakeGoogle::start().await;
        let vertex = vertex(&google).await;
        let ended = match self {
            Self::Dataflow => {
                prepare(&google);
                follow(&dataflow(&google).await, &template(), patience).await
            }
            Self::Custom => {
                prepare(&google);
                follow(&vertex.custom_jobs(), &custom_job(), patience).await
            }
            Self::Tuning => {
                prepare(&google);
                follow(&vertex.tuning_jobs(), &tuning_job(), patience).await
            }
            Self::Deployment => {
                let upload = vertex.upload("close");
                make(&upload, &key(), &version(&key())).await.unwrap();
                let endpoint = json!({"displayName": "close", "labels": key().labels()});
                let create = vertex.endpoint("close");
                make(&create, &key(), &endpoint).await.unwrap();
                prepare(&google);
                let request = deployment(&format!("{MODEL}@1"), key().number(), &[("0", 100)]);
                follow(&vertex.deploy(ENDPOINT, key().number()), &request, patience).await
            }
        };
        let deployed = google.endpoints().first().map_or(0, |endpoint| {
            endpoint["deployedModels"].as_array().map_or(0, Vec::len)
        });
        let made = google.jobs().len() + deployed;
        assert!(made <= 1, "{} made {made}", self.method(Place::Create));
        (ended, google)
    }
}

async fn follow<J: Jobs>(
    jobs: &J,
    request: &Value,
    patience: Patience,
) -> Result<Snapshot, JobError> {
    let runner = Runner {
        patience,
        ..runner(jobs)
    };
    runner.run(&key(), request, |_| Ok(())).await
}

fn end(ended: &Result<Snapshot, JobError>) -> &'static str {
    match ended.as_ref().map_err(JobError::class) {
        Ok(_) => "well",
        Err(Class::User) => "user",
        Err(Class::Permission) => "permission",
        Err(Class::Quota) => "quota",
        Err(Class::Service) => "service",
        Err(Class::Cancelled) => "cancelled",
    }
}

/// The whole message, without what differs from run to run.
fn message(error: &JobError, google: &FakeGoogle) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text = text.replace(&google.endpoint(), "https://…");
    for (name, _) in google.jobs() {
        let id = name.rsplit('/').next().unwrap_or_default();
        text = text.replace(id, "ID");
    }
    // How long the attempts took depends on the machine.
    match text.split_once(" attempts in ") {
        Some((before, _)) => format!("{before} attempts in … s)"),
        None => text,
    }
}

/// A fault at a place, so many times, on every engine: a row of the table.
async fn row(what: &str, place: Place, fault: &Fault, times: usize) -> String {
    let mut cells = Vec::new();
    let mut said = String::new();
    for engine in ENGINES {
        let method = engine.method(place);
        let patience = Patience {
            // A fault that never ends shall not be looked at for minutes.
            outage: Duration::from_millis(if times > 1 { 30 } else { 60_000 }),
            ..patience()
        };
        let put =
            |google: &FakeGoogle| (0..times).for_each(|_| google.fault(method, fault.clone()));
        let (ended, google) = engine.work(put, patience).await;
        let calls = google.methods().iter().filter(|m| *m == method).count();
        cells.push(match place {
            Place::Create => format!("{}, {calls}", end(&ended)),
            // How often a job is looked at is a matter of time.
            Place::Look => end(&ended).to_owned(),
        });
        if let (Engine::Custom, Err(error)) = (engine, &ended) {
            said = message(error, &google);
        }
    }
    format!("| {what} | {} | {said} |\n", cells.join(" | "))
}

/// How jobs end by themselves: a row of the table.
async fn ending(
    what: &str,
    dataflow: Option<&'static str>,
    vertex: &'static str,
    code: u32,
) -> String {
    let mut cells = Vec::new();
    let mut said = String::new();
    for engine in ENGINES {
        let put = |google: &FakeGoogle| {
            google.script(
                "dataflow",
                &["JOB_STATE_QUEUED", dataflow.unwrap_or_default()],
            );
            google.script("vertex", &["JOB_STATE_PENDING", vertex]);
            if code > 0 {
                google.fail_with(json!({"code": code, "message": "the reason"}));
            }
        };
        // An operation has no states: it is done, or it failed.
        let has_state = match engine {
            Engine::Dataflow => dataflow.is_some(),
            Engine::Custom | Engine::Tuning => true,
            Engine::Deployment => code > 0 || vertex == "JOB_STATE_SUCCEEDED",
        };
        if !has_state {
            cells.push("–".to_owned());
            continue;
        }
        let (ended, google) = engine.work(put, patience()).await;
        cells.push(end(&ended).to_owned());
        if let (Engine::Custom, Err(error)) = (engine, &ended) {
            said = message(error, &google);
        }
    }
    format!("| {what} | {} | {said} |\n", cells.join(" | "))
}

fn head(title: &str, column: &str) -> String {
    format!(
        "\n## {title}\n\n| {column} | Dataflow job | custom job | tuning job | deployment | what the \
         custom job's step says |\n| --- | --- | --- | --- | --- | --- |\n"
    )
}

#[tokio::test]
async fn every_fault_ends_on_every_engine_as_documented() {
    let for_ever = 1000;
    let refuse = |http, code| Fault::refuse(http, code, "the reason");
    let mut table = INTRODUCTION.to_owned();
    for (title, place) in [
        ("When the job is created", Place::Create),
        ("While it is looked at", Place::Look),
    ] {
        table += &head(title, "fault");
        for (what, fault, times) in [
            ("the connection breaks, nothing was done", Fault::Reset, 1),
            ("it was done, the connection breaks", Fault::Lost, 1),
            (
                "it was done, the answer is cut off",
                Fault::Truncated(30),
                1,
            ),
            ("it was done, the answer is 503", Fault::DoneBut(503), 1),
            (
                "the answer is slow",
                Fault::Slow(Duration::from_millis(50)),
                1,
            ),
            ("an HTML page with 502", Fault::Html(502), 1),
            ("an HTML page with 200", Fault::Html(200), 1),
            ("500 without a body", Fault::Empty(500), 1),
            ("429 with `Retry-After`", Fault::RetryAfter(429, 0), 1),
            ("401 once", refuse(401, "UNAUTHENTICATED"), 1),
            ("401 for ever", refuse(401, "UNAUTHENTICATED"), for_ever),
            ("400", refuse(400, "INVALID_ARGUMENT"), for_ever),
            ("403", refuse(403, "PERMISSION_DENIED"), for_ever),
            ("404", refuse(404, "NOT_FOUND"), for_ever),
            ("429 for ever", refuse(429, "RESOURCE_EXHAUSTED"), for_ever),
            ("503 for ever", refuse(503, "UNAVAILABLE"), for_ever),
            ("connections break for ever", Fault::Reset, for_ever),
        ] {
            table += &row(what, place, &fault, times).await;
        }
    }
    table += &head("How it ends by itself", "end");
    let failed = (Some("JOB_STATE_FAILED"), "JOB_STATE_FAILED");
    for (what, (dataflow, vertex), code) in [
        ("done", (Some("JOB_STATE_DONE"), "JOB_STATE_SUCCEEDED"), 0),
        ("partly done", (None, "JOB_STATE_PARTIALLY_SUCCEEDED"), 0),
        ("expired", (None, "JOB_STATE_EXPIRED"), 0),
        (
            "drained or cancelled by somebody",
            (Some("JOB_STATE_DRAINED"), "JOB_STATE_CANCELLED"),
            1,
        ),
        ("failed: 3 INVALID_ARGUMENT", failed, 3),
        ("failed: 7 PERMISSION_DENIED", failed, 7),
        ("failed: 8 RESOURCE_EXHAUSTED", failed, 8),
        ("failed: 13 INTERNAL", failed, 13),
    ] {
        table += &ending(what, dataflow, vertex, code).await;
    }
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/faults.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&document, &table).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&document).unwrap(), table);
}
