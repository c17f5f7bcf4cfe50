//! Which rows become examples, and what is in them.

use crate::harness::{Workspace, days};

fn lines(workspace: &Workspace, name: &str) -> Vec<String> {
    workspace.text(name).lines().map(str::to_owned).collect()
}

#[test]
fn a_horizon_takes_the_label_from_later_and_leaves_a_gap() {
    let workspace = Workspace::new(days(40));
    workspace.done("raw.csv", &["--format", "csv", "--horizon", "2"]);
    let train = lines(&workspace, "train.csv");
    assert_eq!(train[0], "date,open,high,low,close,close_in_2");
    // Row 0 closes at 101; row 2 at 102 + 3.
    assert_eq!(train[1], "2020-01-01,100,105,96,101,105");
    // 38 rows have a label: train ends 2 rows before row 26, eval 2 before row 32.
    assert_eq!(train.last().unwrap().split(',').next(), Some("2020-01-24"));
    let eval = lines(&workspace, "eval.csv");
    assert_eq!(eval[1].split(',').next(), Some("2020-01-27"));
    assert_eq!(eval.len() - 1, 4);
    let schema = workspace.json("schema.json");
    assert_eq!(schema["naive_column"], "close");
    assert_eq!(schema["splits"]["gap_rows"], 2);
    let rows = &workspace.json("statistics.json")["rows"];
    assert_eq!(
        (&rows["without_label"], &rows["at_boundaries"]),
        (&2.into(), &4.into())
    );
}

#[test]
fn lags_windows_and_the_calendar_are_inputs() {
    let workspace = Workspace::new(days(40));
    let flags = [
        "--format",
        "csv",
        "--lag",
        "1",
        "--rolling-window",
        "3",
        "--rolling-statistic",
        "mean",
        "--rolling-statistic",
        "max",
        "--calendar",
        "day_of_week",
        "--calendar",
        "day_of_year",
    ];
    workspace.done("raw.csv", &flags);
    let train = lines(&workspace, "train.csv");
    assert_eq!(
        train[0],
        "date,open,high,low,close_lag_1,close_mean_3,close_max_3,day_of_week,day_of_year,close"
    );
    // The fourth row is the first whose window of three earlier closes (101, 103, 105) is whole.
    assert_eq!(train[1], "2020-01-04,103,108,98,105,103,105,6,4,107");
    assert_eq!(
        workspace.json("statistics.json")["rows"]["without_history"],
        3
    );
    let features = workspace.json("transform_params.json")["features"].clone();
    let encodings: Vec<_> = features
        .as_array()
        .unwrap()
        .iter()
        .map(|feature| {
            (
                feature["input"].as_str().unwrap(),
                feature["encoding"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        encodings,
        [
            ("high", "log_ratio"),
            ("low", "log_ratio"),
            ("close_lag_1", "log_ratio"),
            ("close_mean_3", "log_ratio"),
            ("close_max_3", "log_ratio"),
            ("day_of_week", "identity"),
            ("day_of_year", "identity"),
        ]
    );
}

#[test]
fn rows_that_look_across_a_gap_go_when_the_policy_says_so() {
    let table: String = days(40)
        .lines()
        .filter(|line| !line.contains("2020-01-10"))
        .map(|line| format!("{line}\n"))
        .collect();
    let workspace = Workspace::new(table);
    let flags = ["--format", "csv", "--lag", "2", "--policy", "gap=drop"];
    workspace.done("raw.csv", &flags);
    let dates: Vec<_> = lines(&workspace, "train.csv")
        .iter()
        .skip(1)
        .map(|line| line[8..10].to_owned())
        .collect();
    assert_eq!(dates[..8], ["03", "04", "05", "06", "07", "08", "09", "13"]);
    assert_eq!(workspace.json("statistics.json")["rows"]["across_gaps"], 2);
}

#[test]
fn a_whole_table_keeps_every_row_and_no_date_crosses_a_boundary() {
    let twice: String = days(40)
        .lines()
        .enumerate()
        .flat_map(|(row, line)| {
            let other = line.replace("bitcoin", "other");
            if row == 0 {
                vec![line.to_owned()]
            } else {
                vec![line.to_owned(), other]
            }
        })
        .map(|line| line + "\n")
        .collect();
    let workspace = Workspace::new(twice);
    let flags = [
        "--whole-table",
        "--policy",
        "duplicate_date=keep",
        "--format",
        "csv",
    ];
    workspace.done("raw.csv", &flags);
    assert_eq!(lines(&workspace, "train.csv").len() - 1, 56);
    assert_eq!(lines(&workspace, "eval.csv").len() - 1, 12);
    assert!(workspace.json("schema.json").get("series").is_none());
}

#[test]
fn a_constant_feature_is_left_out_of_the_network_but_stays_an_input() {
    let table: String = days(40)
        .lines()
        .enumerate()
        .map(|(row, line)| format!("{line},{}\n", if row == 0 { "flag" } else { "7" }))
        .collect();
    let workspace = Workspace::new(table);
    let flags = [
        "--feature",
        "open",
        "--feature",
        "high",
        "--feature",
        "flag",
    ];
    workspace.done("raw.csv", &flags);
    let params = workspace.json("transform_params.json");
    assert_eq!(
        params["inputs"],
        serde_json::json!(["open", "high", "flag"])
    );
    assert_eq!(params["features"].as_array().unwrap().len(), 1);
    let found = &workspace.json("statistics.json")["findings"]["constant_column"];
    assert_eq!(
        found["first"][0],
        "feature `flag`: one value, 7, in all 28 train rows"
    );
}
