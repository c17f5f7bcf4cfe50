//! One record, and splitting text into records.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use memchr::{memchr, memchr_iter, memrchr};

use super::Filter;
use crate::Error;

/// One record of a CSV file.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Line of the file it begins on, from 1.
    pub line: u64,
    text: &'a [u8],
    /// Where each field ends in `text`.
    ends: &'a [usize],
    /// Bytes between two fields: the comma of a plain line, nothing once unescaped.
    gap: usize,
}

impl<'a> Record<'a> {
    /// Number of fields.
    #[allow(clippy::len_without_is_empty)] // a record has at least one field
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The field at `index`, unescaped.
    pub fn field(&self, index: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(index)?;
        let start = index
            .checked_sub(1)
            .map_or(0, |before| self.ends[before] + self.gap);
        Some(&self.text[start..end])
    }

    /// All fields in order, unescaped.
    pub fn fields(&self) -> impl Iterator<Item = &'a [u8]> {
        let record = *self;
        (0..record.len()).filter_map(move |index| record.field(index))
    }
}

/// Splits text into records; owns the tables that are reused from record to record.
#[derive(Debug)]
pub struct Splitter {
    ends: Vec<usize>,
    reader: Reader,
    unescaped: Vec<u8>,
    fields: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            ends: vec![0; 64],
            reader: ReaderBuilder::new()
                .terminator(Terminator::Any(b'\n'))
                .build(),
            unescaped: vec![0; 1024],
            fields: 0,
        }
    }
}

impl Splitter {
    /// Hands the records in `text`, which holds whole lines and no quote, to `each`; `before`
    /// lines come before it. Returns the number of lines in it.
    pub(super) fn lines(
        &mut self,
        text: &[u8],
        before: u64,
        filter: Option<&Filter>,
        each: &mut impl FnMut(&Record<'_>) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut start = 0;
        let mut line = before;
        while start < text.len() {
            if let Some(filter) = filter {
                let rest = &text[start..];
                let Some(hit) = filter.finder.find(rest) else {
                    line += count_lines(rest);
                    break;
                };
                let skipped = memrchr(b'\n', &rest[..hit]).map_or(0, |end| end + 1);
                line += count_lines(&rest[..skipped]);
                start += skipped;
            }
            let length = memchr(b'\n', &text[start..]).unwrap_or(text.len() - start);
            line += 1;
            let record = self.plain(&text[start..start + length], line);
            if !record.text.is_empty() && filter.is_none_or(|filter| filter.matches(&record)) {
                each(&record)?;
            }
            start += length + 1;
        }
        Ok(line - before)
    }

    /// Splits one line that holds no quote.
    fn plain<'a>(&'a mut self, line: &'a [u8], number: u64) -> Record<'a> {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        self.ends.clear();
        self.ends.extend(memchr_iter(b',', text));
        self.ends.push(text.len());
        Record {
            line: number,
            text,
            ends: &self.ends,
            gap: 1,
        }
    }

    /// Reads one record from `text` with the full grammar; `last` says that nothing follows.
    /// Returns the result and how much of `text` it took; [`Self::record`] then has the record.
    pub(super) fn quoted(&mut self, text: &[u8], last: bool) -> (ReadRecordResult, usize) {
        if text.is_empty() && !last {
            return (ReadRecordResult::InputEmpty, 0);
        }
        self.reader.reset();
        let (mut input, mut output) = (0, 0);
        self.fields = 0;
        self.ends.resize(self.ends.capacity().max(64), 0);
        loop {
            let (result, read, written, ended) = self.reader.read_record(
                &text[input..],
                &mut self.unescaped[output..],
                &mut self.ends[self.fields..],
            );
            input += read;
            output += written;
            self.fields += ended;
            match result {
                ReadRecordResult::OutputFull => self.unescaped.resize(output * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.fields * 2, 0),
                // An empty input tells the reader that the text has ended.
                ReadRecordResult::InputEmpty if last && input == text.len() && read > 0 => {}
                result => return (result, input),
            }
        }
    }

    /// The record that [`Self::quoted`] read; `None` for an empty line.
    pub(super) fn record(&mut self, line: u64) -> Option<Record<'_>> {
        let ends = &mut self.ends[..self.fields];
        let (end, before) = ends.split_last_mut()?;
        let start = before.last().copied().unwrap_or_default();
        if self.unescaped[start..*end].ends_with(b"\r") {
            *end -= 1;
        }
        if ends == [0] {
            return None;
        }
        Some(Record {
            line,
            text: &self.unescaped,
            ends,
            gap: 0,
        })
    }
}

/// Number of lines, whether the last one is ended or not.
fn count_lines(text: &[u8]) -> u64 {
    let unended = text.last().is_some_and(|last| *last != b'\n');
    memchr_iter(b'\n', text).count() as u64 + u64::from(unended)
}
