//! No log line, error or record holds what opens a door.

use std::fs;

use test_support::http_source::{Fault, HttpSource, Resource};

use crate::harness::Sandbox;

#[test]
fn credentials_in_addresses_are_never_shown() {
    let sandbox = Sandbox::new();
    let source = HttpSource::serving("/data.csv", Resource::new("a\n"));
    let signed = source.url("/data.csv?X-Goog-Signature=hush-signature&id=7");
    source.redirect("/start", &signed);
    source.script(
        "/data.csv",
        [Fault::status(503), Fault::Cut(1), Fault::status(404)],
    );
    let with_user = source
        .url("/start")
        .replace("http://", "http://hush-user:hush-password@");
    let shown = source.url("/data.csv?X-Goog-Signature=REDACTED&id=7");

    let run = |source: &str| {
        sandbox.run([
            "--source",
            source,
            "--destination",
            "out.csv",
            "--log-level",
            "trace",
        ])
    };
    let failed = run(&with_user);
    assert_eq!(
        failed.error(1),
        format!(
            "error: cannot read {}: the server answered 404 Not Found. Next step: check the \
             address: the server has nothing there",
            source.url("/start")
        )
    );
    let done = run(&with_user);
    assert_eq!(done.metadata()["final_url"], shown);
    assert_eq!(done.metadata()["source"], source.url("/start"));
    let again = run(&signed);
    assert_eq!(again.metadata()["source"], shown);
    // The credentials did arrive where they belong.
    let authorization = source.requests()[0]
        .header("authorization")
        .map(str::to_owned);
    assert!(authorization.is_some_and(|value| value.starts_with("Basic ")));

    let mut texts = vec![
        failed.stderr.clone(),
        done.stderr.clone(),
        done.stdout.clone(),
        again.stderr.clone(),
        again.stdout.clone(),
    ];
    for entry in fs::read_dir(sandbox.path("")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
    // Base64 of hush-user:hush-password, as it stands in the Authorization header.
    let encoded = "aHVzaC11c2VyOmh1c2gtcGFzc3dvcmQ=";
    for text in texts {
        for secret in ["hush", encoded] {
            assert!(!text.contains(secret), "{secret} is in:\n{text}");
        }
    }
}
