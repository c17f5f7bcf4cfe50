//! Example rows to a Parquet or CSV file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;

use artifacts::ExamplesFormat;
use polars::prelude::{
    Column, DataFrame, DataType, NamedFrom, ParquetCompression, ParquetWriter, PolarsError,
    PolarsResult, Series, TimeUnit,
};

use crate::Error;
use crate::date::{DAY, to_iso};
use crate::examples::Examples;
use crate::scratch::{parts, temporary_file};

/// Writes the examples in `rows` (at least one) in `format` to a temporary file.
pub fn write(
    examples: &Examples,
    date_column: &str,
    rows: Range<usize>,
    format: ExamplesFormat,
) -> Result<File, Error> {
    let mut file = BufWriter::new(Noting {
        file: temporary_file()?,
        failure: None,
    });
    let written = match format {
        ExamplesFormat::Parquet => parquet(examples, date_column, rows, &mut file),
        ExamplesFormat::Csv => csv(examples, date_column, rows, &mut file),
    };
    let written = written.and_then(|()| file.flush().map_err(failed));
    let (Noting { file, failure }, _) = file.into_parts();
    match (written, failure) {
        (Ok(()), _) => Ok(file),
        (Err(_), Some(source)) => Err(failed(source)),
        (Err(error), None) => Err(error),
    }
}

/// A file that notes its first failure, of which polars hands on no more than a text.
struct Noting {
    file: File,
    failure: Option<io::Error>,
}

impl Noting {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            self.failure.get_or_insert(error);
            kind.into()
        })
    }
}

impl Write for Noting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.note(flushed)
    }
}

/// One row group a part: readers need one at a time in memory.
fn parquet(
    examples: &Examples,
    date_column: &str,
    rows: Range<usize>,
    file: impl Write,
) -> Result<(), Error> {
    let wrong = |source: PolarsError| Error::Frame {
        action: "write a Parquet file",
        source,
    };
    let mut writer = None;
    let mut options = Some(ParquetWriter::new(file).with_compression(ParquetCompression::Snappy));
    for part in parts(rows) {
        let dates = examples.dates.read(part.clone())?;
        let mut columns = vec![self::dates(&dates, date_column, examples.days).map_err(wrong)?];
        for (name, column) in &examples.columns {
            let values = column.read(part.clone())?;
            columns.push(Series::new(name.as_str().into(), values).into());
        }
        let frame = DataFrame::new(part.len(), columns).map_err(wrong)?;
        if let Some(options) = options.take() {
            writer = Some(options.batched(frame.schema()).map_err(wrong)?);
        }
        if let Some(writer) = &mut writer {
            writer.write_batch(&frame).map_err(wrong)?;
        }
    }
    match writer {
        Some(writer) => writer.finish().map(drop).map_err(wrong),
        None => Ok(()),
    }
}

fn dates(milliseconds: &[i64], name: &str, days: bool) -> PolarsResult<Column> {
    let series = if days {
        let days = milliseconds.iter().map(|date| (date / DAY) as i32);
        Series::new(name.into(), days.collect::<Vec<_>>()).cast(&DataType::Date)
    } else {
        let unit = DataType::Datetime(TimeUnit::Milliseconds, None);
        Series::new(name.into(), milliseconds).cast(&unit)
    };
    series.map(Column::from)
}

/// Numbers are written with the fewest digits that read back as the same number.
fn csv(
    examples: &Examples,
    date_column: &str,
    rows: Range<usize>,
    file: impl Write,
) -> Result<(), Error> {
    let wrong = |error: csv::Error| failed(error.into());
    let mut writer = csv::Writer::from_writer(file);
    let names = examples.columns.iter().map(|(name, _)| name.as_str());
    let header = std::iter::once(date_column).chain(names);
    writer.write_record(header).map_err(wrong)?;
    for part in parts(rows) {
        let dates = examples.dates.read(part.clone())?;
        let columns = examples.columns.iter();
        let columns = columns.map(|(_, column)| column.read(part.clone()));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for (row, date) in dates.into_iter().enumerate() {
            writer
                .write_field(to_iso(date, examples.days))
                .map_err(wrong)?;
            for column in &columns {
                writer.write_field(column[row].to_string()).map_err(wrong)?;
            }
            writer.write_record(None::<&[u8]>).map_err(wrong)?;
        }
    }
    writer.flush().map_err(failed)
}

fn failed(source: io::Error) -> Error {
    Error::Temporary {
        action: "write",
        source,
    }
}
