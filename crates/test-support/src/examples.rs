//! A small examples folder as `transform` would write it.

use std::path::Path;

use serde_json::{Value, json};

/// Rows of the three splits.
pub const ROWS: [usize; 3] = [140, 30, 30];
/// Names of the three splits.
const SPLITS: [&str; 3] = ["train", "eval", "test"];

/// Writes CSV examples of a random walk to `folder`: `open`, `high`, `low` and the `close` to
/// predict, a row a day, encoded as logarithms relative to `open`. The same seed gives the same
/// bytes. The close is a noisy function of high and low, so there is something to learn.
///
/// # Panics
/// When the folder cannot be written.
pub fn write_examples(folder: &Path, seed: u64) {
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let write = |name: &str, text: String| {
        std::fs::write(folder.join(name), text).expect("the folder is writable");
    };
    let rows = random_walk(seed, ROWS.iter().sum());
    let mut first = 0;
    let mut splits = serde_json::Map::from_iter([("gap_rows".to_owned(), json!(0))]);
    for (name, count) in SPLITS.into_iter().zip(ROWS) {
        let text: String = (first..first + count)
            .map(|day| line(day, rows[day]))
            .collect();
        write(
            &format!("{name}.csv"),
            format!("date,open,high,low,close\n{text}"),
        );
        let info = json!({
            "rows": count, "first_date": date(first), "last_date": date(first + count - 1),
        });
        splits.insert(name.to_owned(), info);
        first += count;
    }
    let train = &rows[..ROWS[0]];
    write("schema.json", schema(&Value::Object(splits)).to_string());
    write("transform_params.json", transform_params(train).to_string());
}

fn schema(splits: &Value) -> Value {
    let number = |name: &str| json!({ "name": name, "kind": "number" });
    json!({
        "version": 1,
        "columns": [
            { "name": "date", "kind": "date" },
            number("open"), number("high"), number("low"), number("close"),
        ],
        "date_column": "date",
        "inputs": ["open", "high", "low"],
        "label_column": "close",
        "label_source": "close",
        "horizon": 0,
        "naive_column": "open",
        "label_unit": "USD",
        "format": "csv",
        "splits": splits,
        "provenance": { "build": "test-support", "inputs": [] },
    })
}

fn transform_params(train: &[[f64; 4]]) -> Value {
    let (high, low, close) = (fitted(train, 1), fitted(train, 2), fitted(train, 3));
    let feature = |input: &str, (mean, scale): (f64, f64)| json!({ "input": input, "encoding": "log_ratio", "mean": mean, "scale": scale });
    json!({
        "version": 1,
        "inputs": ["open", "high", "low"],
        "reference": "open",
        "features": [feature("high", high), feature("low", low)],
        "label": { "encoding": "log_ratio", "mean": close.0, "scale": close.1 },
    })
}

/// Mean and standard deviation of the logarithm of a column relative to the opening price.
fn fitted(rows: &[[f64; 4]], column: usize) -> (f64, f64) {
    let values: Vec<f64> = rows.iter().map(|row| (row[column] / row[0]).ln()).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / count;
    (mean, variance.sqrt())
}

/// Open, high, low and close by day.
fn random_walk(seed: u64, days: usize) -> Vec<[f64; 4]> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    // A linear congruential generator is random enough for prices.
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut open = 100.0_f64;
    (0..days)
        .map(|_| {
            let (up, down, noise) = (0.05 * uniform(), 0.05 * uniform(), 0.01 * uniform());
            let close = open * (up - down + noise - 0.005).exp();
            let (high, low) = (
                open * up.exp().max(close / open),
                open * (-down).exp().min(close / open),
            );
            let row = [open, high, low, close];
            open = close;
            row
        })
        .collect()
}

fn line(day: usize, [open, high, low, close]: [f64; 4]) -> String {
    format!("{},{open},{high},{low},{close}\n", date(day))
}

/// Days from 2020-01-01 on.
fn date(day: usize) -> String {
    let first = jiff::civil::date(2020, 1, 1);
    let days = jiff::Span::new().days(day as i64);
    first
        .checked_add(days)
        .expect("a few hundred days later is a date")
        .to_string()
}
