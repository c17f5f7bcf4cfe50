//! The kept rows of the raw table: how they are laid out as words, and as columns.

use crate::Error;
use crate::date::{CANDIDATES, DAY, Instants, to_iso};
use crate::findings::Place;
use crate::scratch::{Column, Scratch, Spool, Word as _};

/// Words of a row in front of its numbers, once its date is certain: date, file, line.
const HEAD: usize = 3;

/// The kept rows in input order, as long as the format of their dates may not be certain.
#[derive(Debug)]
pub struct Collected {
    /// The instants by each candidate, then file, line and numbers.
    rows: Spool,
    /// By candidate: whether every date is a midnight (UTC).
    days: [bool; CANDIDATES],
    /// Whether all candidates give the same instants.
    agree: bool,
    row: Vec<u64>,
}

impl Collected {
    /// No rows yet, of `numbers` numbers each.
    pub fn new(scratch: &Scratch, numbers: usize) -> Self {
        Self {
            rows: Spool::new(scratch, Self::width(numbers)),
            days: [true; CANDIDATES],
            agree: true,
            row: Vec::new(),
        }
    }

    /// Words of a row of `numbers` numbers.
    pub fn width(numbers: usize) -> usize {
        HEAD - 1 + CANDIDATES + numbers
    }

    /// Adds a row.
    pub fn push(&mut self, dates: Instants, place: Place, numbers: &[f64]) -> Result<(), Error> {
        self.agree &= dates.iter().all(|date| *date == dates[0]);
        for (days, date) in self.days.iter_mut().zip(dates) {
            *days &= date.rem_euclid(DAY) == 0;
        }
        self.row.clear();
        self.row.extend(dates.map(i64::to_word));
        self.row.extend([place.file.into(), place.line]);
        self.row
            .extend(numbers.iter().map(|number| number.to_word()));
        self.rows.push(&self.row)
    }

    /// Whether all candidates give the same dates.
    pub fn agree(&self) -> bool {
        self.agree
    }

    /// The rows with the dates by the candidate at this position.
    pub fn dated(self, candidate: usize) -> Dated {
        Dated {
            days: self.days[candidate],
            rows: self.rows,
            candidate,
        }
    }
}

/// The kept rows in input order.
#[derive(Debug)]
pub struct Dated {
    /// Whether every date is a midnight (UTC): days rather than instants.
    pub days: bool,
    rows: Spool,
    candidate: usize,
}

impl Dated {
    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Numbers of a row.
    pub fn numbers(&self) -> usize {
        self.rows.width() + 1 - CANDIDATES - HEAD
    }

    /// Calls `each` with every row.
    pub fn each(&self, mut each: impl FnMut(Row<'_>) -> Result<(), Error>) -> Result<(), Error> {
        let mut words = Vec::new();
        let mut cursor = self.rows.cursor(0..self.rows.len())?;
        while let Some(row) = cursor.row() {
            words.clear();
            words.push(row[self.candidate]);
            words.extend_from_slice(&row[CANDIDATES..]);
            each(Row(&words))?;
            cursor.advance()?;
        }
        Ok(())
    }
}

/// A kept row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a>(pub &'a [u64]);

impl Row<'_> {
    /// Words of a row of `numbers` numbers.
    pub fn width(numbers: usize) -> usize {
        HEAD + numbers
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub fn date(&self) -> i64 {
        i64::from_word(self.0[0])
    }

    /// Where it was read.
    pub fn place(&self) -> Place {
        Place {
            file: self.0[1] as u32,
            line: self.0[2],
        }
    }

    /// Its numbers in the order of [`crate::plan::Plan::kept`].
    pub fn numbers(&self) -> impl Iterator<Item = f64> {
        self.0[HEAD..].iter().map(|word| f64::from_word(*word))
    }

    /// Texts of its cells as `rejected.csv` shows them: the date, then the numbers.
    pub fn cells(&self) -> Vec<String> {
        let date = self.date();
        std::iter::once(to_iso(date, date.rem_euclid(DAY) == 0))
            .chain(self.numbers().map(|number| number.to_string()))
            .collect()
    }
}

/// The kept rows column by column, oldest first.
#[derive(Debug)]
pub struct Table {
    /// Milliseconds since 1970-01-01 UTC.
    pub dates: Column<i64>,
    /// The raw numeric columns in the order of [`crate::plan::Plan::kept`], each as long as `dates`.
    pub columns: Vec<Column<f64>>,
}

impl Table {
    /// No rows yet, of `numbers` numbers each.
    pub fn new(scratch: &Scratch, numbers: usize) -> Self {
        Self {
            dates: Column::new(scratch),
            columns: (0..numbers).map(|_| Column::new(scratch)).collect(),
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.dates.len()
    }

    /// Adds a row.
    pub fn push(&mut self, row: Row<'_>) -> Result<(), Error> {
        self.dates.push(row.date())?;
        let mut columns = self.columns.iter_mut().zip(row.numbers());
        columns.try_for_each(|(column, number)| column.push(number))
    }
}
