//! Example rows to a Parquet or CSV file.

use std::io::{BufWriter, Write};

use artifacts::ExamplesFormat;
use polars::prelude::{DataFrame, ParquetCompression, ParquetWriter, PolarsResult};

use crate::Error;
use crate::date::to_iso;

/// Rows of a Parquet row group: readers need one at a time in memory.
const ROW_GROUP: usize = 128 * 1024;

/// Writes `frame` in `format`. `dates` are the rows' dates in milliseconds, for CSV.
pub fn write(
    frame: &mut DataFrame,
    dates: &[i64],
    days: bool,
    format: ExamplesFormat,
    file: impl Write,
) -> Result<(), Error> {
    match format {
        ExamplesFormat::Parquet => ParquetWriter::new(file)
            .with_compression(ParquetCompression::Snappy)
            .with_row_group_size(Some(ROW_GROUP))
            .finish(frame)
            .map(drop)
            .map_err(|source| Error::Frame {
                action: "write a Parquet file",
                source,
            }),
        ExamplesFormat::Csv => csv(frame, dates, days, BufWriter::new(file)),
    }
}

/// Numbers are written with the fewest digits that read back as the same number.
fn csv(frame: &DataFrame, dates: &[i64], days: bool, file: impl Write) -> Result<(), Error> {
    let failed = |error: csv::Error| Error::Temporary {
        action: "write",
        source: error.into(),
    };
    let mut writer = csv::Writer::from_writer(file);
    writer
        .write_record(frame.get_column_names().iter().map(|name| name.as_bytes()))
        .map_err(failed)?;
    let columns = frame.columns()[1..]
        .iter()
        .map(|column| column.f64())
        .collect::<PolarsResult<Vec<_>>>()
        .map_err(|source| Error::Frame {
            action: "read the example columns",
            source,
        })?;
    for (row, date) in dates.iter().enumerate() {
        writer.write_field(to_iso(*date, days)).map_err(failed)?;
        for column in &columns {
            let value = column
                .get(row)
                .expect("example rows have no missing numbers");
            writer.write_field(value.to_string()).map_err(failed)?;
        }
        writer.write_record(None::<&[u8]>).map_err(failed)?;
    }
    writer.flush().map_err(|source| Error::Temporary {
        action: "write",
        source,
    })
}
