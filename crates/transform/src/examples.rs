//! Window features and labels: from kept rows to example rows, with polars.

use artifacts::Encoding;
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, NamedFrom, NewChunkedArray, Series, TimeUnit,
};

use crate::Error;
use crate::config::CalendarField;
use crate::date::DAY;
use crate::plan::{Derivation, Plan};
use crate::rolling::rolling;
use crate::table::Table;
use crate::timeline::Timeline;

/// The example rows of all splits, oldest first.
#[derive(Debug)]
pub struct Examples {
    /// The date column, then [`Plan::example_columns`].
    pub frame: DataFrame,
    /// Milliseconds since 1970-01-01 UTC.
    pub dates: Vec<i64>,
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
    date_column: &str,
    respect_gaps: bool,
) -> Result<Examples, Error> {
    let rows = timeline.table.rows();
    let first = plan.history.min(rows);
    let end = rows.saturating_sub(plan.horizon).max(first);
    let keep = usable(timeline, plan, first..end, respect_gaps);
    let mask = BooleanChunked::from_slice("keep".into(), &keep);

    let table = &timeline.table;
    let raw: Vec<Series> = plan
        .kept
        .iter()
        .zip(&table.columns)
        .map(|(name, values)| Series::new(name.as_str().into(), values))
        .collect();
    let mut columns = vec![dates(&table.dates, date_column, timeline.days)?];
    let label = raw[plan.label].shift(-(plan.horizon as i64));
    for name in plan.example_columns() {
        let series = if name == plan.label_column {
            label.clone()
        } else if let Some(input) = plan.inputs.iter().find(|input| input.name == name) {
            derive(table, &raw, input.derivation)
        } else {
            raw[plan.naive].clone()
        };
        columns.push(series.with_name(name.as_str().into()).into());
    }
    let frame = DataFrame::new(rows, columns)
        .and_then(|frame| frame.filter(&mask))
        .map_err(|source| Error::Frame {
            action: "select the usable rows",
            source,
        })?;
    let usable = frame.height();
    Ok(Examples {
        frame,
        days: timeline.days,
        dates: table
            .dates
            .iter()
            .zip(&keep)
            .filter(|(_, keep)| **keep)
            .map(|(d, _)| *d)
            .collect(),
        without_history: first,
        without_label: rows - end,
        across_gaps: end - first - usable,
    })
}

/// Which rows can be examples.
fn usable(
    timeline: &Timeline,
    plan: &Plan,
    whole: std::ops::Range<usize>,
    respect_gaps: bool,
) -> Vec<bool> {
    let mut keep: Vec<bool> = (0..timeline.table.rows())
        .map(|row| whole.contains(&row))
        .collect();
    for gap in timeline.gaps.iter().filter(|_| respect_gaps) {
        // The last row before the gap whose label lies behind it, to the last row behind it whose
        // window begins before it.
        let first = gap.row.saturating_sub(plan.horizon);
        let end = (gap.row + plan.history).min(keep.len());
        keep[first..end].fill(false);
    }
    keep
}

fn dates(milliseconds: &[i64], name: &str, days: bool) -> Result<Column, Error> {
    let column = if days {
        let days: Vec<i32> = milliseconds
            .iter()
            .map(|date| (date / DAY) as i32)
            .collect();
        Series::new(name.into(), days).cast(&DataType::Date)
    } else {
        let unit = DataType::Datetime(TimeUnit::Milliseconds, None);
        Series::new(name.into(), milliseconds).cast(&unit)
    };
    column.map(Column::from).map_err(|source| Error::Frame {
        action: "make the date column",
        source,
    })
}

fn derive(table: &Table, raw: &[Series], derivation: Derivation) -> Series {
    match derivation {
        Derivation::Value { column } => raw[column].clone(),
        Derivation::Lag { column, rows } => raw[column].shift(rows as i64),
        Derivation::Rolling {
            column,
            statistic,
            window,
            delay,
        } => {
            let values = rolling(&table.columns[column], window, statistic);
            Series::new("".into(), values).shift(delay as i64)
        }
        Derivation::Calendar(field) => {
            let values: Vec<f64> = table
                .dates
                .iter()
                .map(|date| calendar(*date, field))
                .collect();
            Series::new("".into(), values)
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
    /// The values of a numeric column, all rows.
    ///
    /// # Panics
    /// When `name` is no numeric column of the examples.
    pub fn values(&self, name: &str) -> Vec<f64> {
        let column = self.frame.column(name).expect("a column of the plan");
        column
            .f64()
            .expect("a numeric column")
            .into_no_null_iter()
            .collect()
    }

    /// The encoded values of a numeric column, all rows; `reference` has the rows' references.
    pub fn encoded(&self, name: &str, encoding: Encoding, reference: Option<&[f64]>) -> Vec<f64> {
        let encode = |(row, value)| {
            let reference = reference.map_or(f64::NAN, |reference| reference[row]);
            encode(encoding, value, reference)
        };
        self.values(name)
            .into_iter()
            .enumerate()
            .map(encode)
            .collect()
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
