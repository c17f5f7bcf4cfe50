//! What real tables have: each coin gets one of each, always on the same days.

/// Positions among a coin's days, in thousandths.
const GAP: [u32; 3] = [200, 201, 202];
const DUPLICATE: u32 = 300;
const EMPTY_CELL: u32 = 400;
const LOW_ABOVE_HIGH: u32 = 500;
const NO_NUMBER: u32 = 600;
const ZERO_PRICE: u32 = 650;
const SPREADSHEET_NUMBER: u32 = 700;
const QUOTED: u32 = 800;

/// Appends what becomes of a day's line.
pub(super) fn soil(day: u32, days: u32, line: &str, lines: &mut String) {
    // Days apart, whatever the number of days: the thousandth's first day, plus the rest.
    let is = |position: u32| {
        let (base, rest) = (position / 100 * 100, position % 100);
        u64::from(day) == u64::from(days) * u64::from(base) / 1000 + u64::from(rest)
    };
    if GAP.into_iter().any(is) {
        return;
    }
    let start = lines.len();
    if is(EMPTY_CELL) {
        lines.push_str(&with_cell(line, 6, |_| String::new()));
    } else if is(LOW_ABOVE_HIGH) {
        let cells: Vec<&str> = line.split(',').collect();
        let (high, low) = (cells[cells.len() - 7], cells[cells.len() - 6]);
        lines.push_str(&line.replacen(&format!("{high},{low}"), &format!("{low},{high}"), 1));
    } else if is(NO_NUMBER) {
        lines.push_str(&with_cell(line, 5, |cell| format!("{cell} USD")));
    } else if is(ZERO_PRICE) {
        lines.push_str(&with_cell(line, 8, |_| "0".to_owned()));
    } else if is(SPREADSHEET_NUMBER) {
        lines.push_str(&with_cell(line, 3, |cell| {
            format!("{:.2E}", cell.parse::<f64>().unwrap_or_default())
        }));
    } else if is(QUOTED) {
        lines.push_str(&with_cell(line, 5, |cell| format!("\"{cell}\"")));
    } else {
        lines.push_str(line);
    }
    if is(DUPLICATE) {
        let again = lines[start..].to_owned();
        lines.push_str(&again);
    }
}

/// The line with the cell at `from_end` (1 = the last) changed. Counted from the end, since a
/// name may hold a comma.
fn with_cell(line: &str, from_end: usize, change: impl Fn(&str) -> String) -> String {
    let mut cells: Vec<String> = line.trim_end().split(',').map(str::to_owned).collect();
    let index = cells.len() - from_end;
    cells[index] = change(&cells[index]);
    cells.join(",") + "\n"
}
