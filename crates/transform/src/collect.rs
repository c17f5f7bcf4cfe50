//! Turns records into the typed rows of the wanted series; what is no row is written aside.

use crate::Error;
use crate::config::Config;
use crate::date::{DateCell, DateFormat, DateReader};
use crate::findings::{Findings, Place};
use crate::number;
use crate::plan::{Kind, Plan};
use crate::policy::Finding;
use crate::scan::{Filter, Record};
use crate::scratch::Scratch;
use crate::table::{Collected, Dated};

/// Where the wanted columns are in a file, by its header.
#[derive(Debug)]
pub struct Columns {
    width: usize,
    date: usize,
    numbers: Vec<usize>,
    /// The rows of the series; `None` for the whole table.
    pub filter: Option<Filter>,
}

impl Columns {
    /// Finds the columns in the header of the file named `file`.
    pub fn find(
        config: &Config,
        plan: &Plan,
        header: &[String],
        file: &str,
    ) -> Result<Self, Error> {
        let position = |column: &str| {
            let mut found = (0..header.len()).filter(|index| header[*index] == column);
            match (found.next(), found.count()) {
                (Some(index), 0) => Ok(index),
                (first, more) => Err(Error::Column {
                    file: file.to_owned(),
                    count: first.map_or("no".to_owned(), |_| (more + 1).to_string()),
                    column: column.to_owned(),
                    header: quoted(header),
                }),
            }
        };
        let filter = match &config.series {
            Some(series) => Some(Filter::new(position(&series.column)?, &series.value)),
            None => None,
        };
        Ok(Self {
            width: header.len(),
            date: position(&config.date.column)?,
            numbers: plan
                .kept
                .iter()
                .map(|name| position(name))
                .collect::<Result<_, _>>()?,
            filter,
        })
    }

    /// The kept cells of a record: the date, then the numbers; a missing one is empty.
    fn cells<'a>(&'a self, record: &'a Record<'_>) -> impl Iterator<Item = &'a [u8]> {
        std::iter::once(self.date)
            .chain(self.numbers.iter().copied())
            .map(|index| record.field(index).unwrap_or_default())
    }
}

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Collects the kept rows of all files.
#[derive(Debug)]
pub struct Collector<'a> {
    plan: &'a Plan,
    date_column: &'a str,
    kinds: Vec<Kind>,
    low_high: Option<(usize, usize)>,
    dates: DateReader,
    rows: Collected,
    /// The numbers of the current record.
    row: Vec<f64>,
    /// What was found so far.
    pub findings: Findings,
}

impl<'a> Collector<'a> {
    /// A collector for what `config` and `plan` want.
    pub fn new(config: &'a Config, plan: &'a Plan, scratch: &Scratch, findings: Findings) -> Self {
        let position = |name| plan.kept.iter().position(|kept| kept == name);
        Self {
            plan,
            date_column: &config.date.column,
            kinds: plan
                .kept
                .iter()
                .map(|name| Kind::of(config, name))
                .collect(),
            low_high: position(&config.numeric_columns.low)
                .zip(position(&config.numeric_columns.high)),
            dates: DateReader::new(config.date.format.format()),
            rows: Collected::new(scratch, plan.kept.len()),
            row: Vec::new(),
            findings,
        }
    }

    /// Takes one record of the series.
    pub fn record(
        &mut self,
        columns: &Columns,
        record: &Record<'_>,
        file: u32,
    ) -> Result<(), Error> {
        let place = Place {
            file,
            line: record.line,
        };
        if record.len() != columns.width {
            let detail = format!("{} cells instead of {}", record.len(), columns.width);
            return self.reject(Finding::MalformedRow, place, &detail, columns, record);
        }
        let numbers = self.numbers(columns, record, place)?;
        let cell = record.field(columns.date).unwrap_or_default();
        let findings = &self.findings;
        let date = self
            .dates
            .read(cell, || findings.name(place))
            .map_err(|mixed| Error::MixedDates {
                column: self.date_column.to_owned(),
                mixed,
            })?;
        match date {
            _ if !numbers => Ok(()),
            DateCell::Read(instants) => self.rows.push(instants, place, &self.row),
            DateCell::Missing => {
                let detail = format!("column `{}` is empty", self.date_column);
                self.reject(Finding::MissingDate, place, &detail, columns, record)
            }
            DateCell::Unparsable => {
                let text = String::from_utf8_lossy(cell);
                let detail = format!("column `{}` holds `{text}`, no date", self.date_column);
                self.reject(Finding::UnparsableDate, place, &detail, columns, record)
            }
        }
    }

    /// Reads the numbers of a record into `row`; `false` when the record was rejected.
    fn numbers(
        &mut self,
        columns: &Columns,
        record: &Record<'_>,
        place: Place,
    ) -> Result<bool, Error> {
        self.row.clear();
        for (index, position) in columns.numbers.iter().enumerate() {
            let cell = record.field(*position).unwrap_or_default();
            match number::parse(cell) {
                Ok(number) => self.row.push(number),
                Err(finding) => {
                    let name = &self.plan.kept[index];
                    let text = String::from_utf8_lossy(cell);
                    let detail = match finding {
                        Finding::MissingNumber => format!("column `{name}` is empty"),
                        Finding::NonFiniteNumber => {
                            format!("column `{name}` holds `{text}`, which is not finite")
                        }
                        _ => format!("column `{name}` holds `{text}`, no number"),
                    };
                    self.reject(finding, place, &detail, columns, record)?;
                    return Ok(false);
                }
            }
        }
        self.plausible(columns, record, place)
    }

    /// Checks the numbers in `row` against each other and against their kinds.
    fn plausible(
        &mut self,
        columns: &Columns,
        record: &Record<'_>,
        place: Place,
    ) -> Result<bool, Error> {
        let bad = self
            .row
            .iter()
            .zip(&self.kinds)
            .position(|(number, kind)| match kind {
                Kind::Price => *number <= 0.0,
                Kind::Volume => *number < 0.0,
                Kind::Number => false,
            });
        if let Some(index) = bad {
            let detail = format!("{} is {}", self.plan.kept[index], self.row[index]);
            let cells = columns.cells(record);
            let finding = Finding::NonPositivePrice;
            if !self.findings.row(finding, place, &detail, cells)? {
                return Ok(false);
            }
        }
        if let Some((low, high)) = self.low_high
            && self.row[low] > self.row[high]
        {
            let cell = |index: usize| format!("{} {}", self.plan.kept[index], self.row[index]);
            let detail = format!("{} is above {}", cell(low), cell(high));
            return self
                .findings
                .row(Finding::LowAboveHigh, place, &detail, columns.cells(record));
        }
        Ok(true)
    }

    fn reject(
        &mut self,
        finding: Finding,
        place: Place,
        detail: &str,
        columns: &Columns,
        record: &Record<'_>,
    ) -> Result<(), Error> {
        self.findings
            .row(finding, place, detail, columns.cells(record))
            .map(drop)
    }

    /// The rows in input order, how their dates are written, and the findings.
    pub fn finish(self) -> Result<(Dated, DateFormat, Findings), Error> {
        let (format, candidate) =
            self.dates
                .finish(self.rows.agree())
                .map_err(|ambiguous| Error::AmbiguousDates {
                    column: self.date_column.to_owned(),
                    ambiguous,
                })?;
        Ok((self.rows.dated(candidate), format, self.findings))
    }
}
