//! The pipeline's output as a table again.

use std::io::{self, Read, Write};

/// What was gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gathered {
    /// Records in the table.
    pub records: usize,
}

/// Writes the records of the pipeline's `parts` as one table with the header `columns`, in the
/// order in which they stood in the files: workers write in any order.
///
/// A series is small, so its records are held in memory.
///
/// # Errors
/// Of reading and writing; [`io::ErrorKind::InvalidData`] for a part that this pipeline did not
/// write.
pub fn gather<R: Read>(
    columns: &[String],
    parts: impl IntoIterator<Item = R>,
    table: impl Write,
) -> io::Result<Gathered> {
    let mut records = Vec::new();
    for part in parts {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(part);
        for record in reader.into_byte_records() {
            let record = record?;
            let place = place(&record).filter(|_| record.len() == columns.len() + 2);
            let place = place.ok_or_else(|| {
                let problem = "a record without its place: not written by this pipeline";
                io::Error::new(io::ErrorKind::InvalidData, problem)
            })?;
            records.push((place, record));
        }
    }
    records.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut table = csv::Writer::from_writer(table);
    table.write_record(columns)?;
    for (_, record) in &records {
        table.write_record(record.iter().skip(2))?;
    }
    table.flush()?;
    Ok(Gathered {
        records: records.len(),
    })
}

/// The file and the number of the record in it.
fn place(record: &csv::ByteRecord) -> Option<(Vec<u8>, u64)> {
    let number = std::str::from_utf8(record.get(1)?).ok()?;
    Some((record.get(0)?.to_vec(), number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(parts: &[&str]) -> io::Result<String> {
        let columns = ["slug", "close"].map(str::to_owned);
        let mut table = Vec::new();
        gather(
            &columns,
            parts.iter().map(|part| part.as_bytes()),
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
