//! Numbers that may outgrow memory.
//!
//! A [`Column`] is in memory as long as there is [`Room`] for its rows, and in a temporary file of
//! its own otherwise; which of the two shows nowhere else. What works on columns takes a [`BLOCK`]
//! of rows at a time, oldest first, wherever they are.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows that are read and worked on together.
pub const BLOCK: usize = 4096;

/// Bytes on their way from a file.
const PIECE: usize = 1 << 16;

/// A temporary file failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} a temporary file in {}", folder.display())]
pub struct StoreError {
    /// What was tried.
    action: &'static str,
    /// The folder for temporary files.
    folder: PathBuf,
    /// The system's word.
    source: io::Error,
}

impl StoreError {
    fn of(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self {
            action,
            folder: std::env::temp_dir(),
            source,
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        "make room there, or set TMPDIR to a folder with room"
    }
}

/// How much memory is left for rows.
#[derive(Debug)]
pub struct Room(u64);

/// Where rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// In memory.
    InMemory,
    /// In the folder for temporary files, in files without a name: the system removes them with
    /// the process, however that ends.
    OnDisk,
}

impl Room {
    /// Room for `bytes` bytes.
    pub fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Takes so many bytes, if that many are left.
    pub fn take(&mut self, bytes: u64) -> Keep {
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                Keep::InMemory
            }
            None => Keep::OnDisk,
        }
    }
}

/// A number that a column holds.
pub trait Number: Copy + Send + Sync + 'static {
    /// Its bytes in a file.
    const BYTES: usize;
    /// Appends them to `bytes`.
    fn put(self, bytes: &mut Vec<u8>);
    /// The number of [`Self::BYTES`] bytes.
    fn get(bytes: &[u8]) -> Self;
}

macro_rules! number {
    ($($type:ty)+) => {$(
        impl Number for $type {
            const BYTES: usize = size_of::<Self>();

            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }

            fn get(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("as many bytes as it has"))
            }
        }
    )+};
}
number!(i64 f64 f32);

/// Rows of one or more numbers, in memory or in temporary files. Cheap to clone, to cut and to put
/// together: no number is copied.
#[derive(Clone, Debug)]
pub struct Column<T> {
    width: usize,
    rows: usize,
    parts: Vec<Part<T>>,
}

/// Consecutive rows of what was written at a time.
#[derive(Clone, Debug)]
struct Part<T> {
    place: Place<T>,
    first: usize,
    rows: usize,
}

#[derive(Clone, Debug)]
enum Place<T> {
    Held(Arc<Vec<T>>),
    Stored(Arc<File>),
}

impl<T: Number> Column<T> {
    /// A column in memory, of rows of `width` numbers.
    ///
    /// # Panics
    /// When `values` is not a whole number of rows.
    pub fn held(width: usize, values: Vec<T>) -> Self {
        assert!(values.len().is_multiple_of(width), "a whole number of rows");
        let rows = values.len() / width;
        Self::whole(width, rows, Place::Held(Arc::new(values)))
    }

    fn whole(width: usize, rows: usize, place: Place<T>) -> Self {
        let first = 0;
        Self {
            width,
            rows,
            parts: vec![Part { place, first, rows }],
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether all of it is in memory.
    pub fn is_held(&self) -> bool {
        let is_held = |part: &Part<T>| matches!(part.place, Place::Held(_));
        self.parts.iter().all(is_held)
    }

    /// Some of the rows.
    ///
    /// # Panics
    /// When there are fewer.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> Self {
        assert!(rows.end <= self.rows, "no rows beyond the last");
        let mut slice = Self {
            width: self.width,
            rows: rows.len(),
            parts: Vec::new(),
        };
        self.each_part(rows, |part, within| {
            slice.parts.push(Part {
                place: part.place.clone(),
                first: part.first + within.start,
                rows: within.len(),
            });
        });
        slice
    }

    /// These rows and then those of `after`.
    ///
    /// # Panics
    /// When the widths differ.
    #[must_use]
    pub fn followed_by(&self, after: &Self) -> Self {
        assert_eq!(self.width, after.width, "rows of one width");
        Self {
            width: self.width,
            rows: self.rows + after.rows,
            parts: [&self.parts[..], &after.parts].concat(),
        }
    }

    /// The numbers of some rows; `buffer` is where they go if they are not side by side in memory.
    ///
    /// # Panics
    /// When there are fewer rows.
    pub fn read<'a>(
        &'a self,
        rows: Range<usize>,
        buffer: &'a mut Vec<T>,
    ) -> Result<&'a [T], StoreError> {
        if let Some(values) = self.held_rows(rows.clone()) {
            return Ok(values);
        }
        buffer.clear();
        self.append(rows, buffer)?;
        Ok(buffer)
    }

    /// Appends the numbers of some rows to `to`.
    ///
    /// # Panics
    /// When there are fewer rows.
    pub fn append(&self, rows: Range<usize>, to: &mut Vec<T>) -> Result<(), StoreError> {
        assert!(rows.end <= self.rows, "no rows beyond the last");
        let mut read = Ok(());
        self.each_part(rows, |part, within| {
            if read.is_ok() {
                read = part.append(self.width, within, to);
            }
        });
        read
    }

    /// The numbers of some rows, if they are side by side in memory.
    #[inline]
    pub fn held_rows(&self, mut rows: Range<usize>) -> Option<&[T]> {
        for part in &self.parts {
            if rows.start >= part.rows {
                rows = rows.start - part.rows..rows.end - part.rows;
                continue;
            }
            return match &part.place {
                Place::Held(values) if rows.end <= part.rows => {
                    let first = part.first + rows.start;
                    Some(&values[first * self.width..(first + rows.len()) * self.width])
                }
                _ => None,
            };
        }
        None
    }

    /// Calls `each` for every part that has some of the rows, with those rows of the part.
    fn each_part(&self, rows: Range<usize>, mut each: impl FnMut(&Part<T>, Range<usize>)) {
        let mut start = 0;
        for part in &self.parts {
            let end = start + part.rows;
            let (from, to) = (rows.start.max(start), rows.end.min(end));
            if from < to {
                each(part, from - start..to - start);
            }
            start = end;
        }
    }
}

