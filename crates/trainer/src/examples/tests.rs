use std::io::{Seek as _, Write as _};
use std::sync::Arc;

use artifacts::{Column, SplitInfo, Splits};
use parquet::{
    data_type::{DoubleType, Int32Type, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};

use super::*;

const CSV: &str =
    "date,open,high,close\n2013-04-28,135.5,136,134.25\n2013-04-29,134.5,147.5,144.5\n";

fn schema(format: ExamplesFormat, rows: u64) -> Schema {
    let info = || SplitInfo {
        rows,
        first_date: "a".into(),
        last_date: "b".into(),
    };
    let column = |name: &str, kind| Column {
        name: name.into(),
        kind,
    };
    Schema {
        version: artifacts::FORMAT_VERSION,
        series: None,
        columns: vec![
            column("date", ColumnKind::Date),
            column("open", ColumnKind::Number),
            column("high", ColumnKind::Number),
            column("close", ColumnKind::Number),
        ],
        date_column: "date".into(),
        inputs: vec!["open".into(), "high".into()],
        label_column: "close".into(),
        label_source: "close".into(),
        horizon: 0,
        naive_column: "open".into(),
        label_unit: Some("USD".into()),
        format,
        splits: Splits {
            train: info(),
            eval: info(),
            test: info(),
            gap_rows: 0,
        },
        provenance: artifacts::Provenance::default(),
    }
}

/// All rows of a file, from memory and from a file on disk.
fn decode_all(schema: &Schema, split: Split, bytes: &Bytes) -> Result<Decoded, ExamplesError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let [held, stored] = [Content::Bytes(bytes.clone()), Content::File(file)].map(|content| {
        let mut all = Decoded::default();
        decode(schema, split, content, |rows| {
            all.instants.extend(rows.instants);
            all.inputs.extend(rows.inputs);
            all.labels.extend(rows.labels);
            all.naive.extend(rows.naive);
            Ok::<_, ExamplesError>(())
        })
        .map(|()| all)
    });
    match (&held, &stored) {
        (Ok(held), Ok(stored)) => assert_eq!(held, stored),
        (Err(held), Err(stored)) => assert_eq!(held.to_string(), stored.to_string()),
        _ => panic!("{held:?} from memory, {stored:?} from disk"),
    }
    held
}

fn expected() -> Decoded {
    Decoded {
        instants: vec![15_823 * DAY_MS, 15_824 * DAY_MS],
        inputs: vec![135.5, 136.0, 134.5, 147.5],
        labels: vec![134.25, 144.5],
        naive: vec![135.5, 134.5],
    }
}

fn csv_error(text: &str) -> String {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let schema = schema(ExamplesFormat::Csv, 2);
    decode_all(&schema, Split::Train, &bytes)
        .unwrap_err()
        .to_string()
}

/// A Parquet file whose columns are given as Parquet reads them.
enum Cells {
    Days(Vec<Option<i32>>),
    Milliseconds(Vec<i64>),
    Numbers(Vec<Option<f64>>),
}

