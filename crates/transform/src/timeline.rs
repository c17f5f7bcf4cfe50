//! Puts the kept rows in time order and looks at what time itself tells: order, duplicates, gaps.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Error;
use crate::date::{DAY, to_iso};
use crate::findings::Findings;
use crate::policy::{Finding, Policies, Policy};
use crate::table::Table;

/// The kept rows in time order.
#[derive(Debug)]
pub struct Timeline {
    /// The rows, oldest first.
    pub table: Table,
    /// Whether every date is a midnight (UTC): days rather than instants.
    pub days: bool,
    /// The usual time between two rows in milliseconds; `None` below two different dates.
    pub step: Option<i64>,
    /// Gaps, oldest first.
    pub gaps: Vec<Gap>,
}

/// Missing rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Position of the first row behind the gap.
    #[serde(skip)]
    pub row: usize,
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

/// Sorts `table` and applies the policies on order, duplicates and gaps.
pub fn order(
    table: Table,
    policies: &Policies,
    findings: &mut Findings,
) -> Result<Timeline, Error> {
    let days = table.dates.iter().all(|date| date.rem_euclid(DAY) == 0);
    let table = sorted(table, days, findings)?;
    let table = distinct(table, days, policies, findings)?;
    let step = usual_step(&table.dates);
    let gaps = find_gaps(&table.dates, step, days);
    for gap in &gaps {
        let place = format!("between {} and {}", gap.after, gap.before);
        findings.note(Finding::Gap, &place, &missing(gap.missing_rows))?;
    }
    Ok(Timeline {
        table,
        days,
        step,
        gaps,
    })
}

fn missing(rows: i64) -> String {
    format!(
        "{rows} {} missing",
        if rows == 1 { "row is" } else { "rows are" }
    )
}

fn sorted(table: Table, days: bool, findings: &mut Findings) -> Result<Table, Error> {
    if table.dates.is_sorted() {
        return Ok(table);
    }
    let mut newest = i64::MIN;
    let mut order = Vec::with_capacity(table.rows());
    for (row, &date) in table.dates.iter().enumerate() {
        if date < newest {
            let detail = format!(
                "{} comes after {}",
                to_iso(date, days),
                to_iso(newest, days)
            );
            let finding = Finding::UnorderedDate;
            if !findings.row(finding, table.places[row], &detail, table.cells(row))? {
                continue;
            }
        }
        newest = newest.max(date);
        order.push(row);
    }
    // Stable: rows of one date stay in input order.
    order.sort_by_key(|row| table.dates[*row]);
    Ok(table.take(&order))
}

fn distinct(
    table: Table,
    days: bool,
    policies: &Policies,
    findings: &mut Findings,
) -> Result<Table, Error> {
    if table.dates.is_sorted_by(|a, b| a < b) {
        return Ok(table);
    }
    let mut kept: Vec<usize> = Vec::with_capacity(table.rows());
    for (row, &date) in table.dates.iter().enumerate() {
        let before = kept.last().filter(|before| table.dates[**before] == date);
        if let Some(before) = before {
            let first = findings.name(table.places[*before]);
            let detail = format!("{} is at {first} already", to_iso(date, days));
            let finding = Finding::DuplicateDate;
            if !findings.row(finding, table.places[row], &detail, table.cells(row))? {
                continue;
            }
        }
        kept.push(row);
    }
    Ok(if policies.duplicate_date == Policy::Keep {
        table
    } else {
        table.take(&kept)
    })
}

/// The most frequent difference between neighbouring dates; the smallest of several.
fn usual_step(dates: &[i64]) -> Option<i64> {
    let mut counts = BTreeMap::new();
    for pair in dates.windows(2).filter(|pair| pair[0] < pair[1]) {
        *counts.entry(pair[1] - pair[0]).or_insert(0_u64) += 1;
    }
    // `max_by_key` takes the last of several, so the differences run from large to small.
    counts
        .into_iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map(|(step, _)| step)
}

/// Differences of more than one and a half steps: months differ by less.
fn find_gaps(dates: &[i64], step: Option<i64>, days: bool) -> Vec<Gap> {
    let Some(step) = step else {
        return Vec::new();
    };
    let gap = |(row, pair): (usize, &[i64])| {
        let steps = (pair[1] - pair[0]) as f64 / step as f64;
        (steps > 1.5).then(|| Gap {
            row: row + 1,
            instant: pair[0],
            after: to_iso(pair[0], days),
            before: to_iso(pair[1], days),
            missing_rows: (steps.round() as i64 - 1).max(1),
        })
    };
    dates.windows(2).enumerate().filter_map(gap).collect()
}
