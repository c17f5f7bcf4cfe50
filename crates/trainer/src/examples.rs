//! Example files as rows: `train.parquet`, `eval.csv`, … become checked numbers, a block at a time.

mod csv_file;
mod error;
mod parquet_file;
#[cfg(test)]
mod tests;

use std::fs::File;

use artifacts::{ColumnKind, ExamplesFormat, Schema, Split};
use bytes::Bytes;

use crate::store::{Column, ColumnWriter, Keep, StoreError};

pub use error::{CellProblem, ExamplesError};

/// The rows of one split, oldest first. Every number is finite.
#[derive(Clone, Debug)]
pub struct Examples {
    /// When each row was observed: milliseconds since 1970-01-01T00:00Z.
    pub instants: Column<i64>,
    /// Raw inputs, in the order of `Schema::inputs`.
    pub inputs: Column<f64>,
    /// The value to predict, in raw units.
    pub labels: Column<f64>,
    /// The naive forecast of it (`Schema::naive_column`), in raw units.
    pub naive: Column<f64>,
}

impl Examples {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.labels.rows()
    }

    /// These rows and then those of `after`.
    #[must_use]
    pub fn followed_by(&self, after: &Self) -> Self {
        Self {
            instants: self.instants.followed_by(&after.instants),
            inputs: self.inputs.followed_by(&after.inputs),
            labels: self.labels.followed_by(&after.labels),
            naive: self.naive.followed_by(&after.naive),
        }
    }

    /// Some of the rows.
    #[must_use]
    pub fn slice(&self, rows: std::ops::Range<usize>) -> Self {
        Self {
            instants: self.instants.slice(rows.clone()),
            inputs: self.inputs.slice(rows.clone()),
            labels: self.labels.slice(rows.clone()),
            naive: self.naive.slice(rows),
        }
    }
}

/// [`Examples`] under construction.
pub(crate) struct ExamplesWriter {
    instants: ColumnWriter<i64>,
    inputs: ColumnWriter<f64>,
    labels: ColumnWriter<f64>,
    naive: ColumnWriter<f64>,
}

impl ExamplesWriter {
    pub(crate) fn new(keep: Keep, width: usize) -> Result<Self, StoreError> {
        Ok(Self {
            instants: ColumnWriter::new(keep, 1)?,
            inputs: ColumnWriter::new(keep, width)?,
            labels: ColumnWriter::new(keep, 1)?,
            naive: ColumnWriter::new(keep, 1)?,
        })
    }

    pub(crate) fn push(&mut self, rows: &Decoded) -> Result<(), StoreError> {
        self.instants.push(&rows.instants)?;
        self.inputs.push(&rows.inputs)?;
        self.labels.push(&rows.labels)?;
        self.naive.push(&rows.naive)
    }

    pub(crate) fn finish(self) -> Result<Examples, StoreError> {
        Ok(Examples {
            instants: self.instants.finish()?,
            inputs: self.inputs.finish()?,
            labels: self.labels.finish()?,
            naive: self.naive.finish()?,
        })
    }
}

/// The content of an example file.
#[derive(Debug)]
pub enum Content {
    /// In memory.
    Bytes(Bytes),
    /// In a file, from its beginning.
    File(File),
}

/// Some rows out of an example file; the fields are those of [`Examples`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) instants: Vec<i64>,
    pub(crate) inputs: Vec<f64>,
    pub(crate) labels: Vec<f64>,
    pub(crate) naive: Vec<f64>,
}

