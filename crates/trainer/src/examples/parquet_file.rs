//! Parquet example files: flat, `DATE` or `TIMESTAMP_MILLIS` and `DOUBLE` columns.

use bytes::Bytes;
use parquet::{
    basic::{ConvertedType, LogicalType, TimeUnit, TimestampType},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::DataType,
    errors::ParquetError,
    file::reader::{FileReader, RowGroupReader, SerializedFileReader},
    schema::types::{ColumnDescriptor, SchemaDescriptor},
};

use super::{CellProblem, DAY_MS, ExamplesError, Table, Wanted};

/// Reads the wanted columns, whatever their order in the file.
pub(super) fn read(file: &str, bytes: &Bytes, wanted: &Wanted<'_>) -> Result<Table, ExamplesError> {
    let unreadable = |source| ExamplesError::Parquet {
        file: file.to_owned(),
        source,
    };
    let reader = SerializedFileReader::new(bytes.clone()).map_err(unreadable)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let date = Place::find(file, schema, wanted.date)?;
    let unit = date.unit(schema)?;
    let places = wanted
        .numbers
        .iter()
        .map(|name| Place::find(file, schema, name))
        .collect::<Result<Vec<_>, _>>()?;

    let mut table = Table {
        instants: Vec::new(),
        numbers: vec![Vec::new(); places.len()],
    };
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(unreadable)?;
        date.read_instants(group.as_ref(), unit, &mut table.instants)?;
        for (place, values) in places.iter().zip(&mut table.numbers) {
            place.read_numbers(group.as_ref(), values)?;
        }
    }
    Ok(table)
}

/// Resolution of a date column.
#[derive(Clone, Copy)]
enum Unit {
    Days,
    Milliseconds,
    Microseconds,
}

/// A column of a file.
struct Place<'a> {
    file: &'a str,
    name: &'a str,
    index: usize,
}

impl<'a> Place<'a> {
    fn find(
        file: &'a str,
        schema: &SchemaDescriptor,
        name: &'a str,
    ) -> Result<Self, ExamplesError> {
        let columns = schema.columns();
        let index = columns
            .iter()
            .position(|column| column.name() == name)
            .ok_or_else(|| ExamplesError::MissingColumn {
                file: file.to_owned(),
                column: name.to_owned(),
                found: columns
                    .iter()
                    .map(|c| c.name())
                    .collect::<Vec<_>>()
                    .join(", "),
            })?;
        Ok(Self { file, name, index })
    }

    fn unit(&self, schema: &SchemaDescriptor) -> Result<Unit, ExamplesError> {
        let column = schema.column(self.index);
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Ok(Unit::Days),
            (
                Some(LogicalType::Timestamp(TimestampType {
                    unit: TimeUnit::MILLIS,
                    ..
                })),
                _,
            )
            | (None, ConvertedType::TIMESTAMP_MILLIS) => Ok(Unit::Milliseconds),
            (
                Some(LogicalType::Timestamp(TimestampType {
                    unit: TimeUnit::MICROS,
                    ..
                })),
                _,
            )
            | (None, ConvertedType::TIMESTAMP_MICROS) => Ok(Unit::Microseconds),
            _ => Err(self.wrong_type(&describe(&column), "DATE or TIMESTAMP")),
        }
    }

    fn read_instants(
        &self,
        group: &dyn RowGroupReader,
        unit: Unit,
        instants: &mut Vec<i64>,
    ) -> Result<(), ExamplesError> {
        let first_row = instants.len();
        match self.open(group)? {
            ColumnReader::Int32ColumnReader(reader) => {
                let days = self.read(group, reader, first_row)?;
                instants.extend(days.into_iter().map(|day| i64::from(day) * DAY_MS));
            }
            ColumnReader::Int64ColumnReader(reader) => {
                let ticks = self.read(group, reader, first_row)?;
                instants.extend(ticks.into_iter().map(|tick| match unit {
                    Unit::Microseconds => tick.div_euclid(1000),
                    Unit::Days | Unit::Milliseconds => tick,
                }));
            }
            _ => return Err(self.wrong_type(&self.found(group), "DATE or TIMESTAMP")),
        }
        Ok(())
    }

    fn read_numbers(
        &self,
        group: &dyn RowGroupReader,
        numbers: &mut Vec<f64>,
    ) -> Result<(), ExamplesError> {
        match self.open(group)? {
            ColumnReader::DoubleColumnReader(reader) => {
                let values = self.read(group, reader, numbers.len())?;
                numbers.extend(values);
                Ok(())
            }
            _ => Err(self.wrong_type(&self.found(group), "DOUBLE")),
        }
    }

    fn open(&self, group: &dyn RowGroupReader) -> Result<ColumnReader, ExamplesError> {
        group
            .get_column_reader(self.index)
            .map_err(|source| self.unreadable(source))
    }

    /// The values of a whole row group; a null is an error that names its row.
    fn read<T: DataType>(
        &self,
        group: &dyn RowGroupReader,
        mut reader: ColumnReaderImpl<T>,
        first_row: usize,
    ) -> Result<Vec<T::T>, ExamplesError> {
        let rows = group.metadata().num_rows() as usize;
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        let mut read = 0;
        while read < rows {
            let (records, _, _) = reader
                .read_records(rows - read, Some(&mut levels), None, &mut values)
                .map_err(|source| self.unreadable(source))?;
            if records == 0 {
                let message = format!("column {:?} ends after {read} of {rows} rows", self.name);
                return Err(self.unreadable(ParquetError::General(message)));
            }
            read += records;
        }
        // A flat optional column has definition level 0 for null and 1 for a value; a required
        // column has no levels at all.
        match levels.iter().position(|&level| level == 0) {
            Some(null) if values.len() < rows => Err(ExamplesError::Cell {
                file: self.file.to_owned(),
                column: self.name.to_owned(),
                row: (first_row + null) as u64 + 1,
                problem: CellProblem::Empty,
            }),
            _ => Ok(values),
        }
    }

    fn found(&self, group: &dyn RowGroupReader) -> String {
        describe(group.metadata().column(self.index).column_descr())
    }

    fn wrong_type(&self, found: &str, wanted: &'static str) -> ExamplesError {
        ExamplesError::ColumnType {
            file: self.file.to_owned(),
            column: self.name.to_owned(),
            found: found.to_owned(),
            wanted,
        }
    }

    fn unreadable(&self, source: ParquetError) -> ExamplesError {
        ExamplesError::Parquet {
            file: self.file.to_owned(),
            source,
        }
    }
}

/// A column's type for people, for example `INT64 (TIMESTAMP)`.
fn describe(column: &ColumnDescriptor) -> String {
    match column.converted_type() {
        ConvertedType::NONE => column.physical_type().to_string(),
        converted => format!("{} ({converted})", column.physical_type()),
    }
}
