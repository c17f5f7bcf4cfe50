//! Finding out how a column's dates are written, in one pass and without guessing.

use super::DateFormat;

/// What a cell turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateCell {
    /// A date: the instant by each candidate that is left, in milliseconds since 1970-01-01 UTC.
    Read(Instants),
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

/// How many formats can explain one cell: day and month, or seconds and `YYYYMMDD`.
pub const CANDIDATES: usize = 2;

/// What a cell is by each candidate, at the candidate's position; 0 for one that is ruled out.
pub type Instants = [i64; CANDIDATES];

/// Reads a date column whose format may have to be found out.
///
/// Every format that explains all cells so far stays a candidate.
#[derive(Debug)]
pub struct DateReader {
    /// Candidates with their positions in [`Instants`], which the first cell settles.
    candidates: Vec<(DateFormat, usize)>,
    /// Formats ruled out by a cell that other formats explain. Empty for a format given by name.
    ruled_out: Vec<(DateFormat, Evidence)>,
    /// A cell that narrowed the candidates last: every candidate explains it.
    witness: Option<Evidence>,
}

impl DateReader {
    /// A reader for `format`, or for all formats.
    pub fn new(format: Option<DateFormat>) -> Self {
        let formats = match format {
            Some(format) => vec![format],
            None => DateFormat::ALL.into(),
        };
        Self {
            candidates: formats.into_iter().zip(0..).collect(),
            ruled_out: Vec::new(),
            witness: None,
        }
    }

    /// Looks at a cell. `place` is asked for messages only.
    pub fn read(
        &mut self,
        cell: &[u8],
        place: impl Fn() -> String,
    ) -> Result<DateCell, Box<Mixed>> {
        let cell = cell.trim_ascii();
        if cell.is_empty() {
            return Ok(DateCell::Missing);
        }
        let mut parsed = [None; DateFormat::ALL.len()];
        for ((format, _), parsed) in self.candidates.iter().zip(&mut parsed) {
            *parsed = format.parse(cell);
        }
        let parsed = &parsed[..self.candidates.len()];
        let evidence = || Evidence {
            text: String::from_utf8_lossy(cell).into_owned(),
            place: place(),
        };
        if parsed.iter().all(Option::is_none) {
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
        let first = self.witness.is_none();
        if first || parsed.iter().any(Option::is_none) {
            let (left, out): (Vec<_>, Vec<_>) =
                (self.candidates.iter().zip(parsed)).partition(|(_, parsed)| parsed.is_some());
            let out = out
                .into_iter()
                .map(|((format, _), _)| (*format, evidence()));
            self.ruled_out.extend(out);
            let left = left.into_iter().map(|(candidate, _)| *candidate);
            self.candidates = if first {
                left.zip(0..)
                    .map(|((format, _), position)| (format, position))
                    .collect()
            } else {
                left.collect()
            };
            self.witness = Some(evidence());
        }
        let mut instants = Instants::default();
        for ((_, position), instant) in self.candidates.iter().zip(parsed.iter().flatten()) {
            instants[*position] = *instant;
        }
        Ok(DateCell::Read(instants))
    }

    /// The column's format and its position in [`Instants`]. `agree` says that all candidates give
    /// the same instants on every row that is kept: then they are one and the same.
    ///
    /// # Panics
    /// Never: one candidate always stays.
    pub fn finish(self, agree: bool) -> Result<(DateFormat, usize), Ambiguous> {
        match self.witness {
            Some(witness) if self.candidates.len() > 1 && !agree => Err(Ambiguous {
                text: witness.text,
                formats: self.candidates.iter().map(|(format, _)| *format).collect(),
            }),
            _ => Ok(*self.candidates.first().expect("one candidate always stays")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str]) -> Result<Result<DateFormat, Ambiguous>, Box<Mixed>> {
        let mut reader = DateReader::new(None);
        let mut agree = true;
        for (line, cell) in cells.iter().enumerate() {
            let cell = reader.read(cell.as_bytes(), || format!("prices.csv line {line}"))?;
            agree &= matches!(cell, DateCell::Read([one, other]) if one == other);
        }
        Ok(reader.finish(agree).map(|(format, _)| format))
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
    fn a_bad_cell_does_not_rule_formats_out_and_a_candidate_keeps_its_position() {
        let mut reader = DateReader::new(None);
        let mut read = |cell: &[u8]| reader.read(cell, String::new).unwrap();
        assert_eq!(read(b"tomorrow"), DateCell::Unparsable);
        assert_eq!(read(b" "), DateCell::Missing);
        let day = super::super::DAY;
        assert_eq!(read(b"1/2/1970"), DateCell::Read([31 * day, day]));
        assert_eq!(read(b"1/13/1970"), DateCell::Read([0, 12 * day]));
        assert_eq!(reader.finish(false), Ok((DateFormat::MonthDayYear, 1)));
    }

    #[test]
    fn no_cell_is_explained_by_more_formats_than_there_are_positions() {
        for cell in [
            "2018-03-29",
            "1/2/2018",
            "1-2-18",
            "20180329",
            "1522281600",
            "1522281600000",
        ] {
            let explain = |format: &DateFormat| format.parse(cell.as_bytes()).is_some();
            let count = DateFormat::ALL
                .iter()
                .filter(|format| explain(format))
                .count();
            assert!((1..=CANDIDATES).contains(&count), "{cell}");
        }
    }
}
