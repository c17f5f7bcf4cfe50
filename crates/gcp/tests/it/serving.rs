//! Models, endpoints and deployments: each change is made once.

use std::collections::BTreeMap;

use gcp::api::Class;
use gcp::job::{JobError, JobKey, Jobs, Snapshot};
use gcp::vertex::{Change, Deployment, MachineSpec, ModelVersion, Port, ServingContainer, Vertex};
use serde_json::{Value, json};
use test_support::google::{FakeGoogle, Fault};

use crate::cloud::{runner, vertex};

pub(crate) const ENDPOINT: &str = "projects/prices/locations/us-central1/endpoints/close";
pub(crate) const MODEL: &str = "projects/prices/locations/us-central1/models/close";

fn key(version: &str) -> JobKey {
    JobKey::new("run-7", "deploy", [version])
}

pub(crate) fn version(key: &JobKey) -> Value {
    let version = ModelVersion {
        display_name: "close".into(),
        aliases: vec!["candidate".into()],
        artifact_uri: Some("gs://b/model/".into()),
        container: ServingContainer {
            image_uri: "us-central1-docker.pkg.dev/prices/r/deploy:1".into(),
            ports: vec![Port {
                container_port: 8080,
            }],
            predict_route: "/predict".into(),
            health_route: "/health".into(),
            ..ServingContainer::default()
        },
        ..ModelVersion::default()
    };
    version.request(key)
}

pub(crate) fn deployment(model: &str, id: u64, traffic: &[(&str, u32)]) -> Value {
    let deployment = Deployment {
        model: model.into(),
        display_name: "close".into(),
        machine: MachineSpec {
            machine_type: "n1-standard-2".into(),
            ..MachineSpec::default()
        },
        min_replicas: 1,
        max_replicas: 2,
        service_account: None,
        traffic: traffic
            .iter()
            .map(|(id, share)| ((*id).to_owned(), *share))
            .collect(),
    };
    deployment.request(id)
}

pub(crate) async fn make(
    change: &Change,
    key: &JobKey,
    request: &Value,
) -> Result<Snapshot, JobError> {
    runner(change).run(key, request, |_| Ok(())).await
}

/// One release from nothing: a version, an endpoint, the version on it with all traffic.
pub(crate) async fn release(vertex: &Vertex) {
    let key = key("1");
    make(&vertex.upload("close"), &key, &version(&key))
        .await
        .unwrap();
    let endpoint = json!({"displayName": "close", "labels": key.labels()});
    make(&vertex.endpoint("close"), &key, &endpoint)
        .await
        .unwrap();
    let id = key.number();
    let request = deployment(&format!("{MODEL}@1"), id, &[("0", 100)]);
    make(&vertex.deploy(ENDPOINT, id), &key, &request)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_release_made_again_changes_nothing() {
    let google = FakeGoogle::start().await;
    let vertex = vertex(&google).await;
    for _ in 0..2 {
        release(&vertex).await;
        assert_eq!(google.versions(), [format!("{MODEL}@1")]);
        let endpoints = google.endpoints();
        assert_eq!(endpoints.len(), 1);
        assert_eq!(endpoints[0]["deployedModels"].as_array().unwrap().len(), 1);
        let split = json!({key("1").number().to_string(): 100});
        assert_eq!(endpoints[0]["trafficSplit"], split);
    }
}

#[tokio::test]
async fn a_second_version_takes_over_and_all_is_taken_down() {
    let google = FakeGoogle::start().await;
    let vertex = vertex(&google).await;
    release(&vertex).await;
    let (old, new) = (key("1").number(), key("2").number());
    let uploaded = make(&vertex.upload("close"), &key("2"), &version(&key("2")))
        .await
        .unwrap();
    assert_eq!(uploaded.document["modelVersionId"], "2");
    let canary = deployment(
        &format!("{MODEL}@2"),
        new,
        &[("0", 10), (&old.to_string(), 90)],
    );
    make(&vertex.deploy(ENDPOINT, new), &key("2"), &canary)
        .await
        .unwrap();
    assert_eq!(
        google.endpoints()[0]["trafficSplit"],
        json!({old.to_string(): 90, new.to_string(): 10})
    );
    let all = BTreeMap::from([(new.to_string(), 100)]);
    vertex.set_traffic(ENDPOINT, &all).await.unwrap();
    let aliases = ["default", "-candidate"];
    vertex
        .set_aliases(&format!("{MODEL}@2"), &aliases)
        .await
        .unwrap();
    let model = vertex.lookup(MODEL).await.unwrap().unwrap();
    assert_eq!(
        (&model["versionId"], &model["versionAliases"]),
        (&json!("2"), &json!(["default"]))
    );

    // Taken down in the right order, twice: what is gone is fine.
    for _ in 0..2 {
        for id in [old, new] {
            let request = json!({"deployedModelId": id.to_string()});
            let undeploy = vertex.undeploy(ENDPOINT, &id.to_string());
            make(&undeploy, &key("down"), &request).await.unwrap();
        }
        for name in [ENDPOINT, MODEL] {
            make(&vertex.delete(name), &key("down"), &Value::Null)
                .await
                .unwrap();
        }
        assert_eq!(google.versions(), Vec::<String>::new());
        assert_eq!(google.endpoints(), Vec::<Value>::new());
    }
}

#[tokio::test]
async fn a_change_waits_for_another_one() {
    let google = FakeGoogle::start().await;
    let vertex = vertex(&google).await;
    release(&vertex).await;
    let other = deployment(&format!("{MODEL}@1"), 77, &[]);
    vertex.deploy(ENDPOINT, 77).create(&other).await.unwrap();
    let mine = deployment(&format!("{MODEL}@1"), 78, &[]);
    make(&vertex.deploy(ENDPOINT, 78), &key("3"), &mine)
        .await
        .unwrap();
    let endpoints = google.endpoints();
    let deployed = endpoints[0]["deployedModels"].as_array().unwrap();
    let ids: Vec<&str> = deployed
        .iter()
        .filter_map(|model| model["id"].as_str())
        .collect();
    assert_eq!(ids, [&key("1").number().to_string(), "77", "78"]);
}

#[tokio::test]
async fn lost_answers_double_nothing() {
    for fault in [Fault::Lost, Fault::DoneBut(503), Fault::Reset] {
        let google = FakeGoogle::start().await;
        for method in [
            "models.upload",
            "endpoints.create",
            "endpoints.deployModel",
            "operations.get",
        ] {
            google.fault(method, fault.clone());
        }
        release(&vertex(&google).await).await;
        assert_eq!(google.versions().len(), 1, "{fault:?}");
        let endpoints = google.endpoints();
        assert_eq!(
            endpoints[0]["deployedModels"].as_array().unwrap().len(),
            1,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn an_operation_that_fails_says_why() {
    let google = FakeGoogle::start().await;
    let vertex = vertex(&google).await;
    google.fail_with(json!({"code": 8, "message": "the CPUs are used up"}));
    let endpoint = json!({"displayName": "close"});
    let error = make(&vertex.endpoint("close"), &key("1"), &endpoint)
        .await
        .unwrap_err();
    let JobError::Ended { name, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(
        error.to_string(),
        format!(
            "the endpoint {name} ended as FAILED: 429 RESOURCE_EXHAUSTED: the CPUs are used up; see \
             https://console.cloud.google.com/vertex-ai/online-prediction/locations/us-central1/\
             endpoints/close?project=prices"
        )
    );
    assert_eq!(error.class(), Class::Quota);
}
