//! How the input may be written.

use std::io::Write;

use crate::harness::{Workspace, days};

/// The table with each date (cell 1) rewritten.
fn with_dates(change: impl Fn(&str) -> String) -> String {
    let table = days(60);
    let line = |(row, line): (usize, &str)| {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        if row > 0 {
            cells[1] = change(&cells[1]);
        }
        cells.join(",") + "\n"
    };
    table.lines().enumerate().map(line).collect()
}

fn examples(workspace: &Workspace, raw: &str) -> Vec<Vec<u8>> {
    workspace.done(raw, &[]);
    let files = workspace.files();
    [
        "train.parquet",
        "eval.parquet",
        "test.parquet",
        "transform_params.json",
    ]
    .map(|name| files[name].clone())
    .into()
}

#[test]
fn the_spelling_of_dates_and_numbers_does_not_show_in_the_examples() {
    let expected = examples(&Workspace::new(days(60)), "raw.csv");
    let part =
        |date: &str, range: std::ops::Range<usize>| date[range].trim_start_matches('0').to_owned();
    let spellings = [
        with_dates(|d| format!("{}/{}/{}", part(d, 8..10), part(d, 5..7), &d[..4])),
        with_dates(|d| format!("{}/{}/{} 00:00", part(d, 5..7), part(d, 8..10), &d[2..4])),
        with_dates(|d| format!("{d}T00:00:00Z")),
        with_dates(|d| {
            let date: jiff::civil::Date = d.parse().unwrap();
            let midnight = date.to_datetime(jiff::civil::Time::midnight());
            let instant = jiff::tz::Offset::UTC.to_timestamp(midnight).unwrap();
            instant.as_second().to_string()
        }),
        days(60).replace('\n', "\r\n"),
        format!("\u{feff}{}", days(60)),
        days(60)
            .lines()
            .map(|line| line.replace("bitcoin", "\"bitcoin\"") + "\n")
            .collect(),
        days(60).replace(",100,", ",1.00E+02,"),
    ];
    for (index, spelling) in spellings.into_iter().enumerate() {
        assert_eq!(
            examples(&Workspace::new(spelling), "raw.csv"),
            expected,
            "spelling {index}"
        );
    }
}

#[test]
fn folders_globs_and_compression_do_not_show_in_the_examples() {
    let table = days(60);
    let expected = examples(&Workspace::new(&table), "raw.csv");
    let header = table.lines().next().unwrap();
    let lines: Vec<&str> = table.lines().skip(1).collect();
    let part = |rows: &[&str]| format!("{header}\n{}\n", rows.join("\n"));
    let workspace = Workspace::new("");
    workspace.write("parts/a.csv", part(&lines[..20]));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(part(&lines[20..40]).as_bytes()).unwrap();
    workspace.write("parts/b.csv.gz", gzip.finish().unwrap());
    let zstd = zstd::encode_all(part(&lines[40..]).as_bytes(), 3).unwrap();
    workspace.write("parts/c.csv.zst", zstd);
    assert_eq!(examples(&workspace, "parts/"), expected);
    assert_eq!(examples(&workspace, "parts/*.csv*"), expected);
    let inputs = workspace.json("schema.json")["provenance"]["inputs"].clone();
    assert_eq!(inputs[1]["name"], "b.csv.gz");
    assert_eq!(inputs.as_array().unwrap().len(), 3);
}

#[test]
fn a_time_of_day_makes_instants() {
    let workspace = Workspace::new(with_dates(|date| format!("{date} 09:30")));
    workspace.done("raw.csv", &["--format", "csv"]);
    let schema = workspace.json("schema.json");
    assert_eq!(schema["columns"][0]["kind"], "timestamp");
    assert_eq!(
        schema["splits"]["train"]["first_date"],
        "2020-01-01T09:30:00.000Z"
    );
    let first = workspace
        .text("train.csv")
        .lines()
        .nth(1)
        .unwrap()
        .to_owned();
    assert_eq!(first, "2020-01-01T09:30:00.000Z,100,105,96,101");
}

#[test]
fn a_configuration_file_is_yaml_or_json_and_flags_win() {
    let workspace = Workspace::new(
        days(60)
            .replace("bitcoin", "ether")
            .replace("close", "last"),
    );
    workspace.write(
        "config.yaml",
        "series: {column: slug, value: ether}\nlabel: last\nhorizon: 3\n\
         numeric_columns: {price: [open, high, low, last]}\npolicies: {gap: error}\n",
    );
    workspace.done("raw.csv", &["--config", "config.yaml", "--horizon", "1"]);
    let schema = workspace.json("schema.json");
    assert_eq!(
        (&schema["label_column"], &schema["horizon"]),
        (&"last_in_1".into(), &1.into())
    );
    let config = workspace.json("statistics.json")["config"].clone();
    assert_eq!(config["policies"]["gap"], "error");
    let expected = workspace.files();
    workspace.write("config.json", config.to_string());
    workspace.done("raw.csv", &["--config", "config.json"]);
    assert_eq!(workspace.files(), expected);
}
