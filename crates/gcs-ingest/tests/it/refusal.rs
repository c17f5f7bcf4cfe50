//! What is not taken, with the whole message; whatever was stored before stays.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use test_support::http_source::{Fault, HttpSource, Length, Resource};

use crate::harness::{Run, Sandbox};

const PATH: &str = "/data.csv";

/// Runs a transfer that must fail; `expected` is the last line on stderr, with `URL` for the
/// source.
#[track_caller]
fn refused(resource: Resource, faults: Vec<Fault>, flags: &[&str], expected: &str) {
    let source = HttpSource::serving(PATH, resource);
    source.script(PATH, faults);
    refused_from(&source.url(PATH), flags, expected);
}

#[track_caller]
fn refused_from(url: &str, flags: &[&str], expected: &str) {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("out.csv"), "stored before\n").unwrap();
    let mut args = vec![
        "--source",
        url,
        "--destination",
        "out.csv",
        "--max-attempts",
        "2",
    ];
    args.extend_from_slice(flags);
    assert_eq!(sandbox.run(args).error(1), expected.replace("URL", url));
    assert_eq!(sandbox.read("out.csv"), b"stored before\n");
    assert_eq!(sandbox.visible(), ["out.csv"]);
}

#[test]
fn web_pages() {
    refused(
        Resource::new("unused"),
        vec![Fault::html_page()],
        &[],
        "error: cannot read URL: a web page came instead of data: content type text/html. \
         Next step: open the address in a browser: it may need a log-in, or be a page about the \
         file instead of the file",
    );
    let disguised = Resource::new("\n<!doctype html><title>Log in</title>\n".repeat(100));
    refused(
        disguised,
        vec![],
        &[],
        "error: cannot read URL: a web page came instead of data: the content starts like one. \
         Next step: open the address in a browser: it may need a log-in, or be a page about the \
         file instead of the file",
    );
}

#[test]
fn a_web_page_is_taken_where_the_address_promises_one() {
    let sandbox = Sandbox::new();
    let source = HttpSource::start();
    source.put(
        "/table.html",
        Resource::new("<html></html>\n").content_type(Some("text/html")),
    );
    let url = source.url("/table.html");
    sandbox
        .run(["--source", &url, "--destination", "out/"])
        .outputs();
    assert_eq!(sandbox.read("out/table.html"), b"<html></html>\n");
}

#[test]
fn bodies_shorter_than_announced() {
    // With ranges the server itself tells that there is no more.
    refused(
        Resource::new("0123456789").length(Length::Claimed(50)),
        vec![],
        &[],
        "error: cannot read URL: the server announced 50 bytes but has 10. Next step: report it \
         to the operator of the server, or download the file by other means",
    );
    refused(
        Resource::new("0123456789")
            .length(Length::Claimed(50))
            .etag(None),
        vec![],
        &[],
        "error: cannot read URL: gave up after 2 attempts: the transfer broke after 10 bytes and \
         cannot be resumed without a strong entity tag: the connection was lost: end of file \
         before message length reached. Next step: run it again later, with a higher \
         --max-attempts if the network is unreliable",
    );
    refused(
        Resource::new("0123456789")
            .length(Length::Claimed(50))
            .without_ranges(),
        vec![],
        &[],
        "error: cannot read URL: gave up after 2 attempts: the connection was lost: end of file \
         before message length reached. Next step: run it again later, with a higher \
         --max-attempts if the network is unreliable",
    );
    refused(
        Resource::new(""),
        vec![],
        &[],
        "error: cannot read URL: the source is empty. Next step: check the address: nothing was \
         stored",
    );
}

/// A partial answer with this `Content-Range`.
fn partial(range: &str, body: &str) -> Fault {
    let headers = vec![("Content-Range".to_owned(), range.to_owned())];
    Fault::Answer(206, headers, body.to_owned())
}

