//! Writes an examples folder of any size, in Parquet, for measuring how `train` copes with it.
//!
//! `cargo run --release -p trainer --example write_examples -- FOLDER ROWS`: a row a minute of a
//! random walk's opening, highest, lowest and closing price, the last two hundredths of the rows as
//! eval and test split. The same numbers give the same bytes.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use artifacts::{
    Column, ColumnKind, Encoding, ExamplesFormat, FeatureTransform, LabelTransform, Provenance,
    Schema, Split, SplitInfo, Splits, TransformParams, layout, to_json,
};
use parquet::basic::Compression;
use parquet::data_type::{DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use trainer::Random;

type Failure = Box<dyn std::error::Error>;

/// Rows of a row group.
const GROUP: u64 = 100_000;
/// Rows that means and scales are taken from.
const FITTED: usize = 10_000;
const PRICES: [&str; 4] = ["open", "high", "low", "close"];

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, rows] = arguments.as_slice() else {
        return Err("usage: write_examples FOLDER ROWS".into());
    };
    let (folder, rows) = (Path::new(folder), rows.parse::<u64>()?);
    std::fs::create_dir_all(folder)?;
    let part = (rows / 100).max(1);
    let counts = [rows.saturating_sub(2 * part), part, part];
    let schema = schema(counts);
    let mut walk = Walk::new();
    for (split, count) in Split::ALL.into_iter().zip(counts) {
        write_split(&folder.join(schema.file_name(split)), count, &mut walk)?;
    }
    std::fs::write(folder.join(layout::examples::SCHEMA), to_json(&schema))?;
    let params = folder.join(layout::examples::TRANSFORM_PARAMS);
    std::fs::write(params, to_json(&transform_params()))?;
    Ok(())
}

fn schema(counts: [u64; 3]) -> Schema {
    let column = |name: &str, kind| Column {
        name: name.to_owned(),
        kind,
    };
    let prices = PRICES.map(|name| column(name, ColumnKind::Number));
    let [train, eval, test] = counts.map(|rows| SplitInfo {
        rows,
        first_date: String::new(),
        last_date: String::new(),
    });
    Schema {
        version: artifacts::FORMAT_VERSION,
        series: None,
        columns: [column("date", ColumnKind::Timestamp)]
            .into_iter()
            .chain(prices)
            .collect(),
        date_column: "date".to_owned(),
        inputs: PRICES[..3].iter().map(ToString::to_string).collect(),
        label_column: "close".to_owned(),
        label_source: "close".to_owned(),
        horizon: 0,
        naive_column: "open".to_owned(),
        label_unit: Some("USD".to_owned()),
        format: ExamplesFormat::Parquet,
        splits: Splits {
            train,
            eval,
            test,
            gap_rows: 0,
        },
        provenance: Provenance::default(),
    }
}

fn transform_params() -> TransformParams {
    let mut walk = Walk::new();
    let rows: Vec<[f64; 4]> = (0..FITTED).map(|_| walk.next_row()).collect();
    let fitted = |price: usize| {
        let values = rows.iter().map(|row| (row[price] / row[0]).ln());
        let mean = values.clone().sum::<f64>() / FITTED as f64;
        let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / FITTED as f64;
        (mean, variance.sqrt())
    };
    let feature = |price: usize| {
        let (mean, scale) = fitted(price);
        FeatureTransform {
            input: PRICES[price].to_owned(),
            encoding: Encoding::LogRatio,
            mean,
            scale,
        }
    };
    let (mean, scale) = fitted(3);
    TransformParams {
        version: artifacts::FORMAT_VERSION,
        inputs: PRICES[..3].iter().map(ToString::to_string).collect(),
        reference: Some("open".to_owned()),
        features: vec![feature(1), feature(2)],
        label: LabelTransform {
            encoding: Encoding::LogRatio,
            mean,
            scale,
        },
    }
}

fn write_split(path: &Path, rows: u64, walk: &mut Walk) -> Result<(), Failure> {
    let fields = PRICES.map(|name| format!("required double {name};"));
    let message = format!(
        "message examples {{ required int64 date (TIMESTAMP(MILLIS,true)); {} }}",
        fields.join(" ")
    );
    let schema = Arc::new(parse_message_type(&message)?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .build();
    let file = BufWriter::new(File::create(path)?);
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    let mut written = 0;
    while written < rows {
        let count = GROUP.min(rows - written);
        let mut instants = Vec::new();
        let mut prices = PRICES.map(|_| Vec::new());
        for _ in 0..count {
            instants.push(walk.minute * 60_000);
            for (values, price) in prices.iter_mut().zip(walk.next_row()) {
                values.push(price);
            }
        }
        let mut group = writer.next_row_group()?;
        let mut column = group.next_column()?.ok_or("no date column")?;
        column
            .typed::<Int64Type>()
            .write_batch(&instants, None, None)?;
        column.close()?;
        for values in &prices {
            let mut column = group.next_column()?.ok_or("no price column")?;
            column
                .typed::<DoubleType>()
                .write_batch(values, None, None)?;
            column.close()?;
        }
        group.close()?;
        written += count;
    }
    writer.close()?;
    Ok(())
}

/// A random walk that stays between 1 and 10,000.
struct Walk {
    random: Random,
    open: f64,
    minute: i64,
}

impl Walk {
    fn new() -> Self {
        Self {
            random: Random::new(1),
            open: 100.0,
            minute: 0,
        }
    }

    /// Open, high, low and close.
    fn next_row(&mut self) -> [f64; 4] {
        let mut part = |size: f64| size * self.random.uniform();
        let (up, down, noise) = (part(0.05), part(0.05), part(0.01));
        let open = self.open;
        let close = open * (up - down + noise - 0.005).exp();
        let high = open * up.exp().max(close / open);
        let low = open * (-down).exp().min(close / open);
        self.open = close.clamp(1.0, 10_000.0);
        self.minute += 1;
        [open, high, low, close]
    }
}
