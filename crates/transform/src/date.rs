//! One cell to one instant, and finding out how a column's dates are written.

mod detect;
mod format;

pub use detect::{Ambiguous, CANDIDATES, DateCell, DateReader, Instants, Mixed};
pub use format::DateFormat;

/// Milliseconds in a day.
pub const DAY: i64 = 86_400_000;

/// ISO 8601 text of an instant: `2018-03-29` for a midnight when `day` is set, else
/// `2018-03-29T17:00:00.000Z`.
pub fn to_iso(milliseconds: i64, day: bool) -> String {
    let Ok(instant) = jiff::Timestamp::from_millisecond(milliseconds) else {
        return format!("{milliseconds} ms");
    };
    let civil = jiff::tz::Offset::UTC.to_datetime(instant);
    let date = civil.date();
    if day {
        return date.to_string();
    }
    let time = civil.time();
    format!(
        "{date}T{:02}:{:02}:{:02}.{:03}Z",
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond()
    )
}