#[test]
fn ranges_other_than_asked_for() {
    let not_usable = "error: cannot read URL: the server answered a request for the bytes from 4 \
                      on with another range. Next step: report it to the operator of the server, \
                      or download the file by other means";
    for answer in [
        partial("bytes 5-9/10", "56789"),
        partial("nonsense", "456789"),
        Fault::status(206),
        Fault::status(416),
    ] {
        refused(
            Resource::new("0123456789"),
            vec![Fault::Cut(4), answer],
            &[],
            not_usable,
        );
    }
    refused(
        Resource::new("0123456789"),
        vec![Fault::Cut(4), partial("bytes 4-5/10", "45")],
        &[],
        "error: cannot read URL: gave up after 2 attempts: the answer ended early, after 6 bytes. \
         Next step: run it again later, with a higher --max-attempts if the network is unreliable",
    );
    refused(
        Resource::new("unused"),
        vec![Fault::status(206)],
        &[],
        "error: cannot read URL: the server answered 206 Partial Content. Next step: check the \
         address: the server does not accept the request",
    );
}

#[test]
fn machines_without_root_certificates() {
    let sandbox = Sandbox::new();
    let url = "http://127.0.0.1:9/data.csv";
    let run = sandbox
        .command(["--source", url, "--destination", "out.csv"])
        .env("SSL_CERT_FILE", "/nowhere")
        .env("SSL_CERT_DIR", "/nowhere")
        .output();
    assert_eq!(
        Run::of(run.unwrap()).error(1),
        "error: cannot read http://127.0.0.1:9/data.csv: the HTTP client cannot be set up: unexpected error: No CA \
         certificates were loaded from the system. Next step: install the CA certificates package \
         or name a bundle in SSL_CERT_FILE"
    );
    // A local file needs no certificates, the bucket does.
    fs::write(sandbox.path("data.csv"), "a\n").unwrap();
    let run = sandbox
        .command([
            "--source",
            "data.csv",
            "--destination",
            "gs://bucket/data.csv",
        ])
        .env("STORAGE_EMULATOR_HOST", "127.0.0.1:9")
        .env("SSL_CERT_FILE", "/nowhere")
        .env("SSL_CERT_DIR", "/nowhere")
        .output();
    assert_eq!(
        Run::of(run.unwrap()).error(1),
        "error: cannot set up the client for Cloud Storage: could not initialize transport client: \
         builder error: unexpected error: No CA certificates were loaded from the system. Next \
         step: check that the CA certificates are installed, or set SSL_CERT_FILE"
    );
}

#[test]
fn content_other_than_pinned() {
    refused(
        Resource::new("abd"),
        vec![],
        &[
            "--sha256",
            "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
        ],
        "error: cannot read URL: the SHA-256 is \
         a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9, not the expected \
         ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad. Next step: compare \
         with the publisher's checksum; if the new content is right, correct --sha256",
    );
}

#[test]
fn encoded_content() {
    let mut resource = Resource::new("not really gzip");
    resource.content_encoding = Some("gzip".to_owned());
    refused(
        resource,
        vec![],
        &[],
        "error: cannot read URL: the server sent the file encoded as \"gzip\" although it was \
         asked not to. Next step: use an address that serves the file as it is",
    );
}

#[test]
fn answers_that_stay_errors() {
    for (status, hint) in [
        (
            "403 Forbidden",
            "check that the address is public or holds valid credentials",
        ),
        (
            "404 Not Found",
            "check the address: the server has nothing there",
        ),
        (
            "400 Bad Request",
            "check the address: the server does not accept the request",
        ),
    ] {
        refused(
            Resource::new("unused"),
            vec![Fault::status(status[..3].parse().unwrap())],
            &[],
            &format!("error: cannot read URL: the server answered {status}. Next step: {hint}"),
        );
    }
    for (fault, status, hint) in [
        (
            Fault::status(503),
            "503 Service Unavailable",
            "run it again later: the server has a problem",
        ),
        (
            Fault::retry_after(429, "0"),
            "429 Too Many Requests",
            "run it again later, or raise --max-attempts",
        ),
    ] {
        refused(
            Resource::new("unused"),
            vec![fault.clone(), fault],
            &[],
            &format!(
                "error: cannot read URL: gave up after 2 attempts: the server answered {status}. \
                 Next step: {hint}"
            ),
        );
    }
    refused(
        Resource::new("unused"),
        vec![Fault::retry_after(503, "86400")],
        &["--timeout", "1h"],
        "error: cannot read URL: the server asks to wait 86400s, longer than --timeout allows: \
         the server answered 503 Service Unavailable. Next step: run it again later, or raise \
         --timeout",
    );
}

