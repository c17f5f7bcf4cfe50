//! CSV example files.

use std::io::Read;

use jiff::{Timestamp, civil::Date};

use super::{CellProblem, DAY_MS, ExamplesError, Table, Wanted};
use crate::store::BLOCK;

/// Reads the wanted columns, whatever their order in the file, a block of rows at a time.
pub(super) fn read<E: From<ExamplesError>>(
    file: &str,
    content: impl Read,
    wanted: &Wanted<'_>,
    each: &mut impl FnMut(Table) -> Result<(), E>,
) -> Result<(), E> {
    let unreadable = |source| ExamplesError::Csv {
        file: file.to_owned(),
        source,
    };
    let mut reader = csv::Reader::from_reader(content);
    let header = reader.headers().map_err(unreadable)?.clone();
    let position = |name: &str| {
        header
            .iter()
            .position(|found| found == name)
            .ok_or_else(|| ExamplesError::MissingColumn {
                file: file.to_owned(),
                column: name.to_owned(),
                found: header.iter().collect::<Vec<_>>().join(", "),
            })
    };
    let date = position(wanted.date)?;
    let positions = wanted
        .numbers
        .iter()
        .map(|name| position(name))
        .collect::<Result<Vec<_>, _>>()?;

    let mut table = Table::new(wanted);
    let mut record = csv::StringRecord::new();
    let mut row = 0;
    while reader.read_record(&mut record).map_err(unreadable)? {
        row += 1;
        let cell = |column: &str, problem| ExamplesError::Cell {
            file: file.to_owned(),
            column: column.to_owned(),
            row,
            problem,
        };
        let instant = parse_instant(&record[date]).map_err(|problem| cell(wanted.date, problem))?;
        table.instants.push(instant);
        for ((&at, name), values) in positions
            .iter()
            .zip(&wanted.numbers)
            .zip(&mut table.numbers)
        {
            values.push(parse_number(&record[at]).map_err(|problem| cell(name, problem))?);
        }
        if table.instants.len() == BLOCK {
            each(std::mem::replace(&mut table, Table::new(wanted)))?;
        }
    }
    each(table)
}

fn parse_number(text: &str) -> Result<f64, CellProblem> {
    match text.trim() {
        "" => Err(CellProblem::Empty),
        text => text
            .parse()
            .map_err(|_| CellProblem::NotANumber(text.to_owned())),
    }
}

/// Milliseconds since 1970 of a day (its midnight, UTC) or an instant.
fn parse_instant(text: &str) -> Result<i64, CellProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(CellProblem::Empty);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant.as_millisecond());
    }
    let day: Date = text
        .parse()
        .map_err(|_| CellProblem::NotADate(text.to_owned()))?;
    let days = day.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24;
    Ok(days * DAY_MS)
}