fn parquet_file(groups: &[&[(&str, Cells)]]) -> Bytes {
    let fields: String = groups[0]
        .iter()
        .map(|(name, cells)| match cells {
            Cells::Days(_) => format!("optional int32 {name} (DATE); "),
            Cells::Milliseconds(_) => format!("required int64 {name} (TIMESTAMP(MILLIS,true)); "),
            Cells::Numbers(_) => format!("optional double {name}; "),
        })
        .collect();
    let schema = Arc::new(parse_message_type(&format!("message examples {{ {fields} }}")).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    for columns in groups {
        let mut group = writer.next_row_group().unwrap();
        for (_, cells) in *columns {
            let mut column = group.next_column().unwrap().unwrap();
            match cells {
                Cells::Days(days) => {
                    let (values, levels) = optional(days);
                    column
                        .typed::<Int32Type>()
                        .write_batch(&values, Some(&levels), None)
                        .unwrap();
                }
                Cells::Milliseconds(ticks) => {
                    column
                        .typed::<Int64Type>()
                        .write_batch(ticks, None, None)
                        .unwrap();
                }
                Cells::Numbers(numbers) => {
                    let (values, levels) = optional(numbers);
                    column
                        .typed::<DoubleType>()
                        .write_batch(&values, Some(&levels), None)
                        .unwrap();
                }
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes.into()
}

fn optional<T: Copy>(cells: &[Option<T>]) -> (Vec<T>, Vec<i16>) {
    (
        cells.iter().flatten().copied().collect(),
        cells.iter().map(|cell| i16::from(cell.is_some())).collect(),
    )
}

fn numbers(values: &[f64]) -> Cells {
    Cells::Numbers(values.iter().copied().map(Some).collect())
}

fn decode_parquet(bytes: &Bytes) -> Result<Decoded, ExamplesError> {
    decode_all(&schema(ExamplesFormat::Parquet, 2), Split::Eval, bytes)
}

#[test]
fn csv_rows_are_decoded_whatever_the_column_order() {
    let schema = schema(ExamplesFormat::Csv, 2);
    let found = decode_all(&schema, Split::Train, &Bytes::from_static(CSV.as_bytes())).unwrap();
    assert_eq!(found, expected());
    let shuffled = "close,extra,high,date,open\n134.25,x,136,2013-04-28T00:00:00.000Z,135.5\n\
                    144.5,y,147.5,2013-04-29T00:00:00.000Z,134.5\n";
    let bytes = Bytes::from_static(shuffled.as_bytes());
    assert_eq!(
        decode_all(&schema, Split::Train, &bytes).unwrap(),
        expected()
    );
}

#[test]
fn parquet_rows_are_decoded_over_several_row_groups() {
    let one = |day, open, high, close| {
        [
            ("close", numbers(&[close])),
            ("date", Cells::Days(vec![Some(day)])),
            ("high", numbers(&[high])),
            ("open", numbers(&[open])),
        ]
    };
    let groups = [
        one(15_823, 135.5, 136.0, 134.25),
        one(15_824, 134.5, 147.5, 144.5),
    ];
    assert_eq!(
        decode_parquet(&parquet_file(&[&groups[0], &groups[1]])).unwrap(),
        expected()
    );
}

#[test]
fn parquet_instants_are_decoded() {
    let file = parquet_file(&[&[
        ("date", Cells::Milliseconds(vec![1, 2])),
        ("open", numbers(&[1.0, 2.0])),
        ("high", numbers(&[1.0, 2.0])),
        ("close", numbers(&[1.0, 2.0])),
    ]]);
    assert_eq!(decode_parquet(&file).unwrap().instants, [1, 2]);
}

#[test]
fn rows_are_numbered_through_blocks_and_row_groups() {
    let rows = 2 * crate::store::BLOCK as i32 + 5;
    let group = |first: i32, broken: Option<i32>| {
        let values: Vec<f64> = (first..first + rows).map(f64::from).collect();
        let high = (first..first + rows).map(|row| (Some(row) != broken).then_some(f64::from(row)));
        [
            (
                "date",
                Cells::Days((first..first + rows).map(Some).collect()),
            ),
            ("open", numbers(&values)),
            ("high", Cells::Numbers(high.collect())),
            ("close", numbers(&values)),
        ]
    };
    let decode = |broken| {
        let groups = [group(0, None), group(rows, broken)];
        let bytes = parquet_file(&[&groups[0], &groups[1]]);
        let schema = schema(ExamplesFormat::Parquet, 2 * rows as u64);
        decode_all(&schema, Split::Eval, &bytes)
    };
    let whole = decode(None).unwrap();
    assert!((0..2 * rows).map(f64::from).eq(whole.labels));
    let broken = 2 * rows - 2;
    assert_eq!(
        decode(Some(broken)).unwrap_err().to_string(),
        format!("eval.parquet, column `high`, row {}: empty", broken + 1)
    );
    let mut text = "date,open,high,close\n".to_owned();
    text.extend((0..rows).map(|row| {
        format!(
            "{},1,2,3\n",
            if row < rows - 1 {
                "2020-01-02"
            } else {
                "2020-01-01"
            }
        )
    }));
    let bytes = Bytes::from(text);
    let schema = schema(ExamplesFormat::Csv, rows as u64);
    assert_eq!(
        decode_all(&schema, Split::Eval, &bytes)
            .unwrap_err()
            .to_string(),
        format!("eval.csv, column `date`, row {rows}: older than the row before it")
    );
}

#[test]
fn bad_cells_are_named_by_file_column_and_row() {
    assert_eq!(
        csv_error(&CSV.replace("144.5", "n/a")),
        "train.csv, column `close`, row 2: `n/a` is not a number"
    );
    assert_eq!(
        csv_error(&CSV.replace("136", "")),
        "train.csv, column `high`, row 1: empty"
    );
    assert_eq!(
        csv_error(&CSV.replace("147.5", "inf")),
        "train.csv, column `high`, row 2: inf is not a finite number"
    );
    assert_eq!(
        csv_error(&CSV.replace("2013-04-28", "28/4/2013")),
        "train.csv, column `date`, row 1: `28/4/2013` is neither a date (YYYY-MM-DD) nor an \
         instant (YYYY-MM-DDTHH:MM:SSZ)"
    );
    assert_eq!(
        csv_error(&CSV.replace("04-29", "04-27")),
        "train.csv, column `date`, row 2: older than the row before it"
    );
    let null = parquet_file(&[&[
        ("date", Cells::Days(vec![Some(1), Some(2)])),
        ("open", numbers(&[1.0, 2.0])),
        ("high", Cells::Numbers(vec![Some(1.0), None])),
        ("close", numbers(&[1.0, 2.0])),
    ]]);
    assert_eq!(
        decode_parquet(&null).unwrap_err().to_string(),
        "eval.parquet, column `high`, row 2: empty"
    );
}

#[test]
fn missing_columns_and_wrong_types_are_named() {
    assert_eq!(
        csv_error(&CSV.replace("high", "peak")),
        "train.csv has no column `high`; it has date, open, peak, close"
    );
    let without = parquet_file(&[&[("date", Cells::Days(vec![])), ("open", numbers(&[]))]]);
    assert_eq!(
        decode_parquet(&without).unwrap_err().to_string(),
        "eval.parquet has no column `high`; it has date, open"
    );
    let columns = |date, open| {
        parquet_file(&[&[
            ("date", date),
            ("open", open),
            ("high", numbers(&[1.0])),
            ("close", numbers(&[1.0])),
        ]])
    };
    assert_eq!(
        decode_parquet(&columns(numbers(&[1.0]), numbers(&[1.0])))
            .unwrap_err()
            .to_string(),
        "eval.parquet, column `date`: stored as DOUBLE, wanted DATE or TIMESTAMP"
    );
    let date = || Cells::Days(vec![Some(1)]);
    assert_eq!(
        decode_parquet(&columns(date(), date()))
            .unwrap_err()
            .to_string(),
        "eval.parquet, column `open`: stored as INT32 (DATE), wanted DOUBLE"
    );
}

#[test]
fn unreadable_files_are_refused_with_the_cause_as_source() {
    let error = decode_parquet(&Bytes::from_static(b"<html>not found</html>")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "eval.parquet is not a readable Parquet file"
    );
    assert!(
        std::error::Error::source(&error)
            .unwrap()
            .to_string()
            .contains("Invalid Parquet")
    );
    assert_eq!(
        csv_error("date,open,high,close\n1,2\n"),
        "train.csv is not readable CSV"
    );
}

#[test]
fn a_file_of_another_run_is_refused() {
    let bytes = Bytes::from_static(CSV.as_bytes());
    let error = decode_all(&schema(ExamplesFormat::Csv, 3), Split::Test, &bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "test.csv holds 2 rows, schema.json says 3"
    );
    assert_eq!(
        csv_error("date,open,high,close\n"),
        "train.csv holds no rows"
    );
}

#[test]
fn a_schema_that_contradicts_itself_is_refused() {
    let error = |change: fn(&mut Schema)| {
        let mut schema = schema(ExamplesFormat::Csv, 2);
        change(&mut schema);
        let bytes = Bytes::from_static(CSV.as_bytes());
        decode_all(&schema, Split::Train, &bytes)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error(|schema| schema.inputs.push("low".into())),
        "schema.json uses column `low` but does not declare it in \"columns\""
    );
    assert_eq!(
        error(|schema| schema.columns[0].kind = ColumnKind::Number),
        "schema.json declares its date column `date` a number"
    );
    assert_eq!(
        error(|schema| schema.columns[2].kind = ColumnKind::Date),
        "schema.json declares column `high` a date, but uses it as a number"
    );
}
