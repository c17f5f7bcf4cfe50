//! What a run leaves.

use serde_json::json;
use test_support::market::Market;

use crate::harness::{Workspace, days};

#[test]
fn a_dirty_generated_table_becomes_examples_with_every_row_accounted_for() {
    let workspace = Workspace::new(Market::default().table(4));
    let outputs = workspace.done("raw.csv", &["--report", "report.html"]);
    let statistics = workspace.json("statistics.json");
    let rows = &statistics["rows"];
    assert_eq!(rows["of_series"], 1898, "1,900 days, 3 missing, 1 twice");
    assert_eq!(rows["rejected"], 5);
    assert_eq!(rows["examples"], 1893);
    let counts: Vec<_> = statistics["findings"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, found)| found["count"] != 0)
        .map(|(finding, found)| (finding.as_str(), found["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        counts,
        [
            ("duplicate_date", 1),
            // The days without a row, and those whose rows were rejected.
            ("gap", 5),
            ("low_above_high", 1),
            ("missing_number", 1),
            ("non_positive_price", 1),
            ("unparsable_number", 1),
        ]
    );
    let schema = workspace.json("schema.json");
    let splits = &schema["splits"];
    let lengths: Vec<_> = ["train", "eval", "test"]
        .map(|split| splits[split]["rows"].as_u64().unwrap())
        .into();
    assert_eq!(lengths, [1325, 284, 284]);
    assert_eq!(
        outputs["parameters"],
        json!({
            "train_rows": 1325, "eval_rows": 284, "test_rows": 284,
            "gcp_resources": "{\"resources\":[]}"
        })
    );
    assert_eq!(outputs["artifacts"]["examples"]["uri"], "examples");
    let files: Vec<_> = workspace.files().into_keys().collect();
    assert_eq!(
        files,
        [
            "eval.parquet",
            "rejected.csv",
            "schema.json",
            "statistics.json",
            "test.parquet",
            "train.parquet",
            "transform_params.json",
        ]
    );
    let report = std::fs::read_to_string(workspace.path("report.html")).unwrap();
    for part in [
        "Data report: bitcoin",
        "test begins",
        "Gaps",
        "low_above_high",
        "<svg",
    ] {
        assert!(report.contains(part), "{part}");
    }
}

#[test]
fn rejected_rows_stand_aside_with_their_reasons() {
    let workspace = Workspace::new(format!(
        "{}bitcoin,2021-01-01,,2,1,1,1\nbitcoin,2021-01-02,1,2,1,x,1\nbitcoin,2021-01-03,1,inf,1,1,1\n\
         bitcoin,,1,2,1,1,1\nbitcoin,soon,1,2,1,1,1\nbitcoin,2021-01-04,1,2\n\
         bitcoin,2021-01-05,0,2,1,1,1\nbitcoin,2021-01-06,1,2,3,1,1\nbitcoin,2020-01-02,9,9,9,9,9\n",
        days(30)
    ));
    workspace.done("raw.csv", &[]);
    assert_eq!(
        workspace.text("rejected.csv"),
        "finding,detail,file,line,date,open,high,low,close\n\
         missing_number,column `open` is empty,raw.csv,32,2021-01-01,,2,1,1\n\
         unparsable_number,\"column `close` holds `x`, no number\",raw.csv,33,2021-01-02,1,2,1,x\n\
         non_finite_number,\"column `high` holds `inf`, which is not finite\",raw.csv,34,2021-01-03,1,inf,1,1\n\
         missing_date,column `date` is empty,raw.csv,35,,1,2,1,1\n\
         unparsable_date,\"column `date` holds `soon`, no date\",raw.csv,36,soon,1,2,1,1\n\
         malformed_row,4 cells instead of 7,raw.csv,37,2021-01-04,1,2,,\n\
         non_positive_price,open is 0,raw.csv,38,2021-01-05,0,2,1,1\n\
         low_above_high,low 3 is above high 2,raw.csv,39,2021-01-06,1,2,3,1\n\
         duplicate_date,2020-01-02 is at raw.csv line 3 already,raw.csv,40,2020-01-02,9,9,9,9\n"
    );
    let findings = &workspace.json("statistics.json")["findings"];
    assert_eq!(findings["unordered_date"]["count"], 1);
    assert_eq!(
        findings["unordered_date"]["first"][0],
        "raw.csv line 40: 2020-01-02 comes after 2020-01-30"
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let workspace = Workspace::new(Market::default().table(2));
    let flags = [
        "--report",
        "examples/report.html",
        "--lag",
        "1",
        "--rolling-window",
        "7",
    ];
    workspace.done("raw.csv", &flags);
    let first = workspace.files();
    workspace.done("raw.csv", &flags);
    assert_eq!(workspace.files(), first);
}

#[test]
fn means_and_scales_come_from_train_rows_only() {
    let table = days(40);
    // Train is the first 28 rows; the closing price of the last ten changes.
    let other_end: String = table
        .lines()
        .enumerate()
        .map(|(row, line)| {
            let mut cells: Vec<&str> = line.split(',').collect();
            if row > 30 {
                cells[5] = "77";
            }
            cells.join(",") + "\n"
        })
        .collect();
    let fitted = [table, other_end].map(|table| {
        let workspace = Workspace::new(table);
        workspace.done("raw.csv", &[]);
        (
            workspace.json("transform_params.json"),
            workspace.files()["test.parquet"].clone(),
        )
    });
    assert_eq!(fitted[0].0, fitted[1].0);
    assert_ne!(fitted[0].1, fitted[1].1);
}

#[test]
fn a_dry_run_says_what_it_would_do_and_touches_nothing() {
    let workspace = Workspace::new("");
    let ended = workspace.run(
        "gs://no-such-bucket/*.csv",
        &["--dry-run", "--horizon", "2"],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        ended.stdout,
        "reads gs://no-such-bucket/*.csv\n\
         then keeps the rows with slug = bitcoin, columns date and open, high, low, close\n\
         then makes the inputs open, high, low, close\n\
         then predicts close_in_2 from them\n\
         then splits by time: 70 % train, 15 % eval, 15 % test, 2 rows left out between\n\
         writes train.parquet, eval.parquet, test.parquet and their documents into examples\n"
    );
    assert!(!workspace.path("examples").exists());
}
