//! Parquet tables of any schema.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use parquet::basic::{Compression, Repetition, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type, Int96Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{
    SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter,
};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor, Type, TypePtr};
use tokio_util::sync::CancellationToken;

use super::error::Problem;
use super::{Counts, PREDICTION};
use crate::servable::Servable;

/// Values copied at a time.
const BATCH: usize = 8192;

/// Copies the table with the predictions as one more column.
pub(super) fn predict(
    model: &Servable,
    input: File,
    output: File,
    cancel: &CancellationToken,
) -> Result<Counts, Problem> {
    let reader = SerializedFileReader::new(input)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns: Vec<usize> = model
        .inputs()
        .iter()
        .map(|name| number_column(schema, name))
        .collect::<Result<_, _>>()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let mut writer = SerializedFileWriter::new(
        BufWriter::new(output),
        with_prediction(schema)?,
        Arc::new(properties.build()),
    )?;
    let mut counts = Counts::default();
    for group in 0..reader.num_row_groups() {
        if cancel.is_cancelled() {
            return Err(Problem::Cancelled);
        }
        let group = reader.get_row_group(group)?;
        let rows = read_rows(group.as_ref(), &columns)?;
        let predictions = counts.predict(model, &rows);
        let mut out = writer.next_row_group()?;
        for column in 0..schema.num_columns() {
            copy(group.as_ref(), column, &schema.column(column), &mut out)?;
        }
        let mut column = next_column(&mut out)?;
        let levels: Vec<i16> = predictions.iter().map(|p| i16::from(p.is_some())).collect();
        let values: Vec<f64> = predictions.into_iter().flatten().collect();
        let typed = column.typed::<DoubleType>();
        typed.write_batch(&values, Some(&levels), None)?;
        column.close()?;
        out.close()?;
    }
    let mut file = writer.into_inner()?;
    file.flush()?;
    Ok(counts)
}

/// The position of a flat column of numbers.
fn number_column(schema: &SchemaDescriptor, name: &str) -> Result<usize, Problem> {
    let columns = schema.columns();
    let position = columns
        .iter()
        .position(|column| column.path().string() == name);
    let position = position.ok_or_else(|| Problem::MissingColumn {
        column: name.to_owned(),
        found: columns
            .iter()
            .map(|column| column.path().string())
            .collect::<Vec<_>>()
            .join(", "),
    })?;
    let column = &columns[position];
    let kind = column.physical_type();
    let is_number = matches!(
        kind,
        PhysicalType::DOUBLE | PhysicalType::FLOAT | PhysicalType::INT32 | PhysicalType::INT64
    );
    if is_number && column.max_rep_level() == 0 {
        return Ok(position);
    }
    Err(Problem::NotANumber {
        column: name.to_owned(),
        found: kind.to_string(),
    })
}

/// The table's schema with one more column.
fn with_prediction(schema: &SchemaDescriptor) -> Result<TypePtr, Problem> {
    let root = schema.root_schema();
    let mut fields = root.get_fields().to_vec();
    if fields.iter().any(|field| field.name() == PREDICTION) {
        return Err(Problem::Taken { column: PREDICTION });
    }
    let prediction = Type::primitive_type_builder(PREDICTION, PhysicalType::DOUBLE)
        .with_repetition(Repetition::OPTIONAL)
        .build()?;
    fields.push(Arc::new(prediction));
    let root = Type::group_type_builder(root.name()).with_fields(fields);
    Ok(Arc::new(root.build()?))
}

/// The model's inputs in a row group (rows × columns, row-major); a missing cell is NaN.
fn read_rows(group: &dyn RowGroupReader, columns: &[usize]) -> Result<Vec<f32>, Problem> {
    let count = group.metadata().num_rows() as usize;
    let width = columns.len();
    let mut rows = vec![f32::NAN; count * width];
    for (position, column) in columns.iter().enumerate() {
        let cells = rows.iter_mut().skip(position).step_by(width);
        let optional = group
            .metadata()
            .schema_descr()
            .column(*column)
            .max_def_level()
            > 0;
        match group.get_column_reader(*column)? {
            ColumnReader::DoubleColumnReader(r) => numbers(r, optional, cells, |n| n as f32)?,
            ColumnReader::FloatColumnReader(r) => numbers(r, optional, cells, |n| n)?,
            ColumnReader::Int32ColumnReader(r) => numbers(r, optional, cells, |n| n as f32)?,
            ColumnReader::Int64ColumnReader(r) => numbers(r, optional, cells, |n| n as f32)?,
            _ => unreachable!("checked when the column was found"),
        }
    }
    Ok(rows)
}

fn numbers<'a, T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    optional: bool,
    mut cells: impl Iterator<Item = &'a mut f32>,
    convert: impl Fn(T::T) -> f32,
) -> Result<(), Problem> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    loop {
        values.clear();
        levels.clear();
        let (records, ..) = reader.read_records(BATCH, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Ok(());
        }
        let mut values = values.drain(..);
        for record in 0..records {
            let cell = cells.next();
            // The highest level there is: a value.
            let is_there = !optional || levels.get(record).is_some_and(|level| *level > 0);
            if let (Some(cell), true) = (cell, is_there) {
                *cell = values.next().map_or(f32::NAN, &convert);
            }
        }
    }
}

/// Copies a column of a row group as it is.
fn copy<W: Write + Send>(
    group: &dyn RowGroupReader,
    index: usize,
    descriptor: &ColumnDescriptor,
    out: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), Problem> {
    let mut to = next_column(out)?;
    let levels = (
        descriptor.max_def_level() > 0,
        descriptor.max_rep_level() > 0,
    );
    match group.get_column_reader(index)? {
        ColumnReader::BoolColumnReader(r) => copy_typed::<BoolType>(r, &mut to, levels)?,
        ColumnReader::Int32ColumnReader(r) => copy_typed::<Int32Type>(r, &mut to, levels)?,
        ColumnReader::Int64ColumnReader(r) => copy_typed::<Int64Type>(r, &mut to, levels)?,
        ColumnReader::Int96ColumnReader(r) => copy_typed::<Int96Type>(r, &mut to, levels)?,
        ColumnReader::FloatColumnReader(r) => copy_typed::<FloatType>(r, &mut to, levels)?,
        ColumnReader::DoubleColumnReader(r) => copy_typed::<DoubleType>(r, &mut to, levels)?,
        ColumnReader::ByteArrayColumnReader(r) => copy_typed::<ByteArrayType>(r, &mut to, levels)?,
        ColumnReader::FixedLenByteArrayColumnReader(r) => {
            copy_typed::<FixedLenByteArrayType>(r, &mut to, levels)?;
        }
    }
    to.close()?;
    Ok(())
}

fn copy_typed<T: DataType>(
    mut from: ColumnReaderImpl<T>,
    to: &mut SerializedColumnWriter<'_>,
    (optional, repeated): (bool, bool),
) -> Result<(), Problem> {
    let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        values.clear();
        definitions.clear();
        repetitions.clear();
        let (records, ..) = from.read_records(
            BATCH,
            Some(&mut definitions),
            Some(&mut repetitions),
            &mut values,
        )?;
        if records == 0 {
            return Ok(());
        }
        to.typed::<T>().write_batch(
            &values,
            optional.then_some(definitions.as_slice()),
            repeated.then_some(repetitions.as_slice()),
        )?;
    }
}

fn next_column<'w, W: Write + Send>(
    out: &'w mut SerializedRowGroupWriter<'_, W>,
) -> Result<SerializedColumnWriter<'w>, Problem> {
    let column = out.next_column()?;
    Ok(column.expect("a column is written for each of the schema"))
}
