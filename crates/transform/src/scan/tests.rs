//! Tests of the scan.

use proptest::prelude::*;

use super::*;

type Rows = Vec<(u64, Vec<String>)>;

/// Header, kept records with their lines, and the number of rows seen; `block` bytes are read at
/// a time, so that records meet block borders.
fn scan(
    text: &[u8],
    block: usize,
    filter: Option<&Filter>,
) -> Result<(Vec<String>, Rows, u64), Error> {
    let mut scanner = Scanner::with_block(text, "prices.csv", block);
    let header = scanner.header()?;
    let mut rows = Rows::new();
    let seen = scanner.records(filter, &mut |record| {
        let fields = record
            .fields()
            .map(|field| String::from_utf8_lossy(field).into_owned());
        rows.push((record.line, fields.collect()));
        Ok(())
    })?;
    Ok((header, rows, seen))
}

fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
    (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
}

#[test]
fn plain_and_quoted_lines_are_split_alike() {
    let text = b"\xEF\xBB\xBFslug,\"name\",close\r\n\
        a,x,1\r\n\
        \r\n\
        \"a\",\"x, \"\"y\"\"\",2\r\n\
        b,\"two\nlines\",3\n\
        a,,4\n\
        a,last,5";
    let expected = vec![
        row(2, &["a", "x", "1"]),
        row(4, &["a", "x, \"y\"", "2"]),
        row(5, &["b", "two\nlines", "3"]),
        row(7, &["a", "", "4"]),
        row(8, &["a", "last", "5"]),
    ];
    for block in 1..text.len() {
        let (header, rows, seen) = scan(text, block, None).unwrap();
        assert_eq!(header, ["slug", "name", "close"]);
        assert_eq!(rows, expected, "blocks of {block} bytes");
        assert_eq!(seen, 6, "with the empty line");
        let (_, rows, seen) = scan(text, block, Some(&Filter::new(0, "a"))).unwrap();
        let of_a: Rows = expected
            .iter()
            .filter(|(_, cells)| cells[0] == "a")
            .cloned()
            .collect();
        assert_eq!(rows, of_a, "blocks of {block} bytes");
        assert_eq!(seen, 6, "with the empty line");
    }
}

#[test]
fn a_filter_matches_whole_cells_of_its_column_only() {
    let text =
        b"name,slug\nbitcoin,other\nx,bitcoin-cash\nx,my-bitcoin\ny,bitcoin\nbitcoin,bitcoin\n";
    let (_, rows, seen) = scan(text, 1000, Some(&Filter::new(1, "bitcoin"))).unwrap();
    assert_eq!(
        rows,
        [row(5, &["y", "bitcoin"]), row(6, &["bitcoin", "bitcoin"])]
    );
    assert_eq!(seen, 5);
}

#[test]
fn what_is_no_csv_text_is_refused() {
    let message = |text: &[u8]| scan(text, 1000, None).map(|_| ()).unwrap_err().to_string();
    assert_eq!(message(b""), "prices.csv is empty: it has no header line");
    assert_eq!(
        message(b"\r\n\n"),
        "prices.csv is empty: it has no header line"
    );
    assert_eq!(message(b"\xFF\xFEa\0"), "prices.csv is UTF-16 text");
    let mut unclosed = b"a,b\n1,2\n3,\"4\n".to_vec();
    unclosed.resize(20 * 1024 * 1024, b'x');
    assert_eq!(
        message(&unclosed),
        "prices.csv line 3: the record is longer than 16 MiB"
    );
}

#[test]
fn a_file_that_ends_with_its_header_has_no_rows() {
    let (header, rows, seen) = scan(b"a,b", 1, None).unwrap();
    assert_eq!((header.len(), rows.len(), seen), (2, 0, 0));
}

#[test]
fn a_carriage_return_before_an_empty_last_cell_is_kept() {
    let text = b"h1,h2\n\"a\r\",\nb\r,\r\n\"c\",\r\n";
    let (_, rows, _) = scan(text, 64, None).unwrap();
    let expected = [
        row(2, &["a\r", ""]),
        row(3, &["b\r", ""]),
        row(4, &["c", ""]),
    ];
    assert_eq!(rows, expected);
}

proptest! {
    /// The `csv` crate is the oracle: whatever the text, the cells are the same.
    #[test]
    fn records_are_those_of_the_csv_crate(text in "([ab,\"\r]|\n|\r\n){0,60}", block in 1_usize..70) {
        let text = format!("h1,h2\n{text}");
        let mut oracle = csv::ReaderBuilder::new();
        oracle.flexible(true).terminator(csv::Terminator::Any(b'\n'));
        let expected: Vec<Vec<String>> = oracle
            .from_reader(text.as_bytes())
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            .map(|mut cells: Vec<String>| {
                // The terminator leaves a carriage return on the last cell.
                if let Some(last) = cells.last_mut() && last.ends_with('\r') {
                    last.pop();
                }
                cells
            })
            .filter(|cells| *cells != [""])
            .collect();
        let (_, rows, _) = scan(text.as_bytes(), block, None).unwrap();
        let cells: Vec<Vec<String>> = rows.into_iter().map(|(_, cells)| cells).collect();
        prop_assert_eq!(&cells, &expected);
        let (_, of_a, _) = scan(text.as_bytes(), block, Some(&Filter::new(0, "a"))).unwrap();
        let cells: Vec<Vec<String>> = of_a.into_iter().map(|(_, cells)| cells).collect();
        let expected: Vec<Vec<String>> =
            expected.into_iter().filter(|cells| cells[0] == "a").collect();
        prop_assert_eq!(cells, expected);
    }
}
