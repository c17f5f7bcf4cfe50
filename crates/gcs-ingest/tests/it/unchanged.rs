//! A source that has not changed since it was stored is not transferred again.

use std::fs;

use test_support::http_source::{HttpSource, Resource};

use crate::harness::Sandbox;

const PATH: &str = "/data.csv";
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

struct Fixture {
    sandbox: Sandbox,
    source: HttpSource,
}

impl Fixture {
    /// A source that was ingested once.
    fn ingested(resource: Resource) -> Self {
        let fixture = Self {
            sandbox: Sandbox::new(),
            source: HttpSource::serving(PATH, resource),
        };
        fixture.run(&[]);
        assert_eq!(
            (fixture.source.count("HEAD"), fixture.source.count("GET")),
            (0, 1)
        );
        fixture
    }

    /// Ingests it; the artifact's metadata.
    #[track_caller]
    fn run(&self, flags: &[&str]) -> serde_json::Value {
        let url = self.source.url(PATH);
        let mut args = vec!["--source", &url, "--destination", "out.csv"];
        args.extend_from_slice(flags);
        self.sandbox.run(args).metadata()
    }

    /// `HEAD` and `GET` requests that another run makes.
    #[track_caller]
    fn cost(&self, flags: &[&str]) -> (usize, usize) {
        let before = (self.source.count("HEAD"), self.source.count("GET"));
        self.run(flags);
        (
            self.source.count("HEAD") - before.0,
            self.source.count("GET") - before.1,
        )
    }
}

#[test]
fn the_second_run_costs_one_head_and_says_the_same() {
    let resources = [
        Resource::new("abc"),
        Resource::new("abc").etag(Some("W/\"v1\"")),
        Resource::new("abc").etag(None).last_modified(DATE),
    ];
    for resource in resources {
        let fixture = Fixture::ingested(resource);
        let first = fixture.run(&[]);
        assert_eq!(fixture.cost(&[]), (1, 0));
        assert_eq!(fixture.run(&[]), first);
    }
}

#[test]
fn a_source_that_says_nothing_is_transferred_again() {
    let fixture = Fixture::ingested(Resource::new("abc").etag(None));
    assert_eq!(fixture.cost(&[]), (1, 1));
}

#[test]
fn a_changed_source_is_transferred_again() {
    let fixture = Fixture::ingested(Resource::new("abc"));
    fixture
        .source
        .put(PATH, Resource::new("abcd").etag(Some("\"v2\"")));
    assert_eq!(fixture.cost(&[]), (1, 1));
    assert_eq!(fixture.sandbox.read("out.csv"), b"abcd");
    assert_eq!(fixture.cost(&[]), (1, 0));
}

#[test]
fn another_source_is_transferred_even_with_the_same_tag() {
    let fixture = Fixture::ingested(Resource::new("abc"));
    fixture.source.put("/other.csv", Resource::new("xyz"));
    let url = fixture.source.url("/other.csv");
    fixture
        .sandbox
        .run(["--source", &url, "--destination", "out.csv"])
        .outputs();
    assert_eq!(fixture.sandbox.read("out.csv"), b"xyz");
}

#[test]
fn a_server_without_head_costs_the_beginning_of_a_get() {
    let fixture = Fixture::ingested(Resource::generated(50_000_000).without_head());
    let stored = fs::metadata(fixture.sandbox.path("out.csv"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(fixture.cost(&[]), (1, 1));
    let after = fs::metadata(fixture.sandbox.path("out.csv"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(after, stored);
}

#[test]
fn force_transfers_what_is_there() {
    let fixture = Fixture::ingested(Resource::new("abc"));
    assert_eq!(fixture.cost(&["--force"]), (0, 1));
}

#[test]
fn a_pinned_digest_that_is_stored_costs_nothing() {
    let fixture = Fixture::ingested(Resource::new("abc"));
    assert_eq!(fixture.cost(&["--sha256", ABC]), (0, 0));
}

#[test]
fn another_pinned_digest_is_compared_with_the_source() {
    let fixture = Fixture::ingested(Resource::new("abc"));
    let (url, wrong) = (fixture.source.url(PATH), "0".repeat(64));
    let args = [
        "--source",
        &url,
        "--destination",
        "out.csv",
        "--sha256",
        &wrong,
    ];
    assert_eq!(
        fixture.sandbox.run(args).error(1),
        format!(
            "error: cannot read {url}: the SHA-256 is {ABC}, not the expected {wrong}. Next step: \
             compare with the publisher's checksum; if the new content is right, correct --sha256"
        )
    );
    assert_eq!(fixture.cost(&[]), (1, 0));
}

#[test]
fn a_destination_that_was_tampered_with_is_restored() {
    let fixture = Fixture::ingested(Resource::new("abc"));
    fs::write(fixture.sandbox.path("out.csv"), "xyz").unwrap();
    assert_eq!(fixture.cost(&[]), (0, 1));
    assert_eq!(fixture.sandbox.read("out.csv"), b"abc");
}

#[test]
fn an_unchanged_file_is_not_copied_again() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("data.csv"), "abc").unwrap();
    let run = || {
        sandbox
            .run(["--source", "data.csv", "--destination", "out.csv"])
            .metadata()
    };
    let written = || {
        fs::metadata(sandbox.path("out.csv"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let first = run();
    assert_eq!(first["sha256"], ABC);
    let stored = written();
    assert_eq!(run(), first);
    assert_eq!(written(), stored);

    fs::write(sandbox.path("data.csv"), "abcd").unwrap();
    assert_ne!(run(), first);
    assert_eq!(sandbox.read("out.csv"), b"abcd");
}
