//! Axes: ranges, ticks at round values, and their labels.

/// How a vertical axis maps values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By the decimal logarithm; values at or below 0 are not drawn.
    Log,
}

/// What a horizontal axis counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XAxis {
    /// Plain numbers.
    #[default]
    Number,
    /// Instants, in milliseconds since 1970-01-01 UTC; labelled with dates.
    Time,
}

/// A value range mapped onto a pixel range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    from: f64,
    to: f64,
    scale: Scale,
}

impl Axis {
    /// Covers all drawable values, with a little air when `pad` is set.
    pub(crate) fn covering(
        values: impl Iterator<Item = f64>,
        pixels: (f64, f64),
        scale: Scale,
        pad: bool,
    ) -> Self {
        let drawable = values.filter(|v| v.is_finite() && (scale == Scale::Linear || *v > 0.0));
        let (mut low, mut high) = drawable
            .map(|value| scale.apply(value))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            });
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if low == high {
            let air = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low, high) = (low - air, high + air);
        } else if pad {
            let air = (high - low) * 0.04;
            (low, high) = (low - air, high + air);
        }
        Self {
            low,
            high,
            from: pixels.0,
            to: pixels.1,
            scale,
        }
    }

    /// The pixel of a value, if it can be drawn.
    pub(crate) fn pixel(&self, value: f64) -> Option<f64> {
        if !value.is_finite() || (self.scale == Scale::Log && value <= 0.0) {
            return None;
        }
        let share = (self.scale.apply(value) - self.low) / (self.high - self.low);
        Some(self.from + share * (self.to - self.from))
    }

    /// Ticks at round values: `(value, label)`.
    pub(crate) fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        match self.scale {
            Scale::Linear => {
                let step = round_step((self.high - self.low) / count as f64);
                steps(self.low, self.high, step)
                    .map(|v| (v, number(v, step)))
                    .collect()
            }
            Scale::Log => {
                let step = round_step((self.high - self.low) / count as f64).max(1.0);
                let powers = steps(self.low, self.high, step).map(|e| 10_f64.powf(e));
                let ticks: Vec<(f64, String)> = powers.map(|v| (v, number(v, v))).collect();
                if ticks.len() > 1 {
                    ticks
                } else {
                    self.within_a_decade(count)
                }
            }
        }
    }

    /// Ticks of a logarithmic axis that spans less than two powers of ten.
    fn within_a_decade(&self, count: usize) -> Vec<(f64, String)> {
        let (low, high) = (10_f64.powf(self.low), 10_f64.powf(self.high));
        let step = round_step((high - low) / count as f64);
        steps(low, high, step)
            .map(|v| (v, number(v, step)))
            .collect()
    }

    /// Ticks of a time axis: years, months or days, whichever fits.
    pub(crate) fn time_ticks(&self, count: usize) -> Vec<(f64, String)> {
        const DAY: f64 = 86_400_000.0;
        let span_days = (self.high - self.low) / DAY;
        let months_per_tick = (span_days / 30.44 / count as f64).ceil();
        if span_days < 62.0 {
            let step = (span_days / count as f64).ceil().max(1.0) * DAY;
            return steps(self.low, self.high, step)
                .map(|ms| (ms, date_label(ms, true)))
                .collect();
        }
        let nice = [1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 60.0, 120.0];
        let step = nice
            .into_iter()
            .find(|months| *months >= months_per_tick)
            .unwrap_or(240.0);
        let (year, month, _) = civil((self.low / DAY).floor() as i64);
        let first = ((year * 12 + i64::from(month) - 1) as f64 / step).floor() * step;
        (0..=count * 3)
            .map(|index| first + index as f64 * step)
            .map(|months| {
                let months = months as i64;
                let days = days_from_civil(months.div_euclid(12), months.rem_euclid(12) as u32 + 1);
                let ms = days as f64 * DAY;
                (ms, date_label(ms, false))
            })
            .filter(|(ms, _)| (self.low..=self.high).contains(ms))
            .collect()
    }
}

