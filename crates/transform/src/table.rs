//! The kept rows.

use crate::date::{DAY, to_iso};
use crate::findings::Place;

/// The kept rows of the raw table, column by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Milliseconds since 1970-01-01 UTC.
    pub dates: Vec<i64>,
    /// The raw numeric columns in the order of [`crate::plan::Plan::kept`], each as long as `dates`.
    pub columns: Vec<Vec<f64>>,
    /// Where each row was read.
    pub places: Vec<Place>,
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.dates.len()
    }

    /// The rows at `order`, in that order.
    #[must_use]
    pub fn take(&self, order: &[usize]) -> Self {
        Self {
            dates: order.iter().map(|row| self.dates[*row]).collect(),
            columns: self
                .columns
                .iter()
                .map(|column| order.iter().map(|row| column[*row]).collect())
                .collect(),
            places: order.iter().map(|row| self.places[*row]).collect(),
        }
    }

    /// Texts of a row's cells as `rejected.csv` shows them: the date, then the numbers.
    pub fn cells(&self, row: usize) -> Vec<String> {
        let date = self.dates[row];
        std::iter::once(to_iso(date, date.rem_euclid(DAY) == 0))
            .chain(self.columns.iter().map(|column| column[row].to_string()))
            .collect()
    }
}
