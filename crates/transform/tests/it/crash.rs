//! SIGKILL at any moment, then a rerun: the same outputs, and never a marker beside half a folder.

use std::process::Stdio;
use std::time::Duration;

use test_support::market::Market;

use crate::harness::Workspace;

#[test]
fn a_killed_run_leaves_no_marker_and_its_rerun_the_same_files() {
    let market = Market {
        days: 40_000,
        dirt: false,
        ..Market::default()
    };
    let reference = Workspace::new(market.table(1));
    let flags = ["--lag", "1", "--rolling-window", "30"];
    let started = std::time::Instant::now();
    reference.done("raw.csv", &flags);
    let whole = started.elapsed();
    let expected = reference.files();
    // Over a run's whole length, ends included; which moments they hit does not matter.
    for part in 0..12 {
        let killed = Workspace::new(market.table(1));
        // An earlier run with other flags left a complete folder.
        killed.done("raw.csv", &["--format", "csv"]);
        let mut child = killed
            .command("raw.csv", &flags)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(whole * part / 11 + Duration::from_millis(1));
        child.kill().unwrap();
        child.wait().unwrap();
        let left = killed.files();
        match left.get("schema.json") {
            Some(schema) if *schema == expected["schema.json"] => assert_eq!(left, expected),
            // The earlier folder, untouched.
            Some(_) => {
                assert!(left.contains_key("train.csv") && !left.contains_key("train.parquet"));
            }
            None => {}
        }
        killed.done("raw.csv", &flags);
        assert_eq!(killed.files(), expected);
    }
}