#[test]
fn connections_that_do_not_come_about_or_stay_silent() {
    // A port that was free a moment ago.
    let closed = HttpSource::start().url(PATH);
    refused_from(
        &closed,
        &[],
        "error: cannot read URL: gave up after 2 attempts: no connection: Connection refused (os \
         error 111). Next step: check the host name, the network and the proxy settings \
         (HTTPS_PROXY)",
    );
    refused(
        Resource::generated(100),
        vec![Fault::Stall(10), Fault::Stall(10)],
        &["--read-timeout", "50ms"],
        "error: cannot read URL: gave up after 2 attempts: nothing arrived for 50ms. Next step: \
         raise --read-timeout if the server is only slow",
    );
    refused(
        Resource::generated(100),
        vec![Fault::Stall(10)],
        &["--timeout", "500ms"],
        "error: URL was not transferred within 500ms. Next step: raise --timeout if the source is \
         only slow",
    );
}

#[test]
fn redirects_without_end() {
    let source = HttpSource::start();
    source.redirect(PATH, PATH);
    refused_from(
        &source.url(PATH),
        &["--max-redirects", "3"],
        "error: cannot read URL: there were more than 3 redirects. Next step: open the address in \
         a browser and use the one it ends at, or raise --max-redirects",
    );
    assert_eq!(source.count("GET"), 4);
}

#[test]
fn sources_that_never_stop_changing() {
    let other = |tag: &str| Fault::Replace(Resource::generated(100_000).etag(Some(tag)));
    refused(
        Resource::generated(100_000),
        vec![
            Fault::Cut(70_000),
            other("\"v2\""),
            Fault::Cut(70_000),
            other("\"v3\""),
        ],
        &[],
        "error: cannot read URL: gave up after 2 attempts: the source changed while it was read. \
         Next step: run it again when the source is no longer being written",
    );
}

#[test]
fn files_that_cannot_be_read() {
    let sandbox = Sandbox::new();
    let missing = sandbox.path("missing.csv");
    refused_from(
        missing.to_str().unwrap(),
        &[],
        "error: cannot read URL: No such file or directory (os error 2). Next step: check the \
         path of --source",
    );
    refused_from(
        sandbox.path("").to_str().unwrap(),
        &[],
        "error: cannot read URL: it is not a regular file. Next step: pass a file; for a folder, \
         one --source for each file in it",
    );
}

#[test]
fn files_without_permission() {
    let sandbox = Sandbox::new();
    let secret = sandbox.path("secret.csv");
    fs::write(&secret, "a\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = sandbox.unprivileged(["--source", "secret.csv", "--destination", "out.csv"]);
    assert_eq!(
        Run::of(command.output().unwrap()).error(1),
        "error: cannot read secret.csv: Permission denied (os error 13). Next step: make the file \
         readable for this user",
    );
}

#[test]
fn destinations_that_cannot_be_written() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("data.csv"), "a\n").unwrap();
    fs::create_dir(sandbox.path("folder")).unwrap();
    let run = sandbox.run(["--source", "data.csv", "--destination", "folder"]);
    assert_eq!(
        run.error(1),
        "error: folder is a folder, not an object. Next step: name an object inside it"
    );
}
