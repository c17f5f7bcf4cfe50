//! For the fuzz targets.

use crate::args::parse_config;
use crate::plan::Plan;
use crate::scan::{Filter, Scanner};

/// Reads a configuration, and makes its plan if it is one.
pub fn config(text: &[u8]) {
    if let Ok(config) = parse_config("config.yaml", text) {
        let _ = Plan::new(&config);
    }
}

/// Reads a table twice: all of it, and the rows whose first cell is that of its first row.
///
/// # Panics
/// If the second time finds other rows than the first.
pub fn table(text: &[u8]) {
    let Some(all) = records(text, None) else {
        return;
    };
    // A text that cannot be in a configuration cannot be asked for.
    let Some(Ok(wanted)) = all.first().map(|row| String::from_utf8(row[0].clone())) else {
        return;
    };
    let rows = all.into_iter().filter(|row| row[0] == wanted.as_bytes());
    let expected: Vec<_> = rows.collect();
    let found = records(text, Some(&Filter::new(0, &wanted))).expect("it was read before");
    assert_eq!(found, expected);
}

fn records(text: &[u8], filter: Option<&Filter>) -> Option<Vec<Vec<Vec<u8>>>> {
    let mut scanner = Scanner::new(text, "table.csv");
    scanner.header().ok()?;
    let mut rows = Vec::new();
    let read = scanner.records(filter, &mut |record| {
        rows.push(record.fields().map(<[u8]>::to_vec).collect());
        Ok(())
    });
    read.ok().map(|_| rows)
}
