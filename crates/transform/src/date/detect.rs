//! Finding out how a column's dates are written, in one pass and without guessing.

use super::DateFormat;

/// What a cell turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateCell {
    /// A date; one more value stands in every candidate's column.
    Read,
    /// An empty cell.
    Missing,
    /// Not a date in the column's format.
    Unparsable,
}

/// Where a cell was, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The cell's text.
    pub text: String,
    /// File name and line, for example `prices.csv line 3`.
    pub place: String,
}

/// Two cells that no single format explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mixed {
    /// A cell only the first format explains.
    pub one: (DateFormat, Evidence),
    /// A cell only the second format explains.
    pub other: (DateFormat, Evidence),
}

/// All cells are explained by both formats, differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ambiguous {
    /// A cell.
    pub text: String,
    /// The formats that explain it.
    pub formats: Vec<DateFormat>,
}

/// Reads a date column whose format may have to be found out.
///
/// Every format that explains all cells so far stays a candidate and has its own column of
/// values; never more than two do (day and month, or seconds and `YYYYMMDD`), so memory is bounded.
#[derive(Debug)]
pub struct DateReader {
    /// Candidates with the values of the rows kept so far.
    candidates: Vec<(DateFormat, Vec<i64>)>,
    /// Formats ruled out by a cell that other formats explain. Empty for a format given by name.
    ruled_out: Vec<(DateFormat, Evidence)>,
    /// A cell that narrowed the candidates last: every candidate explains it.
    witness: Option<Evidence>,
}

impl DateReader {
    /// A reader for `format`, or for all formats.
    pub fn new(format: Option<DateFormat>) -> Self {
        let candidates: Vec<_> = match format {
            Some(format) => vec![(format, Vec::new())],
            None => DateFormat::ALL.map(|format| (format, Vec::new())).into(),
        };
        Self {
            candidates,
            ruled_out: Vec::new(),
            witness: None,
        }
    }

    /// Looks at a cell; `keep` says whether its row is kept. `place` is asked for messages only.
    pub fn read(
        &mut self,
        cell: &[u8],
        keep: bool,
        place: impl Fn() -> String,
    ) -> Result<DateCell, Box<Mixed>> {
        let cell = cell.trim_ascii();
        if cell.is_empty() {
            return Ok(DateCell::Missing);
        }
        let evidence = || Evidence {
            text: String::from_utf8_lossy(cell).into_owned(),
            place: place(),
        };
        if !self
            .candidates
            .iter()
            .any(|(format, _)| format.parse(cell).is_some())
        {
            let explained = self
                .ruled_out
                .iter()
                .find(|(format, _)| format.parse(cell).is_some());
            return match explained {
                None => Ok(DateCell::Unparsable),
                Some((other, against)) => Err(Box::new(Mixed {
                    one: (self.candidates[0].0, against.clone()),
                    other: (*other, evidence()),
                })),
            };
        }
        let ruled_out = &mut self.ruled_out;
        let before = self.candidates.len();
        self.candidates.retain_mut(|(format, values)| {
            let instant = format.parse(cell);
            match instant {
                Some(instant) if keep => values.push(instant),
                Some(_) => {}
                None => ruled_out.push((*format, evidence())),
            }
            instant.is_some()
        });
        if self.candidates.len() < before || self.witness.is_none() {
            self.witness = Some(evidence());
        }
        Ok(DateCell::Read)
    }

    /// The format and the values of the rows kept, in milliseconds since 1970-01-01 UTC.
    /// Formats that agree on every row are one and the same.
    ///
    /// # Panics
    /// Never: one candidate always stays.
    pub fn finish(self) -> Result<(DateFormat, Vec<i64>), Ambiguous> {
        let agree = self
            .candidates
            .windows(2)
            .all(|pair| pair[0].1 == pair[1].1);
        if let (Some(witness), false) = (self.witness, agree) {
            return Err(Ambiguous {
                text: witness.text,
                formats: self.candidates.iter().map(|(format, _)| *format).collect(),
            });
        }
        Ok(self
            .candidates
            .into_iter()
            .next()
            .expect("one candidate always stays"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str]) -> Result<Result<DateFormat, Ambiguous>, Box<Mixed>> {
        let mut reader = DateReader::new(None);
        for (line, cell) in cells.iter().enumerate() {
            reader.read(cell.as_bytes(), true, || format!("prices.csv line {line}"))?;
        }
        Ok(reader.finish().map(|(format, _)| format))
    }

    #[test]
    fn a_single_day_above_12_settles_the_column() {
        assert_eq!(
            read(&["1/2/2018", "28/4/2013"]),
            Ok(Ok(DateFormat::DayMonthYear))
        );
        assert_eq!(
            read(&["1/2/18 00:00", "4/28/13 00:00"]),
            Ok(Ok(DateFormat::MonthDayYear))
        );
        assert_eq!(read(&["2018-01-02"]), Ok(Ok(DateFormat::Iso)));
        assert_eq!(read(&["1522281600"]), Ok(Ok(DateFormat::EpochSeconds)));
        assert_eq!(
            read(&["1522281600000"]),
            Ok(Ok(DateFormat::EpochMilliseconds))
        );
    }

    #[test]
    fn an_ambiguous_column_is_refused_and_an_agreeing_one_is_not() {
        let both = vec![DateFormat::DayMonthYear, DateFormat::MonthDayYear];
        assert_eq!(
            read(&["1/2/2018", "3/4/2018"]),
            Ok(Err(Ambiguous {
                text: "1/2/2018".to_owned(),
                formats: both
            }))
        );
        let both = vec![DateFormat::Compact, DateFormat::EpochSeconds];
        assert_eq!(
            read(&["20180329"]),
            Ok(Err(Ambiguous {
                text: "20180329".to_owned(),
                formats: both
            }))
        );
        assert_eq!(
            read(&["1/1/2018", "2/2/2018"]),
            Ok(Ok(DateFormat::DayMonthYear))
        );
    }

    #[test]
    fn two_formats_in_one_column_are_refused() {
        let mixed = read(&["28/4/2013", "1/2/2018", "4/28/2013"]).unwrap_err();
        assert_eq!(mixed.one.0, DateFormat::DayMonthYear);
        assert_eq!(mixed.one.1.place, "prices.csv line 0");
        assert_eq!(mixed.other.0, DateFormat::MonthDayYear);
        assert_eq!(mixed.other.1.text, "4/28/2013");
    }

    #[test]
    fn a_bad_cell_does_not_rule_formats_out() {
        let mut reader = DateReader::new(None);
        let place = String::new;
        assert_eq!(
            reader.read(b"tomorrow", true, place),
            Ok(DateCell::Unparsable)
        );
        assert_eq!(reader.read(b" ", true, place), Ok(DateCell::Missing));
        assert_eq!(reader.read(b"13/1/2018", false, place), Ok(DateCell::Read));
        assert_eq!(reader.read(b"2/1/2018", true, place), Ok(DateCell::Read));
        let (format, values) = reader.finish().unwrap();
        assert_eq!((format, values.len()), (DateFormat::DayMonthYear, 1));
    }
}
