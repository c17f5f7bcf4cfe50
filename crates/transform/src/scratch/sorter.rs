//! Sorting rows by their first word, read as a signed number.
//!
//! As many rows as fit are sorted at a time, each time giving a run; at the end the runs are
//! merged. The sort is stable. Runs that follow one another are one, so input that is sorted
//! already is only copied.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::{Cursor, Scratch, Spool};
use crate::Error;

/// Takes rows in any order.
#[derive(Debug)]
pub struct Sorter {
    width: usize,
    /// Words that are sorted at a time.
    limit: usize,
    batch: Vec<u64>,
    sorted: Sorted,
}

impl Sorter {
    /// A sorter of rows of `width` words.
    pub fn new(scratch: &Scratch, width: usize) -> Self {
        Self {
            width,
            limit: scratch.0.batch,
            batch: Vec::new(),
            sorted: Sorted {
                rows: Spool::new(scratch, width),
                runs: Vec::new(),
                last: i64::MIN,
            },
        }
    }

    /// Takes a row.
    pub fn push(&mut self, row: &[u64]) -> Result<(), Error> {
        self.batch.extend_from_slice(row);
        if self.batch.len() >= self.limit {
            self.sort()?;
        }
        Ok(())
    }

    /// All rows.
    pub fn finish(mut self) -> Result<Sorted, Error> {
        self.sort()?;
        Ok(self.sorted)
    }

    /// Makes a run of the batch.
    fn sort(&mut self) -> Result<(), Error> {
        let mut rows: Vec<&[u64]> = self.batch.chunks_exact(self.width).collect();
        rows.sort_by_key(|row| key(row));
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(());
        };
        let sorted = &mut self.sorted;
        let start = sorted.rows.len();
        let run = start..start + rows.len();
        match sorted.runs.last_mut() {
            Some(before) if sorted.last <= key(first) => before.end = run.end,
            _ => sorted.runs.push(run),
        }
        sorted.last = key(last);
        for row in rows {
            sorted.rows.push(row)?;
        }
        self.batch.clear();
        Ok(())
    }
}

/// Rows in runs, each of them sorted.
#[derive(Debug)]
pub struct Sorted {
    rows: Spool,
    pub(super) runs: Vec<Range<usize>>,
    /// Key of the last row of the last run.
    last: i64,
}

impl Sorted {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows in order.
    pub fn merge(&self) -> Result<Merge<'_>, Error> {
        let cursors = self.runs.iter().map(|run| self.rows.cursor(run.clone()));
        let cursors = cursors.collect::<Result<Vec<_>, _>>()?;
        let heads = cursors.iter().enumerate();
        let heads = heads.filter_map(|(run, cursor)| Some(Reverse((key(cursor.row()?), run))));
        let heads = heads.collect();
        Ok(Merge { cursors, heads })
    }
}

/// The place of a merge.
#[derive(Debug)]
pub struct Merge<'a> {
    cursors: Vec<Cursor<'a>>,
    /// The key of each run's next row, and the run; of equal keys, earlier runs come first.
    heads: BinaryHeap<Reverse<(i64, usize)>>,
}

impl Merge<'_> {
    /// The current row; `None` behind the last.
    pub fn row(&self) -> Option<&[u64]> {
        let Reverse((_, run)) = self.heads.peek()?;
        self.cursors[*run].row()
    }

    /// Goes on to the next row.
    pub fn advance(&mut self) -> Result<(), Error> {
        let Some(mut head) = self.heads.peek_mut() else {
            return Ok(());
        };
        let Reverse((next, run)) = &mut *head;
        let cursor = &mut self.cursors[*run];
        cursor.advance()?;
        match cursor.row() {
            Some(row) => *next = key(row),
            None => drop(std::collections::binary_heap::PeekMut::pop(head)),
        }
        Ok(())
    }
}

fn key(row: &[u64]) -> i64 {
    row[0].cast_signed()
}
