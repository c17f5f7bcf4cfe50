//! Predictions for whole tables.

use std::fs;
use std::fs::File;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::RowAccessor;
use parquet::schema::parser::parse_message_type;
use serde_json::json;

use crate::fixture::Fixture;
use crate::process::{Run, Sandbox, TARGET};

fn sandbox() -> Sandbox {
    Sandbox::with_model(Fixture::default())
}

fn predict(sandbox: &Sandbox, input: &str, output: &str) -> Run {
    sandbox.run(&[
        "predict", "--model", "model", "--input", input, "--output", output,
    ])
}

/// What the fixture predicts.
fn expected(open: f64) -> f64 {
    f64::from(open as f32 * f32::exp(0.5))
}

fn is_close(found: f64, open: f64) -> bool {
    (found / expected(open) - 1.0).abs() < 1e-5
}

/// Two row groups of a table with a text, an optional and a whole-number column, in another order
/// than the model's.
fn write_table(sandbox: &Sandbox) {
    let schema = "message table {
        required binary name (UTF8);
        optional double low;
        required int32 open;
        required double high;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = File::create(sandbox.path("table.parquet")).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    for opens in [vec![100, 200, -5], vec![300]] {
        let count = opens.len();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let names: Vec<ByteArray> = opens
            .iter()
            .map(|o| ByteArray::from(&*o.to_string()))
            .collect();
        column
            .typed::<ByteArrayType>()
            .write_batch(&names, None, None)
            .unwrap();
        column.close().unwrap();
        // The second row has no `low`.
        let levels: Vec<i16> = (0..count).map(|row| i16::from(row != 1)).collect();
        let lows = vec![90.0; levels.iter().filter(|level| **level == 1).count()];
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<DoubleType>()
            .write_batch(&lows, Some(&levels), None)
            .unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<Int32Type>()
            .write_batch(&opens, None, None)
            .unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<DoubleType>()
            .write_batch(&vec![110.0; count], None, None)
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn a_parquet_table_gets_one_more_column() {
    let sandbox = sandbox();
    write_table(&sandbox);
    let run = predict(&sandbox, "table.parquet", "out/predicted.parquet");
    assert_eq!(run.succeeds(), json!({"rows": 4, "refused_rows": 2}));
    assert!(
        run.stderr
            .contains("the first is row 2: `low` is NaN; it must be a finite number"),
        "{}",
        run.stderr
    );
    assert_eq!(sandbox.list("out"), ["predicted.parquet"]);
    let reader =
        SerializedFileReader::new(File::open(sandbox.path("out/predicted.parquet")).unwrap());
    let reader = reader.unwrap();
    assert_eq!(reader.num_row_groups(), 2);
    let rows: Vec<_> = reader
        .get_row_iter(None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 4);
    for (row, open) in rows.iter().zip([100, 200, -5, 300]) {
        assert_eq!(row.get_string(0).unwrap(), &open.to_string());
        assert_eq!(row.get_int(2).unwrap(), open);
        assert_eq!(row.get_double(3).unwrap(), 110.0);
    }
    assert!(is_close(rows[0].get_double(4).unwrap(), 100.0));
    assert!(rows[1].get_double(4).is_err() && rows[2].get_double(4).is_err());
    assert!(is_close(rows[3].get_double(4).unwrap(), 300.0));
}

#[test]
fn a_csv_table_gets_one_more_column() {
    let sandbox = sandbox();
    let mut table = "day,low,open,high\n".to_owned();
    for row in 1..=5_000 {
        table.push_str(&format!("\"{row},x\",90, {row},110\n"));
    }
    table.push_str("far,1,1e-40,3e38\nlast,,1,2\n");
    fs::write(sandbox.path("table.csv"), table).unwrap();
    let run = predict(&sandbox, "table.csv", "predicted.csv");
    assert_eq!(
        run.succeeds(),
        json!({"rows": 5_002, "refused_rows": 2}),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains("the first is row 5001: its prediction is not a finite number"),
        "{}",
        run.stderr
    );
    let predicted = sandbox.text("predicted.csv");
    let mut lines = predicted.lines();
    assert_eq!(lines.next(), Some("day,low,open,high,prediction"));
    for (row, line) in (1..=5_000).zip(lines.by_ref()) {
        let (rest, prediction) = line.rsplit_once(',').unwrap();
        assert_eq!(rest, format!("\"{row},x\",90, {row},110"));
        assert!(is_close(prediction.parse().unwrap(), f64::from(row)));
    }
    assert_eq!(lines.next(), Some("far,1,1e-40,3e38,"));
    assert_eq!(lines.next(), Some("last,,1,2,"));
}

#[test]
fn the_served_version_predicts() {
    let sandbox = sandbox();
    fs::write(sandbox.path("t.csv"), "open,high,low\n100,110,90\n").unwrap();
    let flags = ["predict", "--input", "t.csv", "--output", "p.csv"];
    sandbox.run(&[&flags[..], &TARGET].concat()).fails(
        1,
        "error: no version of `btc` is served. Next step: deploy the model first, or name a \
         folder with --model",
    );
    sandbox.deploy(&["--model", "model"]).succeeds();
    sandbox.run(&[&flags[..], &TARGET].concat()).succeeds();
    assert_eq!(sandbox.text("p.csv").lines().count(), 2);
}

#[test]
fn a_table_that_cannot_be_predicted_is_said_and_nothing_written() {
    const NEXT: &str =
        "Next step: give a table with a number column for each of the model's inputs";
    let sandbox = sandbox();
    let refused = |name: &str, content: &str, problem: &str| {
        fs::write(sandbox.path(name), content).unwrap();
        let extension = name.rsplit_once('.').unwrap().1;
        predict(&sandbox, name, &format!("out.{extension}")).fails(
            1,
            &format!("error: cannot predict the table {name}: {problem}. {NEXT}"),
        );
        assert!(!sandbox.path(&format!("out.{extension}")).exists());
        assert!(!sandbox.path(&format!(".out.{extension}.incoming")).exists());
    };
    refused(
        "a.csv",
        "open,high\n1,2\n",
        "it has no column `low`; it has open, high",
    );
    refused(
        "b.csv",
        "open,high,low,prediction\n",
        "it has a column `prediction` already",
    );
    refused(
        "c.csv",
        "open,high,low\n1,2\n",
        "CSV error: record 1 (line: 2, byte: 14): found record with 2 fields, but the previous \
         record has 3 fields",
    );
    refused(
        "d.parquet",
        "no Parquet at all",
        "Parquet error: Invalid Parquet file. Corrupt footer",
    );
    let schema = parse_message_type("message table { required binary open (UTF8); }").unwrap();
    let file = File::create(sandbox.path("e.parquet")).unwrap();
    let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::default()).unwrap();
    writer.close().unwrap();
    predict(&sandbox, "e.parquet", "out.parquet").fails(
        1,
        &format!(
            "error: cannot predict the table e.parquet: its column `open` is BYTE_ARRAY, not a \
             number. {NEXT}"
        ),
    );
    predict(&sandbox, "gone.csv", "out.csv").fails(
        1,
        "error: cannot read gone.csv: No such file or directory (os error 2). Next step: check \
         the path, its permissions and the space on the disk",
    );
}

#[test]
fn tables_are_told_by_their_extension() {
    let sandbox = sandbox();
    predict(&sandbox, "t.xlsx", "p.csv").fails(
        2,
        "error: --input \"t.xlsx\" is neither Parquet nor CSV by its name. Next step: give an \
         address that ends in .parquet or .csv",
    );
    predict(&sandbox, "t.csv", "p.parquet").fails(
        2,
        "error: --output \"p.parquet\" is of another format than --input. Next step: give both \
         the extension .parquet, or both .csv",
    );
    sandbox.run(&["predict", "--output", "p.csv"]).fails(
        2,
        "error: --input is missing. Next step: give --input; see 'deploy --help'",
    );
    let flags = ["predict", "--input", "t.csv", "--output", "p.csv"];
    sandbox.run(&flags).fails(
        2,
        "error: --model or --model-repository is missing. Next step: give --model or \
         --model-repository; see 'deploy --help'",
    );
    let run = sandbox.run(&[&flags[..], &["--model", "m", "--dry-run"]].concat());
    assert_eq!(
        run.stdout,
        "reads m\nreads t.csv\nthen adds the column prediction to every row\nwrites p.csv\n"
    );
}
