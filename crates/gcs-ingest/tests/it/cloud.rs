//! Transfers into buckets of a wire fake of Cloud Storage.

use serde_json::Value;
use test_support::gcs::{FakeGcs, Fault as CloudFault, Operation, StoredObject};
use test_support::http_source::{Fault, HttpSource, Length, Resource};
use tokio::runtime::Runtime;

use crate::harness::{Run, Sandbox};

const PATH: &str = "/data.csv";
const SIZE: u64 = 20_000_000;

struct Cloud {
    sandbox: Sandbox,
    source: HttpSource,
    fake: FakeGcs,
    /// Serves the fake; dropped after it.
    _runtime: Runtime,
}

impl Cloud {
    fn new(resource: Resource) -> Self {
        let runtime = Runtime::new().unwrap();
        let fake = runtime.block_on(FakeGcs::start());
        Self {
            sandbox: Sandbox::new(),
            source: HttpSource::serving(PATH, resource),
            fake,
            _runtime: runtime,
        }
    }

    /// The same with the bucket `bucket` in it.
    fn with_bucket(resource: Resource) -> Self {
        let cloud = Self::new(resource);
        cloud.fake.create_bucket("bucket");
        cloud
    }

    fn command(&self, flags: &[&str]) -> std::process::Command {
        let url = self.source.url(PATH);
        let mut args = vec![
            "--source",
            &url,
            "--destination",
            "gs://bucket/raw/data.csv",
        ];
        args.extend_from_slice(flags);
        let mut command = self.sandbox.command(args);
        command.env("STORAGE_EMULATOR_HOST", self.fake.endpoint());
        command
    }

    fn run(&self, flags: &[&str]) -> Run {
        Run::of(self.command(flags).output().unwrap())
    }

    #[track_caller]
    fn metadata(&self) -> Value {
        self.run(&[]).metadata()
    }

    fn object(&self) -> Option<StoredObject> {
        self.fake.object("bucket", "raw/data.csv")
    }

    #[track_caller]
    fn holds(&self, resource: &Resource) {
        assert!(
            self.object().unwrap().content == resource.body.to_vec(),
            "the content differs"
        );
        assert_eq!(self.fake.object_names("bucket"), ["raw/data.csv"]);
        assert!(
            self.sandbox.visible().is_empty(),
            "{:?}",
            self.sandbox.visible()
        );
    }
}

#[test]
fn an_object_holds_the_data_its_type_and_where_it_came_from() {
    let resource = Resource::new("slug,close\n");
    let cloud = Cloud::with_bucket(resource.clone());
    let outputs = cloud.run(&[]).outputs();
    cloud.holds(&resource);
    assert_eq!(
        outputs["parameters"]["raw_data_uri"],
        "gs://bucket/raw/data.csv"
    );
    let metadata = &outputs["artifacts"]["raw_data"]["metadata"];
    let object = cloud.object().unwrap();
    assert_eq!(object.content_type, "text/csv");
    for key in ["source", "final_url", "etag", "sha256", "retrieved_at"] {
        assert_eq!(metadata[key], object.metadata[key], "{key}");
    }
    assert_eq!(metadata["bytes"], 11);
    assert_eq!(metadata["crc32c"].as_str().unwrap().len(), 8);
}

#[test]
fn a_second_run_costs_one_head_and_one_look_at_the_object() {
    let cloud = Cloud::with_bucket(Resource::new("slug,close\n"));
    let first = cloud.metadata();
    let calls = cloud.fake.calls().len();
    assert_eq!(cloud.metadata(), first);
    assert_eq!(
        (cloud.source.count("HEAD"), cloud.source.count("GET")),
        (1, 1)
    );
    assert_eq!(cloud.fake.calls()[calls..], [Operation::GetObject]);
}

#[test]
fn the_bucket_is_made_once() {
    let resource = Resource::new("slug,close\n");
    let cloud = Cloud::new(resource.clone());
    let flags = ["--create-bucket", "--project", "my-project"];
    for _ in 0..2 {
        cloud.run(&flags).outputs();
        cloud.holds(&resource);
    }
}

#[test]
fn a_missing_bucket_is_named() {
    let cloud = Cloud::new(Resource::new("slug,close\n"));
    assert_eq!(
        cloud.run(&[]).error(1),
        "error: the bucket gs://bucket does not exist. Next step: check the bucket's name, or \
         have gcs-ingest make it with --create-bucket"
    );
}