/// Decodes the file of one split as `schema` describes it, and gives `each` its rows, a block of
/// them at a time.
pub(crate) fn decode<E: From<ExamplesError>>(
    schema: &Schema,
    split: Split,
    content: Content,
    mut each: impl FnMut(Decoded) -> Result<(), E>,
) -> Result<(), E> {
    let file = schema.file_name(split);
    let wanted = wanted(schema)?;
    let mut check = Check {
        file: &file,
        wanted: &wanted,
        rows: 0,
        last: i64::MIN,
    };
    let mut take = |table: Table| -> Result<(), E> {
        check.next(&table)?;
        each(table.into_rows())
    };
    match (schema.format, content) {
        (ExamplesFormat::Parquet, Content::Bytes(bytes)) => {
            parquet_file::read(&file, bytes, &wanted, &mut take)
        }
        (ExamplesFormat::Parquet, Content::File(content)) => {
            parquet_file::read(&file, content, &wanted, &mut take)
        }
        (ExamplesFormat::Csv, Content::Bytes(bytes)) => {
            csv_file::read(&file, &bytes[..], &wanted, &mut take)
        }
        (ExamplesFormat::Csv, Content::File(content)) => {
            csv_file::read(&file, content, &wanted, &mut take)
        }
    }?;
    let expected = schema.splits.get(split).rows;
    match check.rows {
        0 => Err(ExamplesError::Empty { file }.into()),
        found if found != expected => Err(ExamplesError::RowCount {
            file,
            found,
            expected,
        }
        .into()),
        _ => Ok(()),
    }
}

/// The columns to read: the date, then inputs, label and naive forecast, all numbers.
struct Wanted<'a> {
    date: &'a str,
    numbers: Vec<&'a str>,
}

/// What the schema asks for, with the declared kind of each column checked.
fn wanted(schema: &Schema) -> Result<Wanted<'_>, ExamplesError> {
    let kind = |name: &str| {
        schema
            .columns
            .iter()
            .find(|column| column.name == name)
            .map(|column| column.kind)
            .ok_or_else(|| ExamplesError::Undeclared {
                column: name.to_owned(),
            })
    };
    if kind(&schema.date_column)? == ColumnKind::Number {
        return Err(ExamplesError::NotADate {
            column: schema.date_column.clone(),
        });
    }
    let mut numbers: Vec<&str> = schema.inputs.iter().map(String::as_str).collect();
    numbers.extend([schema.label_column.as_str(), schema.naive_column.as_str()]);
    for name in &numbers {
        if kind(name)? != ColumnKind::Number {
            return Err(ExamplesError::NotANumber {
                column: (*name).to_owned(),
            });
        }
    }
    Ok(Wanted {
        date: &schema.date_column,
        numbers,
    })
}

/// Some rows of the columns, in the order of [`Wanted`].
struct Table {
    instants: Vec<i64>,
    numbers: Vec<Vec<f64>>,
}

impl Table {
    fn new(wanted: &Wanted<'_>) -> Self {
        Self {
            instants: Vec::new(),
            numbers: vec![Vec::new(); wanted.numbers.len()],
        }
    }

    fn into_rows(mut self) -> Decoded {
        let naive = self
            .numbers
            .pop()
            .expect("wanted() ends with the naive column");
        let labels = self
            .numbers
            .pop()
            .expect("wanted() has the label before it");
        let inputs = (0..labels.len())
            .flat_map(|row| self.numbers.iter().map(move |column| column[row]))
            .collect();
        Decoded {
            instants: self.instants,
            inputs,
            labels,
            naive,
        }
    }
}

/// Checks a file's rows, in their order.
struct Check<'a> {
    file: &'a str,
    wanted: &'a Wanted<'a>,
    /// Rows so far.
    rows: u64,
    /// Instant of the last of them.
    last: i64,
}

impl Check<'_> {
    fn next(&mut self, table: &Table) -> Result<(), ExamplesError> {
        let cell = |column: &str, row: usize, problem| ExamplesError::Cell {
            file: self.file.to_owned(),
            column: column.to_owned(),
            row: self.rows + row as u64 + 1,
            problem,
        };
        for (name, values) in self.wanted.numbers.iter().zip(&table.numbers) {
            if let Some(row) = values.iter().position(|value| !value.is_finite()) {
                return Err(cell(name, row, CellProblem::NotFinite(values[row])));
            }
        }
        let mut last = self.last;
        for (row, instant) in table.instants.iter().enumerate() {
            if *instant < last {
                return Err(cell(self.wanted.date, row, CellProblem::Unordered));
            }
            last = *instant;
        }
        self.last = last;
        self.rows += table.instants.len() as u64;
        Ok(())
    }
}

/// Milliseconds of a day, and of days since 1970-01-01.
const DAY_MS: i64 = 86_400_000;
