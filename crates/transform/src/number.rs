//! One cell to one number.

use crate::policy::Finding;

/// Parses a number as spreadsheets and scripts write it: `12.5`, `1.46E+11`, ` 7 `.
///
/// Thousands separators are refused, since `1,234` means different numbers to different people.
pub fn parse(cell: &[u8]) -> Result<f64, Finding> {
    let cell = cell.trim_ascii();
    if matches!(cell, b"" | b"NA" | b"N/A" | b"null" | b"NULL") {
        return Err(Finding::MissingNumber);
    }
    let number: f64 = std::str::from_utf8(cell)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(Finding::UnparsableNumber)?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(Finding::NonFiniteNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_spreadsheets_write_them() {
        assert_eq!(parse(b"135.3"), Ok(135.3));
        assert_eq!(parse(b"1.46E+11"), Ok(146_000_000_000.0));
        assert_eq!(parse(b" 7\t"), Ok(7.0));
        assert_eq!(parse(b"-0.5e-3"), Ok(-0.0005));
    }

    #[test]
    fn each_bad_cell_has_its_finding() {
        for missing in [&b""[..], b"  ", b"NA", b"N/A", b"null"] {
            assert_eq!(parse(missing), Err(Finding::MissingNumber));
        }
        for not_a_number in [&b"abc"[..], b"1,234", b"$5", b"1 2", b"\xff"] {
            assert_eq!(parse(not_a_number), Err(Finding::UnparsableNumber));
        }
        for not_finite in [&b"NaN"[..], b"inf", b"-Infinity", b"1e999"] {
            assert_eq!(parse(not_finite), Err(Finding::NonFiniteNumber));
        }
    }
}
