//! Parquet example files: flat, `DATE` or `TIMESTAMP_MILLIS` and `DOUBLE` columns.

use std::ops::Range;

use parquet::{
    basic::{ConvertedType, LogicalType, TimeUnit, TimestampType},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::DataType,
    errors::ParquetError,
    file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader},
    schema::types::{ColumnDescriptor, SchemaDescriptor},
};

use super::{CellProblem, DAY_MS, ExamplesError, Table, Wanted};
use crate::store::blocks;

/// Reads the wanted columns, whatever their order in the file, a block of rows at a time: how large
/// the file's row groups are makes no difference to the memory it takes.
pub(super) fn read<E: From<ExamplesError>>(
    file: &str,
    content: impl ChunkReader + 'static,
    wanted: &Wanted<'_>,
    each: &mut impl FnMut(Table) -> Result<(), E>,
) -> Result<(), E> {
    let unreadable = |source| ExamplesError::Parquet {
        file: file.to_owned(),
        source,
    };
    let reader = SerializedFileReader::new(content).map_err(unreadable)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let date = Place::find(file, schema, wanted.date)?;
    let unit = date.unit(schema)?;
    let places = wanted
        .numbers
        .iter()
        .map(|name| Place::find(file, schema, name))
        .collect::<Result<Vec<_>, _>>()?;

    let mut first_row = 0;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(unreadable)?;
        let open = |place: &Place<'_>| place.open(group.as_ref());
        let mut dates = open(&date)?;
        let mut numbers = places.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        for block in blocks(group.metadata().num_rows() as usize) {
            let rows = first_row..first_row + block.len();
            let mut table = Table::new(wanted);
            date.read_instants(&mut dates, unit, rows.clone(), &mut table.instants)?;
            let columns = places.iter().zip(&mut numbers).zip(&mut table.numbers);
            for ((place, reader), values) in columns {
                place.read_numbers(reader, rows.clone(), values)?;
            }
            first_row = rows.end;
            each(table)?;
        }
    }
    Ok(())
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
    /// Its type, for people.
    found: String,
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
        let found = describe(&columns[index]);
        Ok(Self {
            file,
            name,
            index,
            found,
        })
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
            _ => Err(self.wrong_type("DATE or TIMESTAMP")),
        }
    }

    fn read_instants(
        &self,
        reader: &mut ColumnReader,
        unit: Unit,
        rows: Range<usize>,
        instants: &mut Vec<i64>,
    ) -> Result<(), ExamplesError> {
        match reader {
            ColumnReader::Int32ColumnReader(reader) => {
                let days = self.read(reader, rows)?;
                instants.extend(days.into_iter().map(|day| i64::from(day) * DAY_MS));
            }
            ColumnReader::Int64ColumnReader(reader) => {
                let ticks = self.read(reader, rows)?;
                instants.extend(ticks.into_iter().map(|tick| match unit {
                    Unit::Microseconds => tick.div_euclid(1000),
                    Unit::Days | Unit::Milliseconds => tick,
                }));
            }
            _ => return Err(self.wrong_type("DATE or TIMESTAMP")),
        }
        Ok(())
    }

    fn read_numbers(
        &self,
        reader: &mut ColumnReader,
        rows: Range<usize>,
        numbers: &mut Vec<f64>,
    ) -> Result<(), ExamplesError> {
        match reader {
            ColumnReader::DoubleColumnReader(reader) => {
                *numbers = self.read(reader, rows)?;
                Ok(())
            }
            _ => Err(self.wrong_type("DOUBLE")),
        }
    }

    fn open(&self, group: &dyn RowGroupReader) -> Result<ColumnReader, ExamplesError> {
        group
            .get_column_reader(self.index)
            .map_err(|source| self.unreadable(source))
    }

    /// The next values, those of `rows` of the file; a null is an error that names its row.
    fn read<T: DataType>(
        &self,
        reader: &mut ColumnReaderImpl<T>,
        rows: Range<usize>,
    ) -> Result<Vec<T::T>, ExamplesError> {
        let (mut values, mut levels) = (Vec::with_capacity(rows.len()), Vec::new());
        let mut row = rows.start;
        while row < rows.end {
            let (records, _, _) = reader
                .read_records(rows.end - row, Some(&mut levels), None, &mut values)
                .map_err(|source| self.unreadable(source))?;
            if records == 0 {
                let message = format!("column {:?} ends after {row} rows", self.name);
                return Err(self.unreadable(ParquetError::General(message)));
            }
            row += records;
        }
        // A flat optional column has definition level 0 for null and 1 for a value; a required
        // column has no levels at all.
        match levels.iter().position(|&level| level == 0) {
            Some(null) if values.len() < rows.len() => Err(ExamplesError::Cell {
                file: self.file.to_owned(),
                column: self.name.to_owned(),
                row: (rows.start + null) as u64 + 1,
                problem: CellProblem::Empty,
            }),
            _ => Ok(values),
        }
    }

    fn wrong_type(&self, wanted: &'static str) -> ExamplesError {
        ExamplesError::ColumnType {
            file: self.file.to_owned(),
            column: self.name.to_owned(),
            found: self.found.clone(),
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
