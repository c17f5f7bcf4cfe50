//! Puts the kept rows in time order and looks at what time itself tells: order, duplicates, gaps.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Error;
use crate::date::to_iso;
use crate::findings::{Findings, Place};
use crate::policy::Finding;
use crate::scratch::{Column, Scratch, Sorted, Sorter, parts};
use crate::table::{Dated, Row, Table};

/// Gaps listed one by one; their count is never cut.
const LISTED_GAPS: usize = 100;

/// The kept rows in time order.
#[derive(Debug)]
pub struct Timeline {
    /// The rows, oldest first.
    pub table: Table,
    /// Whether every date is a midnight (UTC): days rather than instants.
    pub days: bool,
    /// The usual time between two rows; `None` below two different dates.
    pub step: Option<Step>,
    /// The first gaps, oldest first.
    pub gaps: Vec<Gap>,
}

/// Missing rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// When it begins, in milliseconds since 1970-01-01 UTC.
    #[serde(skip)]
    pub instant: i64,
    /// Date of the last row before it.
    pub after: String,
    /// Date of the first row behind it.
    pub before: String,
    /// Rows that are missing, at the usual step.
    pub missing_rows: i64,
}

/// The usual time between two rows in milliseconds, above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step(pub i64);

impl Step {
    /// The rows missing between two dates; `None` where there is no gap. A gap is more than one
    /// and a half steps: months differ by less.
    pub fn missing(self, from: i64, to: i64) -> Option<i64> {
        let steps = (to - from) as f64 / self.0 as f64;
        (steps > 1.5).then(|| (steps.round() as i64 - 1).max(1))
    }
}

/// Sorts `rows` and applies the policies on order, duplicates and gaps.
pub fn order(rows: Dated, scratch: &Scratch, findings: &mut Findings) -> Result<Timeline, Error> {
    let days = rows.days;
    let numbers = rows.numbers();
    let sorted = sorted(&rows, scratch, findings)?;
    // Its room is used again.
    drop(rows);
    let mut table = Table::new(scratch, numbers);
    let step = distinct(&sorted, days, &mut table, findings)?;
    drop(sorted);
    let gaps = match step {
        Some(step) => find_gaps(&table.dates, step, days, findings)?,
        None => Vec::new(),
    };
    Ok(Timeline {
        table,
        days,
        step,
        gaps,
    })
}

fn sorted(rows: &Dated, scratch: &Scratch, findings: &mut Findings) -> Result<Sorted, Error> {
    let mut sorter = Sorter::new(scratch, Row::width(rows.numbers()));
    let mut newest = i64::MIN;
    rows.each(|row| {
        let date = row.date();
        if date < newest {
            let (date, newest) = (to_iso(date, rows.days), to_iso(newest, rows.days));
            let detail = format!("{date} comes after {newest}");
            if !findings.row(Finding::UnorderedDate, row.place(), &detail, row.cells())? {
                return Ok(());
            }
        }
        newest = newest.max(date);
        sorter.push(row.0)
    })?;
    sorter.finish()
}

/// Puts the rows that stay into `table`, and returns the most frequent difference between
/// neighbouring dates; the smallest of several.
fn distinct(
    sorted: &Sorted,
    days: bool,
    table: &mut Table,
    findings: &mut Findings,
) -> Result<Option<Step>, Error> {
    // Few, whatever the number of rows: `n` different ones span more than n²/2 milliseconds, so a
    // century has less than three million.
    let mut differences = BTreeMap::<i64, u64>::new();
    let mut before: Option<(i64, Place)> = None;
    let mut merge = sorted.merge()?;
    while let Some(row) = merge.row() {
        let row = Row(row);
        let (date, place) = (row.date(), row.place());
        let stays = match before {
            Some((same, first)) if same == date => {
                let detail = format!(
                    "{} is at {} already",
                    to_iso(date, days),
                    findings.name(first)
                );
                findings.row(Finding::DuplicateDate, place, &detail, row.cells())?
            }
            Some((before, _)) => {
                *differences.entry(date - before).or_default() += 1;
                true
            }
            None => true,
        };
        if stays {
            table.push(row)?;
            before = Some((date, place));
        }
        merge.advance()?;
    }
    // `max_by_key` takes the last of several, so the differences run from large to small.
    let usual = differences
        .into_iter()
        .rev()
        .max_by_key(|(_, count)| *count);
    Ok(usual.map(|(difference, _)| Step(difference)))
}

/// Notes all gaps and returns the first ones.
fn find_gaps(
    dates: &Column<i64>,
    step: Step,
    days: bool,
    findings: &mut Findings,
) -> Result<Vec<Gap>, Error> {
    let mut gaps = Vec::new();
    for part in parts(1..dates.len()) {
        for pair in dates.read(part.start - 1..part.end)?.windows(2) {
            let Some(missing_rows) = step.missing(pair[0], pair[1]) else {
                continue;
            };
            let (after, before) = (to_iso(pair[0], days), to_iso(pair[1], days));
            let place = format!("between {after} and {before}");
            findings.note(Finding::Gap, &place, &missing(missing_rows))?;
            if gaps.len() < LISTED_GAPS {
                gaps.push(Gap {
                    instant: pair[0],
                    after,
                    before,
                    missing_rows,
                });
            }
        }
    }
    Ok(gaps)
}

fn missing(rows: i64) -> String {
    format!(
        "{rows} {} missing",
        if rows == 1 { "row is" } else { "rows are" }
    )
}
