//! Example files as rows: the bytes of `train.parquet`, `eval.csv`, … become checked numbers.

mod csv_file;
mod error;
mod parquet_file;
#[cfg(test)]
mod tests;

use artifacts::{ColumnKind, ExamplesFormat, Schema, Split};
use bytes::Bytes;

pub use error::{CellProblem, ExamplesError};

/// The rows of one split, oldest first. Every number is finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// When each row was observed: milliseconds since 1970-01-01T00:00Z. Length `rows`.
    pub instants: Vec<i64>,
    /// Raw inputs, row-major, in the order of `Schema::inputs`. Length `rows × width`.
    pub inputs: Vec<f64>,
    /// Number of inputs a row.
    pub width: usize,
    /// The value to predict, in raw units. Length `rows`.
    pub labels: Vec<f64>,
    /// The naive forecast of it (`Schema::naive_column`), in raw units. Length `rows`.
    pub naive: Vec<f64>,
}

impl Examples {
    /// Decodes the file of one split as `schema` describes it.
    pub fn decode(schema: &Schema, split: Split, bytes: &Bytes) -> Result<Self, ExamplesError> {
        let file = schema.file_name(split);
        let wanted = wanted(schema)?;
        let table = match schema.format {
            ExamplesFormat::Parquet => parquet_file::read(&file, bytes, &wanted)?,
            ExamplesFormat::Csv => csv_file::read(&file, bytes, &wanted)?,
        };
        let expected = schema.splits.get(split).rows;
        match table.instants.len() as u64 {
            0 => return Err(ExamplesError::Empty { file }),
            found if found != expected => {
                return Err(ExamplesError::RowCount {
                    file,
                    found,
                    expected,
                });
            }
            _ => {}
        }
        table.check(&file, &wanted)?;
        Ok(table.into_examples(schema.inputs.len()))
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// The raw inputs of row `row`.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.inputs[row * self.width..(row + 1) * self.width]
    }

    /// The raw inputs at the model's precision, row-major.
    pub fn inputs_f32(&self) -> Vec<f32> {
        self.inputs.iter().map(|&value| value as f32).collect()
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

/// Decoded columns, in the order of [`Wanted`].
struct Table {
    instants: Vec<i64>,
    numbers: Vec<Vec<f64>>,
}

impl Table {
    fn check(&self, file: &str, wanted: &Wanted<'_>) -> Result<(), ExamplesError> {
        let cell = |column: &str, row: usize, problem| ExamplesError::Cell {
            file: file.to_owned(),
            column: column.to_owned(),
            row: row as u64 + 1,
            problem,
        };
        for (name, values) in wanted.numbers.iter().zip(&self.numbers) {
            if let Some(row) = values.iter().position(|value| !value.is_finite()) {
                return Err(cell(name, row, CellProblem::NotFinite(values[row])));
            }
        }
        match self.instants.windows(2).position(|pair| pair[1] < pair[0]) {
            Some(row) => Err(cell(wanted.date, row + 1, CellProblem::Unordered)),
            None => Ok(()),
        }
    }

    fn into_examples(mut self, width: usize) -> Examples {
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
        Examples {
            instants: self.instants,
            inputs,
            width,
            labels,
            naive,
        }
    }
}

/// Milliseconds of a day, and of days since 1970-01-01.
const DAY_MS: i64 = 86_400_000;
