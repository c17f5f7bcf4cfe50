//! Transfers over HTTP that break and are mended.

use test_support::http_source::{Fault, HttpSource, Length, Resource};

use crate::harness::Sandbox;

const PATH: &str = "/data.csv";
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// `Range` and `If-Range` of each request.
fn ranges(source: &HttpSource) -> Vec<(Option<String>, Option<String>)> {
    let requests = source.requests();
    let header = |name: &'static str| {
        move |request: &test_support::http_source::Request| request.header(name).map(str::to_owned)
    };
    requests
        .iter()
        .map(|request| (header("range")(request), header("if-range")(request)))
        .collect()
}

fn range(from: u64, guard: &str) -> (Option<String>, Option<String>) {
    (Some(format!("bytes={from}-")), Some(guard.to_owned()))
}

/// Runs a transfer of `resource` with these faults; the requests it made.
#[track_caller]
fn arrives(
    resource: Resource,
    faults: impl IntoIterator<Item = Fault>,
) -> Vec<(Option<String>, Option<String>)> {
    let sandbox = Sandbox::new();
    let content = resource.body.to_vec();
    let source = HttpSource::serving(PATH, resource);
    source.script(PATH, faults);
    let url = source.url(PATH);
    let metadata = sandbox
        .run(["--source", &url, "--destination", "out.csv"])
        .metadata();
    assert!(sandbox.read("out.csv") == content, "the content differs");
    assert_eq!(sandbox.visible(), ["out.csv"]);
    assert_eq!(metadata["bytes"], content.len());
    ranges(&source)
}

#[test]
fn a_file_arrives_with_its_provenance() {
    let sandbox = Sandbox::new();
    let resource = Resource::new("slug,close\nbitcoin,1.5\n").last_modified(DATE);
    let source = HttpSource::serving(PATH, resource);
    let url = source.url(PATH);
    source.redirect("/latest", &url);
    let latest = source.url("/latest");
    let run = sandbox.run(["--source", &latest, "--destination", "data/raw.csv"]);

    let outputs = run.outputs();
    assert_eq!(sandbox.read("data/raw.csv"), b"slug,close\nbitcoin,1.5\n");
    assert_eq!(outputs["parameters"]["raw_data_uri"], "data/raw.csv");
    assert_eq!(outputs["artifacts"]["raw_data"]["uri"], "data/raw.csv");
    let mut metadata = run.metadata();
    let retrieved_at = metadata
        .as_object_mut()
        .unwrap()
        .remove("retrieved_at")
        .unwrap();
    assert!(
        retrieved_at
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok(),
        "{retrieved_at}"
    );
    assert_eq!(
        metadata,
        serde_json::json!({
            "source": latest,
            "final_url": url,
            "etag": "\"v1\"",
            "last_modified": DATE,
            "bytes": 23,
            // printf 'slug,close\nbitcoin,1.5\n' | sha256sum; the checksum as Cloud Storage has it.
            "sha256": "4c507fab211994ba285349eb46e8fbeac54b7a14f1d5000b44b10516ca157a58",
            "crc32c": "Q/2paw==",
        })
    );
}

#[test]
fn a_broken_transfer_goes_on_where_it_broke() {
    let requests = arrives(
        Resource::generated(300_000),
        [
            Fault::Cut(100_000),
            Fault::Cut(1),
            Fault::Refuse,
            Fault::Cut(0),
            Fault::Cut(150_000),
        ],
    );
    let guard = "\"v1\"";
    let expected = [
        (None, None),
        range(100_000, guard),
        range(100_001, guard),
        range(100_001, guard),
        range(100_001, guard),
        range(250_001, guard),
    ];
    assert_eq!(requests, expected);
}

#[test]
fn a_date_guards_the_range_where_there_is_no_tag() {
    let resource = Resource::generated(100_000).etag(None).last_modified(DATE);
    let requests = arrives(resource, [Fault::Cut(70_000)]);
    assert_eq!(requests, [(None, None), range(70_000, DATE)]);
}

#[test]
fn a_transfer_starts_over_where_nothing_can_guard_a_range() {
    for etag in [None, Some("W/\"v1\"")] {
        let requests = arrives(
            Resource::generated(100_000).etag(etag),
            [Fault::Cut(70_000)],
        );
        assert_eq!(requests, [(None, None), (None, None)]);
    }
}

#[test]
fn a_transfer_starts_over_when_the_source_changes() {
    let sandbox = Sandbox::new();
    let source = HttpSource::serving(PATH, Resource::generated(100_000));
    let changed = Resource::new("x".repeat(100_000)).etag(Some("\"v2\""));
    source.script(PATH, [Fault::Cut(70_000), Fault::Replace(changed)]);
    let run = sandbox.run(["--source", &source.url(PATH), "--destination", "out.csv"]);
    assert_eq!(run.metadata()["etag"], "\"v2\"");
    assert!(sandbox.read("out.csv") == "x".repeat(100_000).into_bytes());
    assert_eq!(
        ranges(&source),
        [(None, None), range(70_000, "\"v1\""), (None, None)]
    );
}

