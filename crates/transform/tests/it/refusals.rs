//! Every error path of a run, with its whole message.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;

use test_support::interruption::signal;
use test_support::sandbox::Run;

use crate::harness::{Workspace, days};

#[test]
fn wrong_words_are_usage_errors() {
    let workspace = Workspace::new(days(60));
    workspace.write("typo.yaml", "label: close\nfetures: [open]\n");
    let known = "`series`, `date`, `numeric_columns`, `label`, `label_unit`, `features`, \
                 `reference`, `horizon`, `lags`, `rolling`, `calendar`, `price_representation`, \
                 `split`, `format`, `policies`";
    workspace.fails(
        "raw.csv",
        &["--config", "typo.yaml"],
        2,
        &format!(
            "typo.yaml is not a valid configuration: unknown field `fetures`, expected one of \
             {known} at line 2 column 1. Next step: correct the key or value at that line"
        ),
    );
    workspace.fails(
        "raw.csv",
        &["--feature", "close"],
        2,
        "`features` holds the label `close`, which is what is to be predicted. Next step: take it \
         out, or predict later rows with --horizon",
    );
    workspace.fails(
        "raw.csv",
        &[
            "--feature",
            "open",
            "--feature",
            "close_in_1",
            "--horizon",
            "1",
        ],
        2,
        "`features` leads to two columns named `close_in_1` in the examples. Next step: rename \
         that column of the raw table, or leave one of them out",
    );
    workspace.fails(
        "raw.csv",
        &["--feature", "open", "--feature", "date"],
        2,
        "`features` leads to two columns named `date` in the examples. Next step: rename that \
         column of the raw table, or leave one of them out",
    );
    workspace.fails(
        "s3://bucket/raw.csv",
        &[],
        2,
        "--raw-data: `s3://bucket/raw.csv` is not a storage address: expected \
         `gs://bucket/object`, a local path or `file:///path`",
    );
}

#[test]
fn inputs_that_are_not_the_table_are_refused() {
    let workspace = Workspace::new(days(60));
    workspace.fails(
        "missing.csv",
        &[],
        1,
        "missing.csv matches no object. Next step: check --raw-data and that the step before wrote it",
    );
    workspace.write("book.xlsx", b"PK\x03\x04rest");
    workspace.fails(
        "book.xlsx",
        &[],
        1,
        "book.xlsx is a ZIP archive or a spreadsheet, not CSV. Next step: save it as CSV; plain, \
         gzip and zstd files are read",
    );
    workspace.write("empty.csv", "");
    workspace.fails(
        "empty.csv",
        &[],
        1,
        "empty.csv is empty: it has no header line. Next step: give the file a first line with \
         the column names",
    );
    workspace.write("wide.csv", b"\xFF\xFEs\0");
    workspace.fails(
        "wide.csv",
        &[],
        1,
        "wide.csv is UTF-16 text. Next step: save it as UTF-8",
    );
    workspace.write("half.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0");
    workspace.fails(
        "half.csv.gz",
        &[],
        1,
        "cannot read half.csv.gz: unexpected end of file",
    );
    workspace.write("parts/a.csv", days(60));
    workspace.write("parts/b.csv", days(60).replace("volume", "amount"));
    workspace.fails(
        "parts",
        &[],
        1,
        "the header of b.csv differs from that of a.csv. Next step: transform files of different \
         tables one by one",
    );
}

#[test]
fn columns_and_series_that_are_not_there_are_named() {
    let workspace = Workspace::new(days(60));
    workspace.fails(
        "raw.csv",
        &["--label", "last"],
        1,
        "raw.csv has no columns named `last`; its columns are `slug`, `date`, `open`, `high`, \
         `low`, `close`, `volume`. Next step: name an existing column in the file for --config, \
         or by its flag (--series-column, --date-column, --label, --feature); --whole-table is for a \
         table without series",
    );
    workspace.fails(
        "raw.csv",
        &["--series-value", "dogecoin"],
        1,
        "none of the 60 rows has `dogecoin` in column `slug`. Next step: check --series-column \
         and --series-value",
    );
    workspace.write("semicolons.csv", "slug;date;open;high;low;close\n");
    workspace.fails(
        "semicolons.csv",
        &[],
        1,
        "semicolons.csv has no columns named `slug`; its columns are \
         `slug;date;open;high;low;close`. Next step: separate the columns with commas",
    );
    workspace.write("twice.csv", "slug,date,open,high,low,close,open\n");
    workspace.fails(
        "twice.csv",
        &[],
        1,
        "twice.csv has 2 columns named `open`; its columns are `slug`, `date`, `open`, `high`, \
         `low`, `close`, `open`. Next step: name an existing column in the file for --config, \
         or by its flag (--series-column, --date-column, --label, --feature); --whole-table is for a \
         table without series",
    );
}

