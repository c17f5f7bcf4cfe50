//! CSV tables with a header.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};

use csv::StringRecord;
use tokio_util::sync::CancellationToken;

use super::error::Problem;
use super::{Counts, PREDICTION};
use crate::servable::Servable;

/// Rows predicted at a time.
const BATCH_ROWS: usize = 4096;

/// Copies the table with the predictions as one more column.
pub(super) fn predict(
    model: &Servable,
    input: File,
    output: File,
    cancel: &CancellationToken,
) -> Result<Counts, Problem> {
    let mut reader = csv::Reader::from_reader(BufReader::new(input));
    let mut writer = csv::Writer::from_writer(BufWriter::new(output));
    let mut header = reader.headers()?.clone();
    if header.iter().any(|name| name == PREDICTION) {
        return Err(Problem::Taken { column: PREDICTION });
    }
    let place = |column: &String| {
        let position = header.iter().position(|name| name == column);
        position.ok_or_else(|| Problem::MissingColumn {
            column: column.clone(),
            found: header.iter().collect::<Vec<_>>().join(", "),
        })
    };
    let places: Vec<usize> = model.inputs().iter().map(place).collect::<Result<_, _>>()?;
    header.push_field(PREDICTION);
    writer.write_record(&header)?;

    let mut counts = Counts::default();
    let mut records: Vec<StringRecord> = Vec::with_capacity(BATCH_ROWS);
    let mut incoming = reader.records();
    loop {
        if cancel.is_cancelled() {
            return Err(Problem::Cancelled);
        }
        records.clear();
        for record in incoming.by_ref().take(BATCH_ROWS) {
            records.push(record?);
        }
        if records.is_empty() {
            break;
        }
        let cell = |record: &StringRecord, place: &usize| {
            let text = record.get(*place).unwrap_or_default().trim();
            text.parse().unwrap_or(f32::NAN)
        };
        let rows: Vec<f32> = records
            .iter()
            .flat_map(|record| places.iter().map(|place| cell(record, place)))
            .collect();
        let predictions = counts.predict(model, &rows);
        for (record, prediction) in records.iter_mut().zip(predictions) {
            let text = prediction.map(|value| value.to_string());
            record.push_field(&text.unwrap_or_default());
            writer.write_record(&*record)?;
        }
    }
    writer.flush()?;
    let mut inner = writer
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?;
    inner.flush()?;
    Ok(counts)
}
