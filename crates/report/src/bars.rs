//! Histograms and bars of named values.

use crate::axis::Axis;
use crate::svg::{COLOURS, LEFT, RIGHT, WIDTH, coordinate, document, label, line};
use crate::{Chart, Scale};

const HEIGHT: f64 = 220.0;
const BASE: f64 = HEIGHT - 38.0;

/// Counts of values in equal bins.
#[derive(Clone, Debug)]
pub struct Histogram {
    title: String,
    x_label: String,
    /// Values and how often each occurs.
    groups: Vec<(String, Vec<(f64, u64)>)>,
}

impl Histogram {
    /// Bins, of equal width, over the values of all groups.
    pub const BINS: usize = 40;

    /// A histogram without groups.
    pub fn new(title: &str, x_label: &str) -> Self {
        Self {
            title: title.to_owned(),
            x_label: x_label.to_owned(),
            groups: Vec::new(),
        }
    }

    /// Adds a group of values in a colour of its own, as a share of the group, so that groups
    /// of different sizes compare. Values that are not finite are left out.
    #[must_use]
    pub fn group(self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.counted(name, values.into_iter().map(|value| (value, 1)))
    }

    /// Adds a group of values that are counted already, each with how often it occurs: for more
    /// values than fit in memory, the middles of [`Self::BINS`] bins, beside the lowest and
    /// highest value (0 times), make the same drawing.
    #[must_use]
    pub fn counted(mut self, name: &str, values: impl IntoIterator<Item = (f64, u64)>) -> Self {
        let values = values.into_iter().filter(|(value, _)| value.is_finite());
        self.groups.push((name.to_owned(), values.collect()));
        self
    }
}

/// Share of a group's values in each bin.
fn shares(values: &[(f64, u64)], x: &Axis) -> Vec<f64> {
    let mut counts = vec![0; Histogram::BINS];
    for (value, count) in values {
        let position = (value - x.low) / (x.high - x.low) * Histogram::BINS as f64;
        counts[(position.max(0.0) as usize).min(Histogram::BINS - 1)] += count;
    }
    let total = counts.iter().sum::<u64>().max(1) as f64;
    counts
        .into_iter()
        .map(|count| count as f64 / total)
        .collect()
}

impl Chart for Histogram {
    fn title(&self) -> &str {
        &self.title
    }

    fn to_svg(&self) -> String {
        let all = self
            .groups
            .iter()
            .flat_map(|(_, values)| values.iter().map(|(value, _)| *value));
        let x = Axis::covering(all, (LEFT, WIDTH - RIGHT), Scale::Linear, false);
        let shares: Vec<Vec<f64>> = self
            .groups
            .iter()
            .map(|(_, values)| shares(values, &x))
            .collect();
        let tallest = shares.iter().flatten().copied().fold(0.0, f64::max);
        let y = Axis::covering(
            [0.0, tallest].into_iter(),
            (BASE, 26.0),
            Scale::Linear,
            false,
        );
        let mut svg = String::new();
        for (value, _) in y.ticks(4) {
            let Some(at) = y.pixel(value) else { continue };
            svg += &line("grid", (LEFT, at), (WIDTH - RIGHT, at));
            svg += &label(
                LEFT - 8.0,
                at + 4.0,
                "end",
                &format!("{:.0} %", value * 100.0),
            );
        }
        for (value, text) in x.ticks(8) {
            let Some(at) = x.pixel(value) else { continue };
            svg += &label(at, BASE + 16.0, "middle", &text);
        }
        svg += &label(WIDTH / 2.0, HEIGHT - 4.0, "middle", &self.x_label);
        let bin_width = (WIDTH - LEFT - RIGHT) / Self::BINS as f64;
        let bar_width = bin_width / self.groups.len().max(1) as f64;
        let mut legend_at = LEFT;
        for (index, ((name, _), shares)) in self.groups.iter().zip(&shares).enumerate() {
            let colour = index % COLOURS;
            for (bin, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
                let top = y.pixel(*share).unwrap_or(BASE);
                let left = LEFT + bin as f64 * bin_width + index as f64 * bar_width;
                svg += &rect(colour, (left, top), (bar_width - 0.5, BASE - top));
            }
            if !name.is_empty() {
                svg += &rect(colour, (legend_at, 6.0), (14.0, 5.0));
                svg += &label(legend_at + 20.0, 13.0, "start", name);
                legend_at += 40.0 + 7.0 * name.chars().count() as f64;
            }
        }
        document(&self.title, HEIGHT, WIDTH, &svg)
    }
}

/// Horizontal bars of named values at least 0.
#[derive(Clone, Debug)]
pub struct BarChart {
    title: String,
    bars: Vec<(String, f64, String)>,
}

impl BarChart {
    /// A chart without bars.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            bars: Vec::new(),
        }
    }

    /// Adds a bar with its value as text.
    #[must_use]
    pub fn bar(mut self, name: &str, value: f64, text: &str) -> Self {
        self.bars.push((name.to_owned(), value, text.to_owned()));
        self
    }
}

impl Chart for BarChart {
    fn title(&self) -> &str {
        &self.title
    }

    fn to_svg(&self) -> String {
        const ROW: f64 = 26.0;
        const NAMES: f64 = 220.0;
        const VALUES: f64 = 110.0;
        let longest = self
            .bars
            .iter()
            .map(|bar| bar.1)
            .filter(|v| v.is_finite())
            .fold(0.0, f64::max);
        let mut svg = String::new();
        for (index, (name, value, text)) in self.bars.iter().enumerate() {
            let top = index as f64 * ROW + 4.0;
            let share = if longest > 0.0 && value.is_finite() {
                value / longest
            } else {
                0.0
            };
            let length = share.max(0.0) * (WIDTH - NAMES - VALUES);
            svg += &label(NAMES - 10.0, top + 14.0, "end", name);
            svg += &rect(index % COLOURS, (NAMES, top), (length, ROW - 8.0));
            svg += &label(NAMES + length + 8.0, top + 14.0, "start", text);
        }
        document(&self.title, self.bars.len() as f64 * ROW + 8.0, WIDTH, &svg)
    }
}

fn rect(colour: usize, at: (f64, f64), size: (f64, f64)) -> String {
    format!(
        "<rect class=\"f{colour}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n",
        coordinate(at.0),
        coordinate(at.1),
        coordinate(size.0.max(0.0)),
        coordinate(size.1.max(0.0))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_falls_into_a_bin() {
        let values = [f64::NAN, 1.0, 2.0, 2.0, 3.0];
        let histogram = Histogram::new("t", "x").group("a", values);
        let x = Axis::covering([1.0, 3.0].into_iter(), (0.0, 1.0), Scale::Linear, false);
        let shares = shares(&histogram.groups[0].1, &x);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!((shares[0], shares[20], shares[39]), (0.25, 0.5, 0.25));
    }

    #[test]
    fn counted_values_draw_like_the_values_themselves() {
        let chart = || Histogram::new("t", "x");
        let values = chart().group("a", [1.0, 2.0, 2.0, 3.0]);
        let counts = chart().counted("a", [(1.0, 0), (1.01, 1), (2.01, 2), (2.99, 1), (3.0, 0)]);
        assert_eq!(values.to_svg(), counts.to_svg());
    }

    #[test]
    fn the_longest_bar_fills_the_width() {
        let svg = BarChart::new("t")
            .bar("open", 603.26, "603.26")
            .bar("model", 0.0, "0")
            .to_svg();
        assert!(svg.contains("width=\"610\""));
        assert!(!svg.contains("NaN"));
    }
}
