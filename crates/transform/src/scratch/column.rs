//! A column of numbers.

use std::marker::PhantomData;
use std::ops::Range;

use super::{Scratch, Spool};
use crate::Error;

/// Rows that are looked at together; the row groups of Parquet files too.
const PART: usize = 128 * 1024;

/// `rows` in parts that fit in memory, in order.
pub fn parts(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(PART)
        .map(move |start| start..(start + PART).min(end))
}

/// A number that fills a word.
pub trait Word: Copy {
    /// Its bits.
    fn to_word(self) -> u64;
    /// The number with these bits.
    fn from_word(word: u64) -> Self;
}

impl Word for f64 {
    fn to_word(self) -> u64 {
        self.to_bits()
    }

    fn from_word(word: u64) -> Self {
        Self::from_bits(word)
    }
}

impl Word for i64 {
    fn to_word(self) -> u64 {
        self.cast_unsigned()
    }

    fn from_word(word: u64) -> Self {
        word.cast_signed()
    }
}

/// Numbers of one kind, appended one by one and read in any order.
#[derive(Debug)]
pub struct Column<T> {
    spool: Spool,
    kind: PhantomData<T>,
}

impl<T: Word> Column<T> {
    /// An empty one.
    pub fn new(scratch: &Scratch) -> Self {
        Self {
            spool: Spool::new(scratch, 1),
            kind: PhantomData,
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.spool.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.spool.is_empty()
    }

    /// Adds a value.
    pub fn push(&mut self, value: T) -> Result<(), Error> {
        self.spool.push(&[value.to_word()])
    }

    /// The values in `rows`.
    pub fn read(&self, rows: Range<usize>) -> Result<Vec<T>, Error> {
        let words = self.spool.read(rows)?;
        Ok(words.into_iter().map(T::from_word).collect())
    }

    /// The value in one row.
    pub fn get(&self, row: usize) -> Result<T, Error> {
        Ok(self.read(row..row + 1)?[0])
    }

    /// Calls `each` with the values in `rows`, in order.
    pub fn each(&self, rows: Range<usize>, mut each: impl FnMut(T)) -> Result<(), Error> {
        for part in parts(rows) {
            self.read(part)?.into_iter().for_each(&mut each);
        }
        Ok(())
    }
}
