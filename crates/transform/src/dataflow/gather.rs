//! The pipeline's output as a table again.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, Read, Write};

use serde_json::Value;

/// What was gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gathered {
    /// Records in the table.
    pub records: usize,
}

/// Writes the records of the pipeline's `parts` as one table with the header `columns`, in the
/// order in which they stood in the files: workers write in any order. The records it set aside,
/// `malformed`, get a cell too many, so that whoever reads the table finds them malformed, too.
///
/// A series is small, so its records are held in memory. A record that is there twice, from an
/// attempt that failed after it wrote, counts once.
///
/// # Errors
/// Of reading and writing; [`io::ErrorKind::InvalidData`] for a part that this pipeline did not
/// write.
pub fn gather<R: Read>(
    columns: &[String],
    parts: impl IntoIterator<Item = R>,
    malformed: impl IntoIterator<Item = R>,
    table: impl Write,
) -> io::Result<Gathered> {
    let mut records = BTreeMap::new();
    for part in parts {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(part);
        for record in reader.into_byte_records() {
            let record = record?;
            let place = place(&record).filter(|_| record.len() == columns.len() + 2);
            let place = place.ok_or_else(foreign)?;
            records.insert(place, record.iter().skip(2).collect());
        }
    }
    for part in malformed {
        for line in io::BufReader::new(part).lines() {
            let (place, record) = aside(&line?).ok_or_else(foreign)?;
            records.insert(place, record);
        }
    }
    let mut table = csv::WriterBuilder::new().flexible(true).from_writer(table);
    table.write_record(columns)?;
    for record in records.values() {
        table.write_byte_record(record)?;
    }
    table.flush()?;
    Ok(Gathered {
        records: records.len(),
    })
}

fn foreign() -> io::Error {
    let problem = "a record without its place: not written by this pipeline";
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// A record that was set aside, a line of JSON, and its place.
fn aside(line: &str) -> Option<(Place, csv::ByteRecord)> {
    let document: Value = serde_json::from_str(line).ok()?;
    let element = &document["element"];
    let place = (
        element["file"].as_str()?.as_bytes().to_vec(),
        element["record"].as_u64()?,
    );
    let cells = element["cells"].as_array()?.iter();
    let mut record: csv::ByteRecord = cells.filter_map(Value::as_str).collect();
    record.push_field(b"");
    Some((place, record))
}

/// The file and the number of the record in it.
type Place = (Vec<u8>, u64);

/// The file and the number of the record in it.
fn place(record: &csv::ByteRecord) -> Option<Place> {
    let number = std::str::from_utf8(record.get(1)?).ok()?;
    Some((record.get(0)?.to_vec(), number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(parts: &[&str]) -> io::Result<String> {
        gathered_with(parts, &[])
    }

    fn gathered_with(parts: &[&str], malformed: &[&str]) -> io::Result<String> {
        let columns = ["slug", "close"].map(str::to_owned);
        let mut table = Vec::new();
        gather(
            &columns,
            parts.iter().map(|part| part.as_bytes()),
            malformed.iter().map(|part| part.as_bytes()),
            &mut table,
        )?;
        Ok(String::from_utf8(table).unwrap())
    }

    #[test]
    fn records_come_back_in_their_order() {
        let parts = [
            "b.csv,2,x,4\nb.csv,10,x,\"5\n6\"\n",
            "a.csv,3,x,1\nb.csv,1,\"x, y\",007\n",
        ];
        let expected = "slug,close\nx,1\n\"x, y\",007\nx,4\nx,\"5\n6\"\n";
        assert_eq!(gathered(&parts).unwrap(), expected);
    }

    #[test]
    fn a_record_counts_once() {
        let parts = ["a.csv,1,x,1\n", "a.csv,1,x,1\na.csv,2,x,2\n"];
        assert_eq!(gathered(&parts).unwrap(), "slug,close\nx,1\nx,2\n");
    }

    #[test]
    fn what_was_set_aside_is_malformed_in_its_place() {
        let aside = r#"{"element": {"file": "a.csv", "record": 2, "whole": false,
            "cells": ["x", ""]}, "msg": "ValueError()"}"#
            .replace('\n', " ");
        let table = gathered_with(&["a.csv,1,x,1\na.csv,3,x,3\n"], &[&aside]);
        assert_eq!(table.unwrap(), "slug,close\nx,1\nx,,\nx,3\n");
        let foreign = gathered_with(&[], &["{}"]).unwrap_err();
        assert_eq!(
            foreign.to_string(),
            "a record without its place: not written by this pipeline"
        );
    }

    #[test]
    fn nothing_gives_the_header() {
        assert_eq!(gathered(&[]).unwrap(), "slug,close\n");
    }

    #[test]
    fn other_files_are_refused() {
        for part in ["a.csv,one,x,1\n", "a.csv,1,x\n"] {
            assert_eq!(
                gathered(&[part]).unwrap_err().to_string(),
                "a record without its place: not written by this pipeline"
            );
        }
    }
}
