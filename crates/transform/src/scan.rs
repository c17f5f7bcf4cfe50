//! Splits a stream of CSV text into records and finds those of one series, in constant memory.
//!
//! Text without a quote is searched, not parsed: the series value is looked up with `memmem` and
//! only the lines that hold it are split. From a line with a quote on, `csv-core` reads one
//! record (quoted commas, doubled quotes, line breaks inside quotes); then the search goes on.
//! Both paths split alike: at commas, at `\n` or `\r\n`, and empty lines are no records.

mod record;

use std::io::Read;

use csv_core::ReadRecordResult;
use memchr::{memchr, memchr_iter, memmem, memrchr};

pub use record::{Record, Splitter};

use crate::Error;

/// How much is read at a time: fits a second-level cache together with the scan's tables.
const BLOCK: usize = 256 * 1024;

/// Longest record; a longer one is an unclosed quote.
const LONGEST_RECORD: usize = 16 * 1024 * 1024;

/// The rows to find: those whose cell in `column` equals `value`.
#[derive(Debug)]
pub struct Filter {
    column: usize,
    value: Vec<u8>,
    finder: memmem::Finder<'static>,
}

impl Filter {
    /// A filter on the column with this index.
    pub fn new(column: usize, value: &str) -> Self {
        // A comma makes false hits, such as a longer name, rarer; a first cell may have none.
        let needle = match column {
            0 => value.to_owned(),
            _ => format!(",{value}"),
        };
        Self {
            column,
            value: value.as_bytes().to_vec(),
            finder: memmem::Finder::new(needle.as_bytes()).into_owned(),
        }
    }

    fn matches(&self, record: &Record<'_>) -> bool {
        record.field(self.column) == Some(&self.value)
    }
}

/// Reads one CSV file.
#[derive(Debug)]
pub struct Scanner<R> {
    reader: R,
    name: String,
    buffer: Vec<u8>,
    /// The unread text is `buffer[start..end]`.
    start: usize,
    end: usize,
    ended: bool,
    /// Lines before `start`.
    lines: u64,
    splitter: Splitter,
}

impl<R: Read> Scanner<R> {
    /// A scanner over `reader`; `name` is the file's name in messages.
    pub fn new(reader: R, name: &str) -> Self {
        Self::with_block(reader, name, BLOCK)
    }

    /// A scanner that reads `block` bytes at a time.
    fn with_block(reader: R, name: &str, block: usize) -> Self {
        Self {
            reader,
            name: name.to_owned(),
            buffer: vec![0; block],
            start: 0,
            end: 0,
            ended: false,
            lines: 0,
            splitter: Splitter::default(),
        }
    }

    /// Reads the first record: the column names. A byte-order mark before it is skipped.
    pub fn header(&mut self) -> Result<Vec<String>, Error> {
        while self.end < 3 && !self.ended {
            self.fill()?;
        }
        match &self.buffer[..self.end] {
            [0xEF, 0xBB, 0xBF, ..] => self.start = 3,
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
                return Err(Error::Utf16 {
                    file: self.name.clone(),
                });
            }
            _ => {}
        }
        let mut header = Vec::new();
        while header.is_empty() {
            let more = self.quoted(&mut |record: &Record<'_>| {
                header = record
                    .fields()
                    .map(|name| String::from_utf8_lossy(name).trim().to_owned())
                    .collect();
                Ok(())
            })?;
            if !more {
                break;
            }
        }
        if header.is_empty() {
            return Err(Error::NoHeader {
                file: self.name.clone(),
            });
        }
        Ok(header)
    }

    /// Hands each record of the series (each record, without a filter) to `each`, in file order.
    /// Returns the number of rows seen, whether of the series or not, empty lines included.
    pub fn records(
        &mut self,
        filter: Option<&Filter>,
        each: &mut impl FnMut(&Record<'_>) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut rows = 0;
        loop {
            let text = &self.buffer[self.start..self.end];
            let quote = memchr(b'"', text);
            let plain = match quote {
                Some(quote) => &text[..quote],
                None => text,
            };
            // Whole lines only, except at the end of the file.
            let plain = match memrchr(b'\n', plain) {
                _ if quote.is_none() && self.ended => plain,
                Some(newline) => &plain[..=newline],
                None => &[],
            };
            let lines = self.splitter.lines(plain, self.lines, filter, each)?;
            self.lines += lines;
            rows += lines;
            self.start += plain.len();
            if quote.is_some() {
                let found = self.quoted(&mut |record| {
                    if filter.is_none_or(|filter| filter.matches(record)) {
                        each(record)?;
                    }
                    Ok(())
                })?;
                if !found {
                    return Ok(rows);
                }
                rows += 1;
            } else if self.ended {
                return Ok(rows);
            } else {
                self.fill()?;
            }
        }
    }

    /// Reads one record, or one empty line, with the full CSV grammar; `false` at the end.
    fn quoted(
        &mut self,
        each: &mut impl FnMut(&Record<'_>) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        loop {
            let text = &self.buffer[self.start..self.end];
            let (result, consumed) = self.splitter.quoted(text, self.ended);
            match result {
                ReadRecordResult::Record => {
                    let line = self.lines + 1;
                    self.lines += memchr_iter(b'\n', &text[..consumed]).count() as u64;
                    self.start += consumed;
                    if let Some(record) = self.splitter.record(line) {
                        each(&record)?;
                    }
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
                _ => self.fill()?,
            }
        }
    }

    /// Reads more text behind the unread text, which moves to the front.
    fn fill(&mut self) -> Result<(), Error> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end >= LONGEST_RECORD {
            return Err(Error::RecordTooLong {
                file: self.name.clone(),
                line: self.lines + 1,
                limit: LONGEST_RECORD,
            });
        }
        if self.end * 2 > self.buffer.len() {
            let length = (self.buffer.len() * 2).min(LONGEST_RECORD);
            self.buffer.resize(length, 0);
        }
        // Until the buffer is full: many small reads would split and rescan long records.
        while !self.ended && self.end < self.buffer.len() {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    self.ended = read == 0;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(Error::Read {
                        file: self.name.clone(),
                        source,
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
