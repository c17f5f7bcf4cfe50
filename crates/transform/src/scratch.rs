//! Numbers that may outgrow memory.
//!
//! A [`Spool`] is a sequence of rows in blocks of equal size. A block stays in memory while the
//! run's limit has room for it and goes to one temporary file otherwise; which of the two shows
//! nowhere else.

mod column;
mod sorter;
mod spool;

use std::cell::{Cell, OnceCell, RefCell};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::rc::Rc;

use tokio_util::sync::CancellationToken;
use tracing::info;

pub use column::{Column, Word, parts};
pub use sorter::{Merge, Sorted, Sorter};
pub use spool::{Cursor, Spool};

use crate::Error;

/// Bytes of a word, the unit of all storage here.
const WORD: usize = size_of::<u64>();

/// Words of a block, 64 KiB: one is read ahead for each run while sorted runs are merged.
const BLOCK: usize = 8 * 1024;

/// Where the blocks of a run's spools are. Cheap to clone; clones share the limit and the file.
#[derive(Clone, Debug)]
pub struct Scratch(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Words of a block.
    block: usize,
    /// Words that are sorted at a time.
    batch: usize,
    /// Blocks that memory still has room for.
    room: Cell<usize>,
    file: OnceCell<File>,
    /// Blocks in the file, and those of them that are free again.
    stored: Cell<u64>,
    free: RefCell<Vec<u64>>,
    /// A block on its way to or from the file.
    bytes: RefCell<Vec<u8>>,
    cancel: CancellationToken,
}

/// A block of a spool.
#[derive(Debug)]
enum Block {
    /// In memory.
    Held(Vec<u64>),
    /// In the file, at this position among its blocks.
    Stored(u64),
}

impl Scratch {
    /// Room for `limit` bytes in memory, a quarter of them for sorting; what is beyond goes to the
    /// folder for temporary files. Rows are at most `width` words wide. Everything fails with
    /// [`Error::Cancelled`] once `cancel` fires.
    pub fn new(limit: usize, width: usize, cancel: CancellationToken) -> Self {
        Self::with_blocks(limit, BLOCK.max(width), cancel)
    }

    /// One with blocks of `block` words.
    fn with_blocks(limit: usize, block: usize, cancel: CancellationToken) -> Self {
        let sorting = limit / 4;
        Self(Rc::new(Inner {
            block,
            batch: (sorting / WORD).max(block),
            room: Cell::new((limit - sorting) / (block * WORD)),
            file: OnceCell::new(),
            stored: Cell::new(0),
            free: RefCell::default(),
            bytes: RefCell::new(Vec::new()),
            cancel,
        }))
    }

    /// Keeps `words`, at most a block, and leaves them empty.
    fn keep(&self, words: &mut Vec<u64>) -> Result<Block, Error> {
        self.check_cancelled()?;
        let inner = &self.0;
        if let Some(room) = inner.room.get().checked_sub(1) {
            inner.room.set(room);
            return Ok(Block::Held(std::mem::take(words)));
        }
        let position = inner.free.borrow_mut().pop().unwrap_or_else(|| {
            let end = inner.stored.get();
            inner.stored.set(end + 1);
            end
        });
        let mut bytes = inner.bytes.borrow_mut();
        bytes.resize(words.len() * WORD, 0);
        for (bytes, word) in bytes.chunks_exact_mut(WORD).zip(words.iter()) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let written = self.file()?.write_all_at(&bytes, self.offset(position));
        written.map_err(failed("write"))?;
        words.clear();
        Ok(Block::Stored(position))
    }

    /// Reads the block at `position` of the file into `words`, as many as it has room for.
    fn load(&self, position: u64, words: &mut [u64]) -> Result<(), Error> {
        let mut bytes = self.0.bytes.borrow_mut();
        bytes.resize(words.len() * WORD, 0);
        let read = self
            .file()?
            .read_exact_at(&mut bytes, self.offset(position));
        read.map_err(failed("read"))?;
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Ok(())
    }

    /// Gives back the room of a block.
    fn release(&self, block: &Block) {
        match block {
            Block::Held(_) => self.0.room.set(self.0.room.get() + 1),
            Block::Stored(position) => self.0.free.borrow_mut().push(*position),
        }
    }

    fn check_cancelled(&self) -> Result<(), Error> {
        if self.0.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    fn file(&self) -> Result<&File, Error> {
        if let Some(file) = self.0.file.get() {
            return Ok(file);
        }
        let file = temporary_file()?;
        let folder = std::env::temp_dir();
        info!(
            "more rows than the memory limit holds: going on in {}",
            folder.display()
        );
        Ok(self.0.file.get_or_init(|| file))
    }

    fn offset(&self, position: u64) -> u64 {
        position * (self.0.block * WORD) as u64
    }
}

/// A file in the folder for temporary files. It has no name: the system removes it with the
/// process, however that ends.
pub fn temporary_file() -> Result<File, Error> {
    tempfile::tempfile().map_err(failed("make"))
}

fn failed(action: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Temporary { action, source }
}

#[cfg(test)]
mod tests;
