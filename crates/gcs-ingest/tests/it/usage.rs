//! Wrong usage is found before anything is contacted, and a dry run contacts nobody.

use std::fs;

use test_support::http_source::{HttpSource, Resource};

use crate::harness::Sandbox;

#[test]
fn wrong_usage_is_refused_with_the_whole_story() {
    let url = "https://u:p@host.invalid/data.csv?token=t";
    for (flags, expected) in [
        (
            vec!["--source", url],
            "error: there is no destination. Next step: pass --destination gs://bucket/object, or \
             a path",
        ),
        (
            vec!["--source", url, "--destination", "s3://bucket/a"],
            "error: the destination cannot be used: `s3://bucket/a` is not a storage address: \
             expected `gs://bucket/object`, a local path or `file:///path`. Next step: pass an \
             address like gs://bucket/object, or a path",
        ),
        (
            vec!["--source", "https://u:p@h:99999/a", "--destination", "out"],
            "error: source \"https://h:99999/a\" is not an address: invalid port number. Next \
             step: pass an address like https://host/data.csv or a path",
        ),
        (
            vec!["--source", "gs://bucket/a.csv", "--destination", "out"],
            "error: source \"gs://bucket/a.csv\" has the scheme \"gs\", which is none of https, \
             http and file. Next step: data in a bucket needs no ingestion: pass the address to \
             transform --raw-data",
        ),
        (
            vec!["--source", "ftp://host/a.csv", "--destination", "out"],
            "error: source \"ftp://host/a.csv\" has the scheme \"ftp\", which is none of https, \
             http and file. Next step: download the file by other means and pass its path",
        ),
        (
            vec!["--source", "https://host.invalid/", "--destination", "out/"],
            "error: source https://host.invalid/ has no file name to store it under in out/. Next \
             step: pass one --source at a time with a --destination that names the file",
        ),
        (
            vec![
                "--source",
                url,
                "--source",
                "data.csv",
                "--destination",
                "out",
            ],
            "error: sources https://host.invalid/data.csv?token=REDACTED and data.csv would both \
             be stored as out/data.csv. Next step: ingest them one by one with a --destination \
             that names the file",
        ),
        (
            vec!["--source", "data.csv", "--destination", "./"],
            "error: source data.csv is the destination itself. Next step: pass another \
             --destination",
        ),
        (
            vec![
                "--source",
                url,
                "--destination",
                "out",
                "--sha256",
                "00",
                "--sha256",
                "11",
            ],
            "error: there are 2 --sha256 for 1 sources. Next step: pass one --sha256 for each \
             --source, in the same order",
        ),
        (
            vec!["--source", url, "--destination", "out", "--sha256", "00"],
            "error: --sha256 \"00\" is not a SHA-256: 64 hexadecimal digits are expected. Next \
             step: pass what 'sha256sum FILE' prints first",
        ),
        (
            vec!["--source", url, "--destination", "out", "--create-bucket"],
            "error: --create-bucket needs a destination in a bucket, and out is not. Next step: \
             leave --create-bucket out, or pass a gs:// --destination",
        ),
        (
            vec![
                "--source",
                url,
                "--destination",
                "gs://bucket/a",
                "--create-bucket",
            ],
            "error: --create-bucket needs the project that will own gs://bucket. Next step: pass \
             --project",
        ),
    ] {
        let sandbox = Sandbox::new();
        fs::write(sandbox.path("data.csv"), "a\n").unwrap();
        assert_eq!(sandbox.run(&flags).error(2), expected);
        let dry = sandbox.run(flags.iter().chain(&["--dry-run"]));
        assert_eq!(dry.error(2), expected);
        assert_eq!(sandbox.visible(), ["data.csv"]);
    }
}

#[test]
fn a_dry_run_tells_what_it_would_do_and_touches_nothing() {
    let sandbox = Sandbox::new();
    let source = HttpSource::serving("/a.csv", Resource::new("a\n"));
    let url = source.url("/a.csv?token=t");
    let shown = source.url("/a.csv?token=REDACTED");
    let run = sandbox.run([
        "--source",
        &url,
        "--destination",
        "gs://bucket/raw/",
        "--create-bucket",
        "--project",
        "my-project",
        "--dry-run",
    ]);
    assert_eq!(
        run.stdout,
        format!(
            "reads {shown}\n\
             then transfers {shown} unless gs://bucket/raw/a.csv already holds it\n\
             writes the bucket gs://bucket in project my-project, unless it exists\n\
             writes gs://bucket/raw/a.csv\n"
        ),
        "{}",
        run.stderr
    );
    assert_eq!(source.requests(), []);
    assert!(sandbox.visible().is_empty());
}
