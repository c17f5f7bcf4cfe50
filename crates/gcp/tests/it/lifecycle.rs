//! A job's life, and all that can come between.

use std::time::Duration;

use gcp::api::Class;
use gcp::job::{
    Cancellation, GcpResources, JobError, JobKey, Jobs, Patience, Runner, Wanted, cleanup,
};
use serde_json::json;
use test_support::google::{FakeGoogle, Fault};

use crate::cloud::{custom_job, dataflow, key, patience, runner, template, vertex};

/// Runs a Dataflow job to its end.
async fn run(google: &FakeGoogle) -> Result<String, JobError> {
    let dataflow = dataflow(google).await;
    let job = runner(&dataflow).run(&key(), &template(), |_| Ok(())).await;
    job.map(|job| job.state)
}

fn count(google: &FakeGoogle, method: &str) -> usize {
    google
        .methods()
        .iter()
        .filter(|seen| *seen == method)
        .count()
}

#[tokio::test]
async fn a_job_is_created_recorded_and_followed() {
    let google = FakeGoogle::start().await;
    let dataflow = dataflow(&google).await;
    let mut record = GcpResources::default();
    let job = runner(&dataflow)
        .run(&key(), &template(), |job| {
            record.add(&dataflow, job);
            assert_eq!(
                count(&google, "jobs.get"),
                0,
                "recorded before the first look"
            );
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(job.state, "JOB_STATE_DONE");
    assert_eq!(job.document["labels"]["kfp-run"], "run-7");
    let uri = format!(
        "{}/v1b3/projects/prices/locations/us-central1/jobs/{}",
        google.endpoint(),
        job.name
    );
    assert_eq!(
        serde_json::to_value(&record).unwrap(),
        json!({"resources": [{"resourceType": "DataflowJob", "resourceUri": uri}]})
    );
    assert_eq!(
        dataflow.console(&job.name),
        format!(
            "https://console.cloud.google.com/dataflow/jobs/us-central1/{}?project=prices",
            job.name
        )
    );
}

#[tokio::test]
async fn a_second_attempt_finds_the_job_of_the_first() {
    let google = FakeGoogle::start().await;
    run(&google).await.unwrap();
    run(&google).await.unwrap();
    assert_eq!(google.jobs().len(), 1);
    assert_eq!(count(&google, "flexTemplates.launch"), 1);
}

#[tokio::test]
async fn work_that_failed_is_tried_again() {
    let google = FakeGoogle::start().await;
    google.script("dataflow", &["JOB_STATE_QUEUED", "JOB_STATE_FAILED"]);
    run(&google).await.unwrap_err();
    google.script("dataflow", &["JOB_STATE_QUEUED", "JOB_STATE_DONE"]);
    assert_eq!(run(&google).await.unwrap(), "JOB_STATE_DONE");
    assert_eq!(google.jobs().len(), 2);
}

#[tokio::test]
async fn a_job_being_cancelled_is_waited_for_and_not_adopted() {
    let google = FakeGoogle::start().await;
    google.script(
        "dataflow",
        &[
            "JOB_STATE_CANCELLING",
            "JOB_STATE_CANCELLING",
            "JOB_STATE_CANCELLED",
        ],
    );
    let client = dataflow(&google).await;
    client.create(&template()).await.unwrap();
    google.script("dataflow", &["JOB_STATE_QUEUED", "JOB_STATE_DONE"]);
    assert_eq!(run(&google).await.unwrap(), "JOB_STATE_DONE");
    assert_eq!(google.jobs().len(), 2);
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_makes_one_job() {
    for fault in [
        Fault::Lost,
        Fault::DoneBut(503),
        Fault::Truncated(30),
        Fault::Reset,
        Fault::Html(502),
        Fault::RetryAfter(429, 0),
    ] {
        let google = FakeGoogle::start().await;
        google.fault("flexTemplates.launch", fault.clone());
        google.fault("customJobs.create", fault.clone());
        run(&google).await.unwrap();
        assert_eq!(google.jobs().len(), 1, "{fault:?}");
        let jobs = vertex(&google).await.custom_jobs();
        let job = runner(&jobs).run(&key(), &custom_job(), |_| Ok(())).await;
        assert_eq!(job.unwrap().state, "JOB_STATE_SUCCEEDED", "{fault:?}");
        assert_eq!(google.jobs().len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn every_end_that_is_no_success_is_an_error() {
    for (state, class, expected) in [
        (
            "JOB_STATE_FAILED",
            Class::User,
            "JOB_STATE_FAILED: 400 INVALID_ARGUMENT: no such image; its log says: the program has \
             failed",
        ),
        (
            "JOB_STATE_CANCELLED",
            Class::Cancelled,
            "JOB_STATE_CANCELLED: 400 INVALID_ARGUMENT: no such image",
        ),
        ("JOB_STATE_EXPIRED", Class::User, "JOB_STATE_EXPIRED"),
    ] {
        let google = FakeGoogle::start().await;
        google.script("vertex", &["JOB_STATE_PENDING", state]);
        google.fail_with(json!({"code": 3, "message": "no such image"}));
        let jobs = vertex(&google).await.custom_jobs();
        let run = runner(&jobs).run(&key(), &custom_job(), |_| Ok(())).await;
        let error = run.unwrap_err();
        let (name, _) = &google.jobs()[0];
        let id = name.rsplit('/').next().unwrap();
        assert_eq!(
            error.to_string(),
            format!(
                "the custom job {name} ended as {expected}; see \
                 https://console.cloud.google.com/ai/platform/locations/us-central1/training/{id}?project=prices"
            )
        );
        assert_eq!(error.class(), class);
    }
}

#[tokio::test]
async fn a_partial_success_is_one_and_says_so() {
    let google = FakeGoogle::start().await;
    google.script(
        "vertex",
        &["JOB_STATE_PENDING", "JOB_STATE_PARTIALLY_SUCCEEDED"],
    );
    let jobs = vertex(&google).await.custom_jobs();
    let job = runner(&jobs).run(&key(), &custom_job(), |_| Ok(())).await;
    assert_eq!(job.unwrap().phase, gcp::job::Phase::Partial);
}

#[tokio::test]
async fn the_log_of_a_failed_dataflow_job_is_in_the_error() {
    let google = FakeGoogle::start().await;
    google.script("dataflow", &["JOB_STATE_QUEUED", "JOB_STATE_FAILED"]);
    google.fail_with(json!({"message": "Error at\n line 3: ya29.secret"}));
    let error = run(&google).await.unwrap_err();
    let (id, _) = &google.jobs()[0];
    assert_eq!(
        error.to_string(),
        format!(
            "the Dataflow job {id} ended as JOB_STATE_FAILED; its log says: Error at line 3: …; \
             see https://console.cloud.google.com/dataflow/jobs/us-central1/{id}?project=prices"
        )
    );
    assert_eq!(
        error.hint().unwrap(),
        "read the job's log in the console, correct it and run again"
    );
}

#[tokio::test]
async fn unknown_states_and_failing_looks_are_survived() {
    let google = FakeGoogle::start().await;
    google.script(
        "dataflow",
        &[
            "JOB_STATE_UNKNOWN",
            "JOB_STATE_STOPPED",
            "JOB_STATE_PAUSED",
            "JOB_STATE_DONE",
        ],
    );
    google.fault("jobs.get", Fault::refuse(404, "NOT_FOUND", "not yet"));
    google.fault("jobs.get", Fault::Reset);
    google.fault("jobs.get", Fault::Truncated(40));
    google.fault("jobs.get", Fault::Html(200));
    google.fault("jobs.get", Fault::Empty(503));
    google.fault(
        "messages.list",
        Fault::refuse(403, "PERMISSION_DENIED", "no"),
    );
    for _ in 0..10 {
        google.fault("jobs.get", Fault::Html(502));
    }
    assert_eq!(run(&google).await.unwrap(), "JOB_STATE_DONE");
}

#[tokio::test]
async fn a_job_that_is_out_of_sight_for_long_is_left_alone() {
    let google = FakeGoogle::start().await;
    let client = dataflow(&google).await;
    for _ in 0..200 {
        google.fault("jobs.get", Fault::Html(502));
    }
    let runner = Runner {
        patience: Patience {
            outage: Duration::from_millis(20),
            ..patience()
        },
        ..runner(&client)
    };
    let error = runner
        .run(&key(), &template(), |_| Ok(()))
        .await
        .unwrap_err();
    let (id, _) = &google.jobs()[0];
    assert_eq!(
        error.to_string(),
        format!(
            "lost sight of the Dataflow job {id}, which may still be running; see \
             https://console.cloud.google.com/dataflow/jobs/us-central1/{id}?project=prices"
        )
    );
    assert_eq!(error.class(), Class::Service);
    assert_eq!(count(&google, "jobs.update"), 0, "not cancelled");
}

#[tokio::test]
async fn what_must_not_be_repeated_is_not() {
    let error = json!({
        "message": "Permission 'dataflow.jobs.create' denied",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
                     "metadata": {"permission": "dataflow.jobs.create"}}],
    });
    let google = FakeGoogle::start().await;
    google.fault(
        "flexTemplates.launch",
        Fault::Refuse(403, "PERMISSION_DENIED", error),
    );
    let error = run(&google).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot create the Dataflow job");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(
        source.to_string(),
        format!(
            "POST {}/v1b3/projects/prices/locations/us-central1/flexTemplates:launch was answered \
             with 403 PERMISSION_DENIED: Permission 'dataflow.jobs.create' denied (permission \
             dataflow.jobs.create)",
            google.endpoint()
        )
    );
    assert_eq!(
        error.hint().unwrap(),
        "grant the account a role that has the permission dataflow.jobs.create"
    );
    assert_eq!(error.class(), Class::Permission);
    assert_eq!(count(&google, "flexTemplates.launch"), 1);
}

#[tokio::test]
async fn retries_end() {
    let google = FakeGoogle::start().await;
    for _ in 0..50 {
        google.fault("flexTemplates.launch", Fault::Html(503));
    }
    let error = run(&google).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot create the Dataflow job");
    assert_eq!(error.class(), Class::Service);
    assert_eq!(count(&google, "flexTemplates.launch"), 4);
    assert_eq!(count(&google, "jobs.list"), 4, "a look before each");
}

#[tokio::test]
async fn a_token_refused_midway_is_renewed() {
    let google = FakeGoogle::start().await;
    let client = dataflow(&google).await;
    let runner = runner(&client);
    let job = runner
        .launch(&key(), &template(), |_| Ok(()))
        .await
        .unwrap();
    google.revoke_token();
    assert_eq!(runner.follow(job).await.unwrap().state, "JOB_STATE_DONE");
}

#[tokio::test]
async fn limits_of_time_end_the_job() {
    const LIMIT: Duration = Duration::from_millis(10);
    for (state, what) in [
        ("JOB_STATE_QUEUED", "was queued"),
        ("JOB_STATE_RUNNING", "ran"),
    ] {
        let google = FakeGoogle::start().await;
        google.script("dataflow", &[state]);
        let client = dataflow(&google).await;
        let runner = Runner {
            patience: Patience {
                queue: Some(LIMIT),
                run: Some(LIMIT),
                ..patience()
            },
            ..runner(&client)
        };
        let error = runner
            .run(&key(), &template(), |_| Ok(()))
            .await
            .unwrap_err();
        let (id, now) = &google.jobs()[0];
        assert_eq!(
            error.to_string(),
            format!(
                "the Dataflow job {id} {what} for more than 0 s and ended as JOB_STATE_CANCELLED"
            )
        );
        assert_eq!(now, "JOB_STATE_CANCELLED");
    }
}

#[tokio::test]
async fn an_interrupted_run_cancels_its_job() {
    let google = FakeGoogle::start().await;
    google.script("dataflow", &["JOB_STATE_RUNNING"]);
    let client = dataflow(&google).await;
    let runner = runner(&client);
    let cancel = runner.cancel.clone();
    let error = runner
        .run(&key(), &template(), |_| {
            cancel.cancel();
            Ok(())
        })
        .await
        .unwrap_err();
    let (name, _) = google.jobs().remove(0);
    let outcome = Cancellation::Confirmed("JOB_STATE_CANCELLED".into());
    assert_eq!(
        error.to_string(),
        format!("interrupted; the Dataflow job {name} {outcome}")
    );
    assert_eq!(error.class(), Class::Cancelled);
    let methods = google.methods();
    assert_eq!(
        methods[..3],
        ["jobs.list", "flexTemplates.launch", "jobs.update"]
    );
}

#[tokio::test]
async fn an_interruption_before_the_job_creates_none() {
    let google = FakeGoogle::start().await;
    let client = dataflow(&google).await;
    let runner = runner(&client);
    runner.cancel.cancel();
    let error = runner
        .run(&key(), &template(), |_| Ok(()))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "interrupted before the Dataflow job was created"
    );
    assert_eq!(google.jobs(), []);
}

#[tokio::test]
async fn cleanup_finds_what_a_killed_step_left() {
    let google = FakeGoogle::start().await;
    google.script("dataflow", &["JOB_STATE_RUNNING"]);
    google.script("vertex", &["JOB_STATE_RUNNING"]);
    let client = dataflow(&google).await;
    let jobs = vertex(&google).await.custom_jobs();
    client.create(&template()).await.unwrap();
    jobs.create(&custom_job()).await.unwrap();
    let other = JobKey::new("run-8", "transform", ["x"]);
    client
        .create(&json!({"launchParameter": {"jobName": other.name(),
            "containerSpecGcsPath": "gs://t/x",
            "environment": {"additionalUserLabels": other.labels()}}}))
        .await
        .unwrap();
    let run = Wanted::Run("run-7");
    let listed = cleanup(&client, run, &patience(), true).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].outcome, None);
    assert_eq!(
        count(&google, "jobs.update"),
        0,
        "a dry run cancels nothing"
    );
    for _ in 0..2 {
        cleanup(&client, run, &patience(), false).await.unwrap();
        cleanup(&jobs, run, &patience(), false).await.unwrap();
    }
    let mut states: Vec<String> = google.jobs().into_iter().map(|job| job.1).collect();
    states.sort();
    assert_eq!(
        states,
        [
            "JOB_STATE_CANCELLED",
            "JOB_STATE_CANCELLED",
            "JOB_STATE_RUNNING"
        ]
    );
}

#[tokio::test]
async fn committed_metrics_are_read() {
    let google = FakeGoogle::start().await;
    google.metrics(vec![
        json!({"name": {"origin": "user", "name": "rejected", "context": {"tentative": "true"}}, "scalar": 4}),
        json!({"name": {"origin": "user", "name": "rejected", "context": {"step": "s3"}}, "scalar": 3}),
    ]);
    let client = dataflow(&google).await;
    let job = client.create(&template()).await.unwrap();
    let metrics = client.metrics(&job.name).await.unwrap();
    let shown: Vec<_> = metrics.iter().map(|m| (m.name.as_str(), m.value)).collect();
    assert_eq!(shown, [("rejected", 3.0)]);
}

#[tokio::test]
async fn a_request_is_checked_without_a_job() {
    let google = FakeGoogle::start().await;
    let client = dataflow(&google).await;
    client.validate(&template()).await.unwrap();
    let error = client.validate(&json!({"launchParameter": {}})).await;
    assert_eq!(
        error.unwrap_err().status().unwrap().message,
        "Required field launchParameter.jobName is not set."
    );
    assert_eq!(google.jobs(), []);
}
