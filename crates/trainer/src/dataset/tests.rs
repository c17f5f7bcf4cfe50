//! The same rows in memory and on disk are the same in everything that is made of them.

use artifacts::{Column as SchemaColumn, ColumnKind, Encoding, ExamplesFormat, LabelTransform};
use artifacts::{Provenance, SplitInfo, Splits};
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::baselines::Baselines;
use crate::metrics::evaluate;
use crate::store::Number;
use crate::uncertainty::{Predicted, intervals, skill};
use crate::{FitOptions, Training};

fn dataset(rows: usize) -> Dataset {
    let column = |name: &str, kind| SchemaColumn {
        name: name.to_owned(),
        kind,
    };
    let info = || SplitInfo {
        rows: rows as u64,
        first_date: String::new(),
        last_date: String::new(),
    };
    let inputs = vec!["open".to_owned(), "high".to_owned()];
    let schema = Schema {
        version: artifacts::FORMAT_VERSION,
        series: None,
        columns: vec![
            column("date", ColumnKind::Date),
            column("open", ColumnKind::Number),
            column("high", ColumnKind::Number),
            column("close", ColumnKind::Number),
        ],
        date_column: "date".to_owned(),
        inputs: inputs.clone(),
        label_column: "close".to_owned(),
        label_source: "close".to_owned(),
        horizon: 0,
        naive_column: "open".to_owned(),
        label_unit: None,
        format: ExamplesFormat::Csv,
        splits: Splits {
            train: info(),
            eval: info(),
            test: info(),
            gap_rows: 0,
        },
        provenance: Provenance::default(),
    };
    let params = TransformParams {
        version: artifacts::FORMAT_VERSION,
        inputs,
        reference: Some("open".to_owned()),
        features: vec![artifacts::FeatureTransform {
            input: "high".to_owned(),
            encoding: Encoding::LogRatio,
            mean: 0.1,
            scale: 0.2,
        }],
        label: LabelTransform {
            encoding: Encoding::LogRatio,
            mean: 0.0,
            scale: 0.1,
        },
    };
    let (schema, params) = (artifacts::to_json(&schema), artifacts::to_json(&params));
    Dataset::parse(&schema, &params).unwrap()
}

fn read(dataset: &Dataset, text: &str, keep: Keep) -> Result<Rows, DatasetError> {
    let content = Content::Bytes(Bytes::copy_from_slice(text.as_bytes()));
    dataset.rows(Split::Eval, content, keep)
}

fn all<T: Number>(column: &Column<T>) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    column.append(0..column.rows(), &mut values).unwrap();
    let bytes = |value: T| {
        let mut bytes = Vec::new();
        value.put(&mut bytes);
        bytes
    };
    values.into_iter().map(bytes).collect()
}

/// Everything that is made of a split, as text that tells every bit of a number.
fn described(dataset: &Dataset, rows: &Rows) -> String {
    let examples = &rows.examples;
    let raw = (
        all(&examples.instants),
        all(&examples.inputs),
        all(&examples.labels),
        all(&examples.naive),
    );
    let encoded = (all(rows.encoded.inputs()), all(rows.encoded.targets()));
    let baselines = Baselines::fit(dataset.schema(), dataset.transform().params(), examples);
    let baselines = baselines.map(|baselines| baselines.evaluate(examples).unwrap());
    let options = FitOptions {
        hidden_units: vec![4],
        train_steps: 5,
        eval_every: 2,
        ..FitOptions::default()
    };
    let mut training = Training::new(&rows.encoded, &rows.encoded, &options).unwrap();
    while training.advance().unwrap() {}
    let fit = training.finish();
    let predictions = rows.predict(&fit.network).unwrap();
    assert_eq!(predictions.is_held(), examples.labels.is_held());
    let (labels, naive) = (&examples.labels, &examples.naive);
    let predicted = Predicted {
        predictions: &predictions,
        labels,
    };
    let measured = (
        evaluate(&predictions, labels).unwrap(),
        skill(&predictions, naive, labels, 1).unwrap(),
        intervals(Encoding::LogRatio, predicted, predicted).unwrap(),
    );
    format!("{raw:?} {encoded:?} {baselines:?} {fit:?} {measured:?}")
}

fn assert_same(prices: &[(f64, f64, f64)]) {
    let day = |row: usize| {
        format!(
            "{}-{:02}-{:02}",
            1000 + row / 336,
            row / 28 % 12 + 1,
            row % 28 + 1
        )
    };
    let lines = prices.iter().enumerate();
    let lines: String = lines
        .map(|(row, (open, high, close))| format!("{},{open},{high},{close}\n", day(row)))
        .collect();
    let text = format!("date,open,high,close\n{lines}");
    let dataset = dataset(prices.len());
    let held = read(&dataset, &text, Keep::InMemory).unwrap();
    let stored = read(&dataset, &text, Keep::OnDisk).unwrap();
    assert!(!stored.examples.inputs.is_held() && !stored.encoded.inputs().is_held());
    let whole = described(&dataset, &held);
    assert!(whole == described(&dataset, &stored), "{} rows", held.len());
    // Cut in two and joined again, one part here and one there.
    let (middle, end) = (held.len() / 2, held.len());
    let joined = held
        .slice(0..middle)
        .followed_by(&stored.slice(middle..end));
    let joined = (all(&joined.examples.inputs), all(joined.encoded.inputs()));
    assert!(joined == (all(&held.examples.inputs), all(held.encoded.inputs())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_are_the_same_in_memory_and_on_disk(
        prices in prop::collection::vec((1.0..100.0_f64, 1.0..100.0_f64, 1.0..100.0_f64), 1..200),
    ) {
        assert_same(&prices);
    }
}

#[test]
fn so_are_several_blocks_of_rows() {
    let price = |i: u32| 1.0 + f64::from(i.wrapping_mul(2_654_435_761) >> 20);
    let rows = (0..9000).map(|i| (price(3 * i), price(3 * i + 1), price(3 * i + 2)));
    assert_same(&rows.collect::<Vec<_>>());
}

#[test]
fn a_row_that_cannot_be_encoded_is_named_by_its_place_in_the_file() {
    let lines: String = (0..5000)
        .map(|row| format!("2020-01-01,{},2,3\n", u8::from(row != 4500)))
        .collect();
    let text = format!("date,open,high,close\n{lines}");
    for keep in [Keep::InMemory, Keep::OnDisk] {
        let error = read(&dataset(5000), &text, keep).unwrap_err();
        assert_eq!(error.to_string(), "eval.csv cannot be encoded");
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "row 4500 cannot be encoded");
    }
}