impl Scale {
    fn apply(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.log10(),
        }
    }
}

/// 1, 2 or 5 times a power of ten, at least `raw`.
fn round_step(raw: f64) -> f64 {
    let power = 10_f64.powf(raw.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= raw)
        .unwrap_or(10.0 * power)
}

fn steps(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (low / step).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last.min(first.saturating_add(100))).map(move |index| index as f64 * step)
}

/// A tick's label, with the digits its step needs.
fn number(value: f64, step: f64) -> String {
    let magnitude = value.abs().max(step.abs());
    if !(1e-4..1e7).contains(&magnitude) {
        return if value == 0.0 {
            "0".to_owned()
        } else {
            format!("{value:.1e}")
        };
    }
    let digits = (-step.abs().log10().floor()).clamp(0.0, 6.0) as usize;
    group_thousands(&format!("{value:.digits$}"))
}

/// `-12345.6` → `-12,345.6`
fn group_thousands(text: &str) -> String {
    let (sign, rest) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest
        .split_once('.')
        .map_or((rest, String::new()), |(w, f)| (w, format!(".{f}")));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}")
}

impl XAxis {
    /// An instant (milliseconds since 1970-01-01 UTC) as an axis of time labels it: `2017-06-30`.
    pub fn date(ms: i64) -> String {
        date_label(ms as f64, true)
    }
}

fn date_label(ms: f64, with_day: bool) -> String {
    let (year, month, day) = civil((ms / 86_400_000.0).floor() as i64);
    match (with_day, month) {
        (true, _) => format!("{year:04}-{month:02}-{day:02}"),
        (false, 1) => format!("{year}"),
        (false, _) => format!("{year:04}-{month:02}"),
    }
}

/// Year, month and day of a day count since 1970-01-01, proleptic Gregorian calendar.
/// Algorithm: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Day count of the first day of a month; same source, `days_from_civil`.
fn days_from_civil(year: i64, month: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * shifted_month + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(17_347), (2017, 6, 30));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(days_from_civil(2017, 6), 17_347 - 29);
        for month in 1..=12 {
            let (year, found, day) = civil(days_from_civil(1964, month));
            assert_eq!((year, found, day), (1964, month, 1));
        }
    }

    #[test]
    fn ticks_stand_at_round_values() {
        let axis = Axis::covering(
            [3.0, 19_870.0].into_iter(),
            (0.0, 100.0),
            Scale::Linear,
            false,
        );
        let labels: Vec<String> = axis.ticks(5).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["5,000", "10,000", "15,000"]);
        let axis = Axis::covering(
            [60.0, 20_000.0].into_iter(),
            (0.0, 100.0),
            Scale::Log,
            false,
        );
        let labels: Vec<String> = axis.ticks(5).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["100", "1,000", "10,000"]);
    }

    #[test]
    fn a_time_axis_of_years_is_labelled_by_year() {
        let day = |days: i64| days as f64 * 86_400_000.0;
        let ends = [day(days_from_civil(2013, 4)), day(days_from_civil(2018, 3))];
        let axis = Axis::covering(ends.into_iter(), (0.0, 100.0), Scale::Linear, false);
        let labels: Vec<String> = axis
            .time_ticks(6)
            .into_iter()
            .map(|(_, label)| label)
            .collect();
        assert_eq!(labels, ["2014", "2015", "2016", "2017", "2018"]);
    }

    #[test]
    fn values_that_cannot_be_drawn_have_no_pixel() {
        let axis = Axis::covering([0.0, 10.0].into_iter(), (0.0, 100.0), Scale::Log, false);
        assert_eq!(axis.pixel(0.0), None);
        assert_eq!(axis.pixel(f64::NAN), None);
        let empty = Axis::covering(std::iter::empty(), (0.0, 100.0), Scale::Linear, true);
        assert_eq!(empty.pixel(0.5), Some(50.0));
    }
}