#[test]
fn dates_that_can_be_read_in_two_ways_are_refused() {
    let dates = |lines: &[&str]| {
        let rows: String = lines
            .iter()
            .map(|date| format!("bitcoin,{date},1,2,1,1\n"))
            .collect();
        Workspace::new(format!("slug,date,open,high,low,close\n{rows}"))
    };
    dates(&["1/2/2018", "3/4/2018"]).fails(
        "raw.csv",
        &[],
        1,
        "the dates of column `date` are ambiguous: all of them, such as `1/2/2018`, are \
         day_month_year as well as month_day_year. Next step: say how they are written with \
         --date-format",
    );
    dates(&["28/4/2013", "4/29/2013"]).fails(
        "raw.csv",
        &[],
        1,
        "the dates of column `date` are written in two ways: `28/4/2013` (raw.csv line 2) is \
         day_month_year, `4/29/2013` (raw.csv line 3) is month_day_year. Next step: say how they \
         are written with --date-format",
    );
}

#[test]
fn a_finding_with_the_policy_error_stops_the_run_at_its_place() {
    let bad = [
        (
            "bitcoin,2021-01-01,,2,1,1,1",
            "missing_number",
            "column `open` is empty",
            "be drop",
        ),
        (
            "bitcoin,,1,2,1,1,1",
            "missing_date",
            "column `date` is empty",
            "be drop",
        ),
        (
            "bitcoin,2021-01-01,1,2,3,1,1",
            "low_above_high",
            "low 3 is above high 2",
            "be drop or keep",
        ),
        (
            "bitcoin,2020-01-01,1,2,1,1,1",
            "duplicate_date",
            "2020-01-01 is at raw.csv line 2 already",
            "be drop or keep",
        ),
        (
            "bitcoin,2019-01-01,1,2,1,1,1",
            "unordered_date",
            "2019-01-01 comes after 2020-02-29",
            "be drop or keep",
        ),
    ];
    for (line, finding, detail, instead) in bad {
        let workspace = Workspace::new(format!("{}{line}\n", days(60)));
        workspace.fails(
            "raw.csv",
            &["--policy", &format!("{finding}=error")],
            1,
            &format!(
                "raw.csv line 62: {detail}. Next step: correct the data, or let \
                 `policies.{finding}` {instead}"
            ),
        );
    }
    let workspace = Workspace::new(format!("{}bitcoin,2020-03-05,1,2,1,1,1\n", days(60)));
    workspace.fails(
        "raw.csv",
        &["--policy", "gap=error"],
        1,
        "between 2020-02-29 and 2020-03-05: 4 rows are missing. Next step: correct the data, or \
         let `policies.gap` be drop or keep",
    );
}

#[test]
fn a_table_of_which_no_row_is_left_names_an_example() {
    Workspace::new(days(30)).fails(
        "raw.csv",
        &["--date-format", "day_month_year"],
        1,
        "all 30 rows were rejected, for example raw.csv line 2: column `date` holds `2020-01-01`, \
         no date. Next step: correct the data, or the columns and formats configured",
    );
}