#[test]
fn both_ends_may_break() {
    let resource = Resource::generated(SIZE);
    let cloud = Cloud::with_bucket(resource.clone());
    let cut = Fault::Cut(7_000_000);
    cloud
        .source
        .script(PATH, [cut.clone(), Fault::status(503), cut.clone(), cut]);
    cloud
        .fake
        .fail(Operation::Upload, CloudFault::Keep(1 << 20));
    cloud.fake.fail(Operation::Upload, CloudFault::Status(503));
    cloud.run(&[]).outputs();
    cloud.holds(&resource);
}

#[test]
fn an_unknown_length_is_no_obstacle() {
    let resource = Resource::generated(SIZE).length(Length::Chunked);
    let cloud = Cloud::with_bucket(resource.clone());
    cloud.source.script(PATH, [Fault::Cut(7_000_000)]);
    cloud.run(&[]).outputs();
    cloud.holds(&resource);
}

#[test]
fn a_changing_source_is_never_mixed() {
    let cloud = Cloud::with_bucket(Resource::generated(SIZE));
    let changed = Resource::new("x".repeat(SIZE as usize)).etag(Some("\"v2\""));
    cloud.source.script(
        PATH,
        [Fault::Cut(12_000_000), Fault::Replace(changed.clone())],
    );
    cloud.run(&[]).outputs();
    cloud.holds(&changed);
}

#[test]
fn nothing_refused_is_ever_stored() {
    let cloud = Cloud::with_bucket(Resource::generated(SIZE));
    let wrong = "0".repeat(64);
    let url = cloud.source.url(PATH);
    let error = cloud.run(&["--sha256", &wrong]).error(1).to_owned();
    assert!(
        error.starts_with(&format!("error: cannot read {url}: the SHA-256 is ")),
        "{error}"
    );
    assert!(
        error.contains(&format!(", not the expected {wrong}. Next step: ")),
        "{error}"
    );
    assert_eq!(cloud.object(), None);

    cloud.source.put(PATH, Resource::new("<!DOCTYPE html>"));
    cloud.run(&[]).error(1);
    assert_eq!(cloud.object(), None);
}

#[test]
fn being_killed_leaves_nothing_or_the_object_before() {
    let resource = Resource::generated(SIZE);
    let cloud = Cloud::with_bucket(resource.clone());
    let mut reached = 0;
    let kill_at = |reached: usize| {
        let mut child = cloud.command(&[]).spawn().unwrap();
        cloud.source.wait_for_faults(reached);
        child.kill().unwrap();
        child.wait().unwrap();
    };
    for point in [0, 1, 9_000_000, SIZE - 1] {
        cloud.source.script(PATH, [Fault::Stall(point)]);
        reached += 1;
        kill_at(reached);
        assert_eq!(cloud.object(), None, "killed after {point} bytes");
    }
    cloud.run(&[]).outputs();
    cloud.holds(&resource);

    let changed = Resource::new("x".repeat(SIZE as usize)).etag(Some("\"v2\""));
    cloud.source.put(PATH, changed.clone());
    // The first request is the HEAD.
    cloud
        .source
        .script(PATH, [Fault::None, Fault::Stall(SIZE - 1)]);
    kill_at(reached + 1);
    cloud.holds(&resource);
    cloud.run(&[]).outputs();
    cloud.holds(&changed);
}

#[test]
fn an_object_whose_record_was_not_finished_is_transferred_again() {
    let resource = Resource::new("slug,close\n");
    let cloud = Cloud::with_bucket(resource.clone());
    // As if killed between the upload and the record of its digest: the answer never comes.
    cloud.fake.fail(Operation::PatchObject, CloudFault::Stall);
    let mut child = cloud.command(&[]).spawn().unwrap();
    while !cloud.fake.calls().contains(&Operation::PatchObject) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    cloud.holds(&resource);
    assert!(!cloud.object().unwrap().metadata.contains_key("sha256"));

    cloud.run(&[]).outputs();
    cloud.holds(&resource);
    assert!(cloud.object().unwrap().metadata.contains_key("sha256"));
    assert_eq!(cloud.source.count("GET"), 2);
}
