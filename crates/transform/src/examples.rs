//! Window features and labels: from kept rows to example rows.

use std::ops::Range;

use artifacts::Encoding;

use crate::Error;
use crate::config::CalendarField;
use crate::plan::{Derivation, Plan};
use crate::rolling::rolling;
use crate::scratch::{Column, Scratch, parts};
use crate::timeline::{Step, Timeline};

/// The example rows of all splits, oldest first.
#[derive(Debug)]
pub struct Examples {
    /// Milliseconds since 1970-01-01 UTC.
    pub dates: Column<i64>,
    /// [`Plan::example_columns`] with their values.
    pub columns: Vec<(String, Column<f64>)>,
    /// Whether the dates are days rather than instants.
    pub days: bool,
    /// Rows that are no example because their window reaches before the first row.
    pub without_history: usize,
    /// Rows that are no example because their label lies behind the last row.
    pub without_label: usize,
    /// Rows that are no example because their window or label reaches across a gap.
    pub across_gaps: usize,
}

/// Makes the examples. `respect_gaps` leaves out rows that look across a gap.
pub fn build(
    timeline: &Timeline,
    plan: &Plan,
    scratch: &Scratch,
    respect_gaps: bool,
) -> Result<Examples, Error> {
    let rows = timeline.table.rows();
    let first = plan.history.min(rows);
    let end = rows.saturating_sub(plan.horizon).max(first);
    let mut dates = Column::new(scratch);
    let mut columns: Vec<_> = plan
        .example_columns()
        .into_iter()
        .map(|name| (name, Column::new(scratch)))
        .collect();
    let step = timeline.step.filter(|_| respect_gaps);
    for part in parts(first..end) {
        let window = Window::read(timeline, plan, part)?;
        let keep = window.usable(plan, step);
        let kept = |values: Vec<f64>| values.into_iter().zip(&keep).filter(|(_, keep)| **keep);
        for (date, keep) in window.dates[window.rows.clone()].iter().zip(&keep) {
            if *keep {
                dates.push(*date)?;
            }
        }
        for (name, column) in &mut columns {
            for (value, _) in kept(window.values(plan, name)) {
                column.push(value)?;
            }
        }
    }
    Ok(Examples {
        days: timeline.days,
        without_history: first,
        without_label: rows - end,
        across_gaps: end - first - dates.len(),
        dates,
        columns,
    })
}

/// Rows of the table that may become examples, with the rows they look back and ahead to.
struct Window {
    dates: Vec<i64>,
    /// The raw columns in the order of [`Plan::kept`].
    raw: Vec<Vec<f64>>,
    /// Where the rows themselves are in `dates` and `raw`.
    rows: Range<usize>,
}

impl Window {
    fn read(timeline: &Timeline, plan: &Plan, rows: Range<usize>) -> Result<Self, Error> {
        let table = &timeline.table;
        let around = rows.start - plan.history..rows.end + plan.horizon;
        let raw = table.columns.iter().map(|raw| raw.read(around.clone()));
        Ok(Self {
            raw: raw.collect::<Result<_, _>>()?,
            dates: table.dates.read(around)?,
            rows: plan.history..plan.history + rows.len(),
        })
    }

    /// Which rows can be examples: all, or with a `step` those that do not look across a gap.
    fn usable(&self, plan: &Plan, step: Option<Step>) -> Vec<bool> {
        let mut usable = vec![true; self.dates.len()];
        if let Some(step) = step {
            for (row, pair) in (1_usize..).zip(self.dates.windows(2)) {
                if step.missing(pair[0], pair[1]).is_some() {
                    // The last row before the gap whose label lies behind it, to the last row
                    // behind it whose window begins before it.
                    let first = row.saturating_sub(plan.horizon);
                    let end = (row + plan.history).min(usable.len());
                    usable[first..end].fill(false);
                }
            }
        }
        usable[self.rows.clone()].to_vec()
    }

    /// The values of an example column.
    fn values(&self, plan: &Plan, name: &str) -> Vec<f64> {
        let shifted = |column: usize, start: usize| &self.raw[column][start..][..self.rows.len()];
        if name == plan.label_column {
            return shifted(plan.label, self.rows.start + plan.horizon).to_vec();
        }
        let Some(input) = plan.inputs.iter().find(|input| input.name == name) else {
            return shifted(plan.naive, self.rows.start).to_vec();
        };
        match input.derivation {
            Derivation::Value { column } => shifted(column, self.rows.start).to_vec(),
            Derivation::Lag { column, rows } => shifted(column, self.rows.start - rows).to_vec(),
            Derivation::Rolling {
                column,
                statistic,
                window,
                delay,
            } => {
                let first = self.rows.start - delay + 1 - window;
                let values = &self.raw[column][first..self.rows.end - delay];
                let windows = values.windows(window);
                windows.map(|values| rolling(values, statistic)).collect()
            }
            Derivation::Calendar(field) => {
                let dates = &self.dates[self.rows.clone()];
                dates.iter().map(|date| calendar(*date, field)).collect()
            }
        }
    }
}

fn calendar(milliseconds: i64, field: CalendarField) -> f64 {
    let instant = jiff::Timestamp::from_millisecond(milliseconds)
        .expect("a date that was parsed lies in jiff's range");
    let civil = jiff::tz::Offset::UTC.to_datetime(instant);
    f64::from(match field {
        CalendarField::DayOfWeek => i16::from(civil.weekday().to_monday_one_offset()),
        CalendarField::DayOfMonth => i16::from(civil.day()),
        CalendarField::DayOfYear => civil.day_of_year(),
        CalendarField::Month => i16::from(civil.month()),
        CalendarField::Quarter => i16::from((civil.month() - 1) / 3 + 1),
        CalendarField::Hour => i16::from(civil.hour()),
    })
}

impl Examples {
    /// A numeric column.
    ///
    /// # Panics
    /// When `name` is no numeric column of the examples.
    pub fn column(&self, name: &str) -> &Column<f64> {
        let found = self.columns.iter().find(|(column, _)| column == name);
        &found.expect("a column of the plan").1
    }

    /// A numeric column as `encoding` makes it; `reference` names the column it may be relative to.
    ///
    /// # Panics
    /// When `name` or `reference` is no numeric column of the examples.
    pub fn encoded(&self, name: &str, encoding: Encoding, reference: Option<&str>) -> Encoded<'_> {
        Encoded {
            values: self.column(name),
            encoding,
            reference: reference.map(|reference| self.column(reference)),
        }
    }
}

/// A numeric column and how a model sees it.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    values: &'a Column<f64>,
    encoding: Encoding,
    reference: Option<&'a Column<f64>>,
}

impl Encoded<'_> {
    /// Calls `each` with the encoded values in `rows`, in order.
    pub fn each(&self, rows: Range<usize>, mut each: impl FnMut(f64)) -> Result<(), Error> {
        for part in parts(rows) {
            let values = self.values.read(part.clone())?;
            let references = match self.reference {
                Some(reference) => reference.read(part)?,
                None => vec![f64::NAN; part.len()],
            };
            for (value, reference) in values.into_iter().zip(references) {
                each(encode(self.encoding, value, reference));
            }
        }
        Ok(())
    }
}

/// What [`Encoding`] documents, in `f64`.
fn encode(encoding: Encoding, value: f64, reference: f64) -> f64 {
    match encoding {
        Encoding::Identity => value,
        Encoding::LogRatio => (value / reference).ln(),
        Encoding::Ratio => value / reference,
        Encoding::Log1p => value.ln_1p(),
    }
}