#[test]
fn a_source_without_ranges_is_read_again_up_to_where_it_broke() {
    let resource = Resource::generated(200_000).without_ranges();
    let requests = arrives(resource, [Fault::Cut(130_000), Fault::Cut(150_000)]);
    let guard = "\"v1\"";
    assert_eq!(
        requests,
        [(None, None), range(130_000, guard), range(150_000, guard)]
    );
}

#[test]
fn an_unknown_length_is_no_obstacle() {
    let chunked = Resource::generated(200_000).length(Length::Chunked);
    assert_eq!(arrives(chunked.clone(), []), [(None, None)]);
    let requests = arrives(chunked.clone(), [Fault::Cut(130_000)]);
    assert_eq!(requests, [(None, None), range(130_000, "\"v1\"")]);
    // All of it arrived, and only the mark of its end is missing.
    let requests = arrives(chunked, [Fault::Cut(200_000)]);
    assert_eq!(requests, [(None, None), range(200_000, "\"v1\"")]);
}

#[test]
fn a_silent_connection_is_given_up_and_resumed() {
    let sandbox = Sandbox::new();
    let resource = Resource::generated(100_000);
    let content = resource.body.to_vec();
    let source = HttpSource::serving(PATH, resource);
    source.script(PATH, [Fault::Stall(70_000)]);
    let url = source.url(PATH);
    sandbox
        .run([
            "--source",
            &url,
            "--destination",
            "out.csv",
            "--read-timeout",
            "2s",
        ])
        .outputs();
    assert!(sandbox.read("out.csv") == content);
    assert_eq!(ranges(&source), [(None, None), range(70_000, "\"v1\"")]);
}

#[test]
fn a_busy_server_is_asked_again() {
    let busy = [
        Fault::status(500),
        Fault::retry_after(429, "0"),
        Fault::retry_after(503, "Sun, 06 Nov 1994 08:49:37 GMT"),
        Fault::status(408),
        Fault::Refuse,
    ];
    assert_eq!(
        arrives(Resource::generated(1000), busy),
        vec![(None, None); 6]
    );
}

#[test]
fn several_sources_fill_a_folder() {
    let sandbox = Sandbox::new();
    let source = HttpSource::serving("/a.csv", Resource::new("a\n"));
    source.put("/b%20c.csv", Resource::new("bc\n"));
    std::fs::write(sandbox.path("local.csv"), "local\n").unwrap();
    let (a, b) = (source.url("/a.csv"), source.url("/b%20c.csv"));
    let run = sandbox.run([
        "--source",
        &a,
        "--source",
        &b,
        "--source",
        "local.csv",
        "--destination",
        "raw",
    ]);
    assert_eq!(run.outputs()["parameters"]["raw_data_uri"], "raw");
    let metadata = run.metadata();
    assert_eq!(metadata["files"], 3);
    assert_eq!(metadata["bytes"], 2 + 3 + 6);
    assert_eq!(metadata["a.csv.source"], a);
    assert_eq!(metadata["b c.csv.bytes"], 3);
    assert_eq!(metadata["local.csv.source"], "local.csv");
    for (name, content) in [
        ("a.csv", "a\n"),
        ("b c.csv", "bc\n"),
        ("local.csv", "local\n"),
    ] {
        assert_eq!(sandbox.read(&format!("raw/{name}")), content.as_bytes());
    }
}

#[test]
fn a_pipeline_names_the_destination_through_the_executor_input() {
    let sandbox = Sandbox::new();
    let source = HttpSource::serving(PATH, Resource::new("a\n"));
    let raw_data = sandbox.path("root/raw_data");
    let output = sandbox.path("root/executor_output.json");
    let input = serde_json::json!({
        "inputs": { "parameterValues": { "source": [source.url(PATH)], "destination": "" } },
        "outputs": {
            "parameters": { "raw_data_uri": { "outputFile": sandbox.path("root/raw_data_uri") } },
            "artifacts": { "raw_data": { "artifacts": [{
                "name": "raw_data",
                "type": { "schemaTitle": "system.Dataset" },
                "uri": raw_data,
                "metadata": {},
            }] } },
            "outputFile": output,
        },
    });
    sandbox
        .run(["--executor-input", &input.to_string()])
        .outputs();
    assert_eq!(std::fs::read(&raw_data).unwrap(), b"a\n");
    let parameter = std::fs::read_to_string(sandbox.path("root/raw_data_uri")).unwrap();
    assert_eq!(parameter, raw_data.to_str().unwrap());
    let output: serde_json::Value =
        serde_json::from_slice(&std::fs::read(output).unwrap()).unwrap();
    let artifact = &output["artifacts"]["raw_data"]["artifacts"][0];
    assert_eq!(artifact["metadata"]["bytes"], 2);
    assert_eq!(artifact["uri"], raw_data.to_str().unwrap());
}
