//! Where train ends and eval and test begin.

use std::ops::Range;

use artifacts::Split;

use crate::Error;
use crate::config::SplitFractions;
use crate::scratch::{Column, parts};

/// Absorbs the rounding of `fraction × rows` where the product is a whole number.
const ROUNDING: f64 = 1e-9;

/// The rows of each split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges {
    train: Range<usize>,
    eval: Range<usize>,
    test: Range<usize>,
}

impl Ranges {
    /// Rows of one split.
    pub fn get(&self, split: Split) -> Range<usize> {
        match split {
            Split::Train => self.train.clone(),
            Split::Eval => self.eval.clone(),
            Split::Test => self.test.clone(),
        }
    }
}

/// Splits rows by time. `dates` are ascending.
///
/// Eval begins at row ⌊train × rows⌋ and test at ⌊(train + eval) × rows⌋, moved on to the next
/// date where rows share one. The last `horizon` rows before each boundary are left out: their
/// labels lie behind it.
pub fn split(
    dates: &Column<i64>,
    fractions: &SplitFractions,
    horizon: usize,
) -> Result<Ranges, Error> {
    let row = |fraction: f64| (fraction * dates.len() as f64 + ROUNDING).floor() as usize;
    let eval = next_date(dates, row(fractions.train))?;
    let test = next_date(dates, row(fractions.train + fractions.eval))?;
    let ranges = Ranges {
        train: 0..eval.saturating_sub(horizon),
        eval: eval..test.saturating_sub(horizon).max(eval),
        test: test..dates.len(),
    };
    if Split::ALL.iter().any(|split| ranges.get(*split).is_empty()) {
        return Err(Error::TooFewRows {
            rows: dates.len(),
            train: ranges.train.len(),
            eval: ranges.eval.len(),
            test: ranges.test.len(),
        });
    }
    Ok(ranges)
}

/// The first row from `row` on whose date is not that of the row before it.
fn next_date(dates: &Column<i64>, row: usize) -> Result<usize, Error> {
    if row == 0 || row >= dates.len() {
        return Ok(row);
    }
    let before = dates.get(row - 1)?;
    for part in parts(row..dates.len()) {
        let start = part.start;
        let other = dates.read(part)?.iter().position(|date| *date != before);
        if let Some(other) = other {
            return Ok(start + other);
        }
    }
    Ok(dates.len())
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::scratch::Scratch;

    fn lengths(dates: &[i64], horizon: usize) -> Result<[Range<usize>; 3], Error> {
        let mut column = Column::new(&Scratch::new(0, 1, CancellationToken::new()));
        dates.iter().try_for_each(|date| column.push(*date))?;
        split(&column, &SplitFractions::default(), horizon)
            .map(|ranges| [ranges.train, ranges.eval, ranges.test])
    }

    #[test]
    fn the_default_fractions_on_the_usual_table() {
        let dates: Vec<i64> = (0..1793).collect();
        assert_eq!(
            lengths(&dates, 0).unwrap(),
            [0..1255, 1255..1524, 1524..1793]
        );
    }

    #[test]
    fn whole_products_do_not_lose_a_row_to_rounding() {
        let dates: Vec<i64> = (0..20).collect();
        assert_eq!(lengths(&dates, 0).unwrap(), [0..14, 14..17, 17..20]);
    }

    #[test]
    fn no_label_crosses_a_boundary() {
        let dates: Vec<i64> = (0..100).collect();
        assert_eq!(lengths(&dates, 5).unwrap(), [0..65, 70..80, 85..100]);
    }

    #[test]
    fn rows_of_one_date_stay_together() {
        let dates: Vec<i64> = (0..100).map(|row| row / 4).collect();
        assert_eq!(lengths(&dates, 0).unwrap(), [0..72, 72..88, 88..100]);
    }

    #[test]
    fn an_empty_split_is_refused() {
        let error = lengths(&[1, 2, 3], 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "3 usable rows are too few for the splits: 2 train, 0 eval, 1 test"
        );
    }
}
