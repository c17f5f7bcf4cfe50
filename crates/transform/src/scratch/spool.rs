//! A sequence of rows.

use std::ops::Range;

use super::{Block, Scratch};
use crate::Error;

/// Rows of equal width, appended one by one and read in any order.
#[derive(Debug)]
pub struct Spool {
    scratch: Scratch,
    /// Words of a row.
    width: usize,
    /// Rows of a block.
    height: usize,
    /// Full blocks, all of the same number of rows.
    blocks: Vec<Block>,
    /// The rows behind them.
    tail: Vec<u64>,
}

impl Spool {
    /// An empty one of rows of `width` words.
    pub fn new(scratch: &Scratch, width: usize) -> Self {
        debug_assert!((1..=scratch.0.block).contains(&width));
        Self {
            scratch: scratch.clone(),
            width,
            height: scratch.0.block / width,
            blocks: Vec::new(),
            tail: Vec::new(),
        }
    }

    /// Words of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.blocks.len() * self.height + self.tail.len() / self.width
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a row.
    pub fn push(&mut self, row: &[u64]) -> Result<(), Error> {
        self.tail.extend_from_slice(row);
        if self.tail.len() == self.height * self.width {
            self.blocks.push(self.scratch.keep(&mut self.tail)?);
        }
        Ok(())
    }

    /// Reads `rows` from the first to the last.
    pub fn cursor(&self, rows: Range<usize>) -> Result<Cursor<'_>, Error> {
        let mut cursor = Cursor {
            spool: self,
            rows,
            buffer: Vec::new(),
        };
        cursor.load()?;
        Ok(cursor)
    }

    /// The words of `rows`.
    pub fn read(&self, rows: Range<usize>) -> Result<Vec<u64>, Error> {
        let mut words = Vec::with_capacity(rows.len() * self.width);
        let mut buffer = Vec::new();
        let mut row = rows.start;
        while row < rows.end {
            let (block, first) = (row / self.height, row % self.height);
            let count = (self.height - first).min(rows.end - row);
            let all = self.block(block, &mut buffer)?;
            words.extend_from_slice(&all[first * self.width..(first + count) * self.width]);
            row += count;
        }
        Ok(words)
    }

    /// The words of a block; `buffer` is where they go if they are not in memory.
    fn block<'a>(&'a self, block: usize, buffer: &'a mut Vec<u64>) -> Result<&'a [u64], Error> {
        self.scratch.check_cancelled()?;
        match self.blocks.get(block) {
            None => Ok(&self.tail),
            Some(Block::Held(words)) => Ok(words),
            Some(Block::Stored(position)) => {
                buffer.resize(self.height * self.width, 0);
                self.scratch.load(*position, buffer)?;
                Ok(buffer)
            }
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        for block in &self.blocks {
            self.scratch.release(block);
        }
    }
}

/// A place in a spool.
#[derive(Debug)]
pub struct Cursor<'a> {
    spool: &'a Spool,
    /// The rows still to come, the current one first.
    rows: Range<usize>,
    /// The current block, if it is in the file.
    buffer: Vec<u64>,
}

impl Cursor<'_> {
    /// The current row; `None` behind the last.
    pub fn row(&self) -> Option<&[u64]> {
        if self.rows.is_empty() {
            return None;
        }
        let Spool { width, .. } = *self.spool;
        let first = self.rows.start % self.spool.height * width;
        let block = match self.spool.blocks.get(self.rows.start / self.spool.height) {
            None => &self.spool.tail,
            Some(Block::Held(words)) => words,
            Some(Block::Stored(_)) => &self.buffer,
        };
        Some(&block[first..first + width])
    }

    /// Goes on to the next row.
    pub fn advance(&mut self) -> Result<(), Error> {
        self.rows.start += 1;
        if self.rows.start.is_multiple_of(self.spool.height) {
            self.load()?;
        }
        Ok(())
    }

    /// Loads the block of the current row, if there is one.
    fn load(&mut self) -> Result<(), Error> {
        if !self.rows.is_empty() {
            let block = self.rows.start / self.spool.height;
            self.spool.block(block, &mut self.buffer)?;
        }
        Ok(())
    }
}
