//! The scan alone, for `bench/scan.sh`: writes six columns of one series to a CSV file, which is
//! what the benchmark's other tools do too.
//!
//! `scan TABLE.csv OUT.csv`

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

use transform::scan::{Filter, Scanner};

const COLUMNS: [&str; 6] = ["slug", "date", "open", "high", "low", "close"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(table), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: scan TABLE.csv OUT.csv".into());
    };
    let mut out = BufWriter::new(File::create(out)?);
    let mut scanner = Scanner::new(File::open(&table)?, &table);
    let header = scanner.header()?;
    let position = |name: &&str| header.iter().position(|column| column == *name);
    let columns = COLUMNS.iter().map(position).collect::<Option<Vec<_>>>();
    let columns = columns.ok_or("the table lacks a column")?;
    writeln!(out, "{}", COLUMNS.join(","))?;
    let filter = Filter::new(columns[0], "bitcoin");
    let mut line = Vec::new();
    scanner.records(Some(&filter), &mut |record| {
        line.clear();
        for column in &columns {
            line.extend_from_slice(record.field(*column).unwrap_or_default());
            line.push(b',');
        }
        line.pop();
        line.push(b'\n');
        out.write_all(&line)
            .map_err(|source| transform::Error::Temporary {
                action: "write",
                source,
            })
    })?;
    out.flush()?;
    Ok(())
}