#[test]
fn too_little_to_learn_from_is_refused() {
    Workspace::new(days(3)).fails(
        "raw.csv",
        &[],
        1,
        "3 usable rows are too few for the splits: 2 train, 0 eval, 1 test. Next step: give more \
         rows, a shorter horizon or window, or other `split` fractions",
    );
    let flat: String = days(40)
        .lines()
        .enumerate()
        .map(|(row, line)| format!("{line},{}\n", if row == 0 { "flat" } else { "7" }))
        .collect();
    let raw = ["--price-representation", "raw"];
    Workspace::new(&flat).fails(
        "raw.csv",
        &[&raw[..], &["--label", "flat"]].concat(),
        1,
        "the label `flat` has one value, 7, in all 28 train rows. Next step: choose another \
         --label, or more rows",
    );
    Workspace::new(&flat).fails(
        "raw.csv",
        &[&raw[..], &["--feature", "flat"]].concat(),
        1,
        "every feature is constant over the 28 train rows. Next step: name other columns with \
         --feature",
    );
}

#[test]
fn a_price_too_far_from_its_reference_is_named() {
    let far = "bitcoin,2020-03-01,1e-200,1e200,1e-200,1e-200,1\n";
    Workspace::new(format!("{}{far}", days(60))).fails(
        "raw.csv",
        &[],
        1,
        "column `high` holds 1e200 on 2020-03-01, which has no log ratio to `open`. Next step: \
         correct that row, or use --price-representation raw",
    );
}

#[test]
fn a_record_without_an_end_is_refused_at_its_line() {
    let mut table = days(60);
    table.push_str("\"bitcoin,2020-03-01,");
    table.push_str(&"1".repeat(17 * 1024 * 1024));
    Workspace::new(table).fails(
        "raw.csv",
        &[],
        1,
        "raw.csv line 62: the record is longer than 16 MiB. Next step: close the quote that was \
         opened there",
    );
}

#[test]
fn a_store_that_takes_no_examples_is_named() {
    let workspace = Workspace::new(days(60));
    let run = Run::of(
        workspace
            .program(&["--raw-data", "raw.csv", "--examples", "raw.csv/examples"])
            .output()
            .unwrap(),
    );
    assert_eq!(
        run.error(1),
        "error: cannot write raw.csv/examples/train.parquet: Not a directory (os error 20)"
    );
}

#[test]
fn a_disk_that_is_full_is_named_with_its_folder() {
    let workspace = Workspace::new(days(60));
    // The system refuses to let a file grow beyond 512 bytes.
    let limited = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    let transform = workspace.command("raw.csv", &[]);
    let mut command = Command::new("sh");
    command
        .args(["-c", limited])
        .arg(transform.get_program())
        .args(transform.get_args())
        .current_dir(workspace.path(""))
        .env("TMPDIR", workspace.path("tmp"));
    assert_eq!(
        Run::of(command.output().unwrap()).error(1),
        format!(
            "error: cannot write a temporary file in {}: File too large (os error 27). Next step: \
             make room there, or set TMPDIR to a folder with room",
            workspace.path("tmp").display()
        )
    );
    let missing = workspace.path("missing");
    let mut command = workspace.command("raw.csv", &[]);
    let run = Run::of(command.env("TMPDIR", &missing).output().unwrap());
    let error = std::fs::read_dir(&missing).unwrap_err();
    assert_eq!(
        run.error(1),
        format!(
            "error: cannot make a temporary file in {}: {error}. Next step: make room there, or set \
             TMPDIR to a folder with room",
            missing.display()
        )
    );
}

#[test]
fn a_cancelled_run_publishes_nothing() {
    let workspace = Workspace::new("");
    let pipe = workspace.path("endless.csv");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let child = workspace.command("endless.csv", &[]).spawn().unwrap();
    // Opening waits for the reader; rows come until it is gone.
    let mut rows = File::options().write(true).open(&pipe).unwrap();
    rows.write_all(days(60).as_bytes()).unwrap();
    signal(&child, "TERM");
    let line = "bitcoin,2020-03-01,1,2,1,1,1\n".repeat(1000);
    while rows.write_all(line.as_bytes()).is_ok() {}
    assert_eq!(
        Run::of(child.wait_with_output().unwrap()).error(143),
        "error: transform was cancelled by SIGTERM; outputs are as they were before, or complete. \
         Next step: run it again to finish"
    );
    assert_eq!(workspace.temporary_files(), 0);
    assert!(workspace.files().is_empty());
}
