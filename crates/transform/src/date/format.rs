//! The date formats and their parsers.

use jiff::civil;
use serde::{Deserialize, Serialize};

/// How a date is written. Times without an offset are UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateFormat {
    /// `2018-03-29`, optionally with a time and an offset: `2018-03-29T17:00:00Z`.
    Iso,
    /// `29/3/2018`, `29.03.18`, `29-3-2018`, optionally with a time: `29/3/18 17:00`.
    DayMonthYear,
    /// `3/29/2018`, `3/29/18 17:00`.
    MonthDayYear,
    /// `20180329`.
    Compact,
    /// Seconds since 1970-01-01 UTC, below 10¹¹ (the year 5138).
    EpochSeconds,
    /// Milliseconds since 1970-01-01 UTC, from 10¹¹ (March 1973).
    EpochMilliseconds,
}

/// Epoch numbers from here on are milliseconds, so that no number is both.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

impl DateFormat {
    /// All formats, in the order they are tried.
    pub const ALL: [Self; 6] = [
        Self::Iso,
        Self::DayMonthYear,
        Self::MonthDayYear,
        Self::Compact,
        Self::EpochSeconds,
        Self::EpochMilliseconds,
    ];

    /// Its name in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Iso => "iso",
            Self::DayMonthYear => "day_month_year",
            Self::MonthDayYear => "month_day_year",
            Self::Compact => "compact",
            Self::EpochSeconds => "epoch_seconds",
            Self::EpochMilliseconds => "epoch_milliseconds",
        }
    }

    /// Milliseconds since 1970-01-01 UTC; `None` when the cell is not written this way.
    /// The cell is trimmed and not empty.
    pub fn parse(self, cell: &[u8]) -> Option<i64> {
        match self {
            Self::Iso => iso(cell),
            Self::DayMonthYear => {
                let (first, second, year, time) = three_numbers(cell)?;
                milliseconds(year, second, first, time)
            }
            Self::MonthDayYear => {
                let (first, second, year, time) = three_numbers(cell)?;
                milliseconds(year, first, second, time)
            }
            Self::Compact => match cell.len() {
                8 => milliseconds(
                    digits(&cell[..4])?,
                    digits(&cell[4..6])?,
                    digits(&cell[6..])?,
                    Clock::default(),
                ),
                _ => None,
            },
            Self::EpochSeconds => {
                let seconds = epoch(cell).filter(|number| number.abs() < FIRST_MILLISECONDS)?;
                Some(seconds * 1000)
            }
            Self::EpochMilliseconds => {
                epoch(cell).filter(|number| number.abs() >= FIRST_MILLISECONDS)
            }
        }
    }
}

/// Time of day in milliseconds, and the offset from UTC in milliseconds.
#[derive(Clone, Copy, Default)]
struct Clock {
    of_day: i64,
    offset: i64,
}

fn milliseconds(year: i64, month: i64, day: i64, clock: Clock) -> Option<i64> {
    let date = civil::Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()?;
    let midnight = jiff::tz::Offset::UTC
        .to_timestamp(date.to_datetime(civil::Time::midnight()))
        .ok()?;
    Some(midnight.as_millisecond() + clock.of_day - clock.offset)
}

/// `YYYY-MM-DD`, then nothing or `T` or a space and a time.
fn iso(cell: &[u8]) -> Option<i64> {
    if cell.len() < 10 || cell[4] != b'-' || cell[7] != b'-' {
        return None;
    }
    let clock = match cell[10..].split_first() {
        None => Clock::default(),
        Some((b'T' | b't' | b' ', time)) => clock(time)?,
        Some(_) => return None,
    };
    milliseconds(
        digits(&cell[..4])?,
        digits(&cell[5..7])?,
        digits(&cell[8..10])?,
        clock,
    )
}

/// `A/B/Y` with `/`, `.` or `-`, and a year of four digits or of two (69 to 99 are 1969 to 1999,
/// as POSIX `strptime` has it), then an optional time.
fn three_numbers(cell: &[u8]) -> Option<(i64, i64, i64, Clock)> {
    let (date, clock) = match cell.iter().position(|byte| matches!(byte, b' ' | b'T')) {
        Some(space) => (&cell[..space], clock(&cell[space + 1..])?),
        None => (cell, Clock::default()),
    };
    let separator = *date.iter().find(|byte| !byte.is_ascii_digit())?;
    if !matches!(separator, b'/' | b'.' | b'-') {
        return None;
    }
    let mut parts = date.split(|byte| *byte == separator);
    let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || first.len() > 2 || second.len() > 2 {
        return None;
    }
    let year = match (year.len(), digits(year)?) {
        (4, year) => year,
        (2, year @ 0..69) => 2000 + year,
        (2, year) => 1900 + year,
        _ => return None,
    };
    Some((digits(first)?, digits(second)?, year, clock))
}