impl<T: Number> Part<T> {
    fn append(&self, width: usize, rows: Range<usize>, to: &mut Vec<T>) -> Result<(), StoreError> {
        let first = (self.first + rows.start) * width;
        let count = rows.len() * width;
        match &self.place {
            Place::Held(values) => to.extend_from_slice(&values[first..first + count]),
            Place::Stored(file) => {
                let mut bytes = vec![0; (count * T::BYTES).min(PIECE)];
                let (mut offset, end) = (first * T::BYTES, (first + count) * T::BYTES);
                while offset < end {
                    let piece = (end - offset).min(PIECE);
                    let bytes = &mut bytes[..piece];
                    file.read_exact_at(bytes, offset as u64)
                        .map_err(StoreError::of("read"))?;
                    to.extend(bytes.chunks_exact(T::BYTES).map(T::get));
                    offset += piece;
                }
            }
        }
        Ok(())
    }
}

/// A column under construction.
#[derive(Debug)]
pub struct ColumnWriter<T> {
    width: usize,
    rows: usize,
    target: Target<T>,
}

#[derive(Debug)]
enum Target<T> {
    Held(Vec<T>),
    Stored {
        file: BufWriter<File>,
        bytes: Vec<u8>,
    },
}

impl<T: Number> ColumnWriter<T> {
    /// One for rows of `width` numbers.
    pub fn new(keep: Keep, width: usize) -> Result<Self, StoreError> {
        let target = match keep {
            Keep::InMemory => Target::Held(Vec::new()),
            Keep::OnDisk => Target::Stored {
                file: BufWriter::with_capacity(
                    4 * PIECE,
                    tempfile::tempfile().map_err(StoreError::of("make"))?,
                ),
                bytes: Vec::new(),
            },
        };
        Ok(Self {
            width,
            rows: 0,
            target,
        })
    }

    /// Adds a whole number of rows.
    pub fn push(&mut self, values: &[T]) -> Result<(), StoreError> {
        self.rows += values.len() / self.width;
        match &mut self.target {
            Target::Held(held) => held.extend_from_slice(values),
            Target::Stored { file, bytes } => {
                bytes.clear();
                for value in values {
                    value.put(bytes);
                }
                file.write_all(bytes).map_err(StoreError::of("write"))?;
            }
        }
        Ok(())
    }

    /// The column.
    pub fn finish(self) -> Result<Column<T>, StoreError> {
        let place = match self.target {
            Target::Held(values) => Place::Held(Arc::new(values)),
            Target::Stored { file, .. } => {
                let file = file
                    .into_inner()
                    .map_err(|error| StoreError::of("write")(error.into_error()))?;
                Place::Stored(Arc::new(file))
            }
        };
        Ok(Column::whole(self.width, self.rows, place))
    }
}

/// `0..rows` in blocks.
pub fn blocks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows)
        .step_by(BLOCK)
        .map(move |first| first..(first + BLOCK).min(rows))
}

/// Reads columns of equally many rows side by side, a block of rows at a time.
///
/// # Panics
/// When the first has more rows than another.
pub fn each_block<T: Number, E: From<StoreError>, const N: usize>(
    columns: [&Column<T>; N],
    mut each: impl FnMut([&[T]; N]) -> Result<(), E>,
) -> Result<(), E> {
    let mut buffers = columns.map(|_| Vec::new());
    for rows in blocks(columns[0].rows()) {
        let mut values = [&[][..]; N];
        for ((values, column), buffer) in values.iter_mut().zip(columns).zip(&mut buffers) {
            *values = column.read(rows.clone(), buffer)?;
        }
        each(values)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
