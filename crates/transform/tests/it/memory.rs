//! What does not fit in memory goes through a file, and nothing of it shows in the outputs.

use std::fmt::Write as _;

use proptest::prelude::*;
use test_support::market::Market;

use crate::harness::Workspace;

/// Runs both ways and compares all files, the report too.
fn assert_same(table: impl AsRef<[u8]>, flags: &[&str]) -> bool {
    let workspace = Workspace::new(table);
    let run = |limit: &str| {
        let memory = ["--memory-limit", limit, "--report", "examples/report.html"];
        let ended = workspace.run("raw.csv", &[flags, &memory].concat());
        let stored = ended.stderr.contains("going on in");
        let files = (ended.code == Some(0)).then(|| workspace.files());
        let message = ended.last_line().to_owned();
        (files, stored, message)
    };
    let (held, stored, message) = run("1000");
    assert!(!stored, "{message}");
    let (other, stored, other_message) = run("0");
    match held {
        Some(held) => assert_eq!(Some(held), other, "{other_message}"),
        None => assert_eq!(message, other_message),
    }
    stored
}

#[test]
fn many_rows_of_many_series_give_the_same_files_from_memory_and_from_disk() {
    let table = Market::default().table(20);
    let one_date_each = ["--whole-table"];
    assert!(assert_same(&table, &one_date_each));
    let all = ["--whole-table", "--policy", "duplicate_date=keep"];
    assert!(assert_same(&table, &all));
    let ordered = [
        "--whole-table",
        "--policy",
        "unordered_date=drop",
        "--lag",
        "3",
    ];
    assert!(assert_same(&table, &ordered));
}

#[test]
fn windows_that_reach_across_parts_give_the_same_files() {
    // More rows than are looked at together.
    let mut table = "date,open,high,low,close\n".to_owned();
    for row in 0..140_000_u64 {
        let minute = row + row / 1000;
        let open = 100 + row * 7919 % 101;
        writeln!(
            table,
            "{},{open},{},{},{}",
            1_500_000_000 + minute * 60,
            open + 9,
            open - 9,
            open + row % 5
        )
        .unwrap();
    }
    let flags = [
        "--whole-table",
        "--horizon",
        "50",
        "--lag",
        "700",
        "--rolling-window",
        "60",
        "--calendar",
        "hour",
        "--policy",
        "gap=drop",
    ];
    assert!(assert_same(&table, &flags));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_table_gives_the_same_files_or_the_same_error(
        rows in prop::collection::vec((0..900_u16, 1..500_u16, prop::bool::weighted(0.02)), 12_000..16_000),
        horizon in 0..4_u32,
        lag in prop::option::of(1..5_u32),
        window in prop::option::of(2..9_u32),
        keep in any::<bool>(),
        gap in prop::sample::select(vec!["drop", "keep"]),
        raw in any::<bool>(),
        csv in any::<bool>(),
    ) {
        let mut table = "date,open,high,low,close\n".to_owned();
        for (minute, open, dirty) in rows {
            let instant = 1_500_000_000 + u64::from(minute) * 60;
            let close = if dirty { String::new() } else { (open + 1).to_string() };
            writeln!(table, "{instant},{open},{},{open},{close}", open + 2).unwrap();
        }
        let mut flags = vec![
            "--whole-table".to_owned(),
            format!("--policy=gap={gap}"),
            format!("--format={}", if csv { "csv" } else { "parquet" }),
        ];
        if raw {
            flags.push("--price-representation=raw".to_owned());
        }
        if keep {
            flags.push("--policy=duplicate_date=keep".to_owned());
        } else {
            flags.push(format!("--horizon={horizon}"));
            flags.extend(lag.map(|rows| format!("--lag={rows}")));
            flags.extend(window.map(|rows| format!("--rolling-window={rows}")));
        }
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        prop_assert!(assert_same(&table, &flags));
    }
}