/// `H:MM`, `HH:MM:SS` or `HH:MM:SS.fff`, then nothing, `Z` or `±HH:MM`.
fn clock(time: &[u8]) -> Option<Clock> {
    let (time, offset) = match time
        .iter()
        .position(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'))
    {
        None => (time, 0),
        Some(at) if matches!(time[at], b'Z' | b'z') => {
            if at + 1 != time.len() {
                return None;
            }
            (&time[..at], 0)
        }
        Some(at) => {
            let (hours, minutes) = match &time[at + 1..] {
                [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => {
                    (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?)
                }
                [h1, h2] => (digits(&[*h1, *h2])?, 0),
                _ => return None,
            };
            let size = (hours * 60 + minutes) * 60_000;
            (&time[..at], if time[at] == b'-' { -size } else { size })
        }
    };
    let (whole, fraction) = match time.iter().position(|byte| *byte == b'.') {
        Some(point) => (&time[..point], &time[point + 1..]),
        None => (time, &b"0"[..]),
    };
    let mut parts = whole.split(|byte| *byte == b':');
    let hour = digits(parts.next()?)?;
    let minute = digits(parts.next()?)?;
    let second = parts.next().map_or(Some(0), digits)?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if fraction.is_empty() || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let millisecond = (0..3).fold(0, |sum, place| {
        sum * 10
            + fraction
                .get(place)
                .map_or(0, |digit| i64::from(digit - b'0'))
    });
    Some(Clock {
        of_day: ((hour * 60 + minute) * 60 + second) * 1000 + millisecond,
        offset,
    })
}

/// An unsigned decimal number of at most 4 digits.
fn digits(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 4 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        text.iter()
            .fold(0, |number, digit| number * 10 + i64::from(digit - b'0')),
    )
}

/// A signed whole number of 6 digits or more: fewer is a year or a row number, not an instant.
fn epoch(cell: &[u8]) -> Option<i64> {
    let unsigned = cell.strip_prefix(b"-").unwrap_or(cell);
    if !(6..=15).contains(&unsigned.len()) || !unsigned.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(cell).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date::to_iso;

    fn read(format: DateFormat, text: &str) -> Option<String> {
        format
            .parse(text.as_bytes())
            .map(|instant| to_iso(instant, false))
    }

    #[test]
    fn each_format_reads_what_it_names() {
        let cases = [
            (DateFormat::Iso, "2018-03-29", "2018-03-29T00:00:00.000Z"),
            (
                DateFormat::Iso,
                "2018-03-29 17:05",
                "2018-03-29T17:05:00.000Z",
            ),
            (
                DateFormat::Iso,
                "2018-03-29T17:05:06.5Z",
                "2018-03-29T17:05:06.500Z",
            ),
            (
                DateFormat::Iso,
                "2018-03-29T17:05:06+02:00",
                "2018-03-29T15:05:06.000Z",
            ),
            (
                DateFormat::DayMonthYear,
                "29/3/2018",
                "2018-03-29T00:00:00.000Z",
            ),
            (
                DateFormat::DayMonthYear,
                "29.03.18",
                "2018-03-29T00:00:00.000Z",
            ),
            (
                DateFormat::MonthDayYear,
                "3/29/18 17:00",
                "2018-03-29T17:00:00.000Z",
            ),
            (
                DateFormat::MonthDayYear,
                "3/29/99",
                "1999-03-29T00:00:00.000Z",
            ),
            (DateFormat::Compact, "20180329", "2018-03-29T00:00:00.000Z"),
            (
                DateFormat::EpochSeconds,
                "1522281600",
                "2018-03-29T00:00:00.000Z",
            ),
            (
                DateFormat::EpochMilliseconds,
                "1522281600123",
                "2018-03-29T00:00:00.123Z",
            ),
        ];
        for (format, text, instant) in cases {
            assert_eq!(
                read(format, text).as_deref(),
                Some(instant),
                "{format:?} {text}"
            );
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let cases = [
            (DateFormat::Iso, "2018-02-30"),
            (DateFormat::Iso, "2018-03-29x"),
            (DateFormat::Iso, "2018-03-29T25:00"),
            (DateFormat::Iso, "2018-03-29T10:00:00.Z"),
            (DateFormat::DayMonthYear, "3/29/2018"),
            (DateFormat::DayMonthYear, "29/3"),
            (DateFormat::DayMonthYear, "29/3/018"),
            (DateFormat::MonthDayYear, "29/3/2018"),
            (DateFormat::Compact, "20181329"),
            (DateFormat::EpochSeconds, "1522281600123"),
            (DateFormat::EpochSeconds, "2018"),
            (DateFormat::EpochMilliseconds, "1522281600"),
        ];
        for (format, text) in cases {
            assert_eq!(read(format, text), None, "{format:?} {text}");
        }
    }
}
