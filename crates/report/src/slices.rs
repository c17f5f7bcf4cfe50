//! One quantity over each of several columns: small charts beside each other.

use crate::axis::Axis;
use crate::svg::{LEFT, RIGHT, WIDTH, coordinate, document, escape, label, line};
use crate::{Chart, Dimension, Scale};

const ACROSS: usize = 3;
const GAP: f64 = 26.0;
const PANEL: f64 = 150.0;
const ROW: f64 = PANEL + 58.0;
const TOP: f64 = 22.0;

/// Small charts with a common vertical axis, one for each column.
#[derive(Clone, Debug)]
pub struct Slices {
    title: String,
    y_label: String,
    y_scale: Scale,
    rows: Vec<(String, f64)>,
    best: Option<usize>,
    columns: Vec<Dimension>,
}

impl Slices {
    /// Charts of `rows`: what to say of each, and its height; `best` stands out.
    pub fn new(
        title: &str,
        y_label: &str,
        y_scale: Scale,
        rows: Vec<(String, f64)>,
        best: Option<usize>,
    ) -> Self {
        Self {
            title: title.to_owned(),
            y_label: y_label.to_owned(),
            y_scale,
            rows,
            best,
            columns: Vec::new(),
        }
    }

    /// Adds a chart over a column, with a value for each row.
    #[must_use]
    pub fn column(mut self, column: Dimension) -> Self {
        self.columns.push(column);
        self
    }

    fn panel(&self, index: usize, y: &Axis, top: f64) -> String {
        let width = (WIDTH - LEFT - RIGHT - GAP * (ACROSS as f64 - 1.0)) / ACROSS as f64;
        let left = LEFT + (index % ACROSS) as f64 * (width + GAP);
        let bottom = top + PANEL;
        let mut svg = String::new();
        for (value, text) in y.ticks(4) {
            let Some(at) = y.pixel(value).map(|at| top + at) else {
                continue;
            };
            svg += &line("grid", (left, at), (left + width, at));
            if index.is_multiple_of(ACROSS) {
                svg += &label(left - 8.0, at + 4.0, "end", &text);
            }
        }
        let column = &self.columns[index];
        let layout = column.lay_out(left + 6.0, left + width - 6.0, 4);
        for (at, text) in &layout.marks {
            svg += &line("axis", (*at, bottom), (*at, bottom + 4.0));
            svg += &label(*at, bottom + 17.0, "middle", text);
        }
        svg += &line("axis", (left, bottom), (left + width, bottom));
        svg += &label(left + width / 2.0, bottom + 35.0, "middle", &column.name);
        let dot = |row: usize, colour: &str, radius: f64| {
            let (text, value) = self.rows.get(row)?;
            let (px, py) = (
                layout.places.get(row).copied().flatten()?,
                y.pixel(*value)? + top,
            );
            Some(format!(
                "<circle class=\"{colour}\" cx=\"{}\" cy=\"{}\" r=\"{radius}\"><title>{}</title></circle>",
                coordinate(px),
                coordinate(py),
                escape(text)
            ))
        };
        let others = (0..self.rows.len()).filter(|row| Some(*row) != self.best);
        let dots: String = others.filter_map(|row| dot(row, "f0", 2.6)).collect();
        svg += &format!("<g class=\"dots\">{dots}</g>\n");
        if let Some(best) = self.best.and_then(|row| dot(row, "f1", 5.0)) {
            svg += &best;
        }
        svg
    }
}

impl Chart for Slices {
    fn title(&self) -> &str {
        &self.title
    }

    fn to_svg(&self) -> String {
        let values = self.rows.iter().map(|(_, value)| *value);
        let y = Axis::covering(values, (PANEL, 0.0), self.y_scale, true);
        let mut svg = label(4.0, 12.0, "start", &self.y_label);
        for index in 0..self.columns.len() {
            svg += &self.panel(index, &y, TOP + (index / ACROSS) as f64 * ROW);
        }
        let height = TOP + self.columns.len().div_ceil(ACROSS) as f64 * ROW;
        document(&self.title, height, WIDTH, &svg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_dot_of_every_chart_and_the_best_stands_out() {
        let rows = (1..=5).map(|i| (format!("trial <{i}>"), f64::from(i)));
        let values = || (1..=5).map(|i| Some(f64::from(i))).collect::<Vec<_>>();
        let mut slices = Slices::new("t", "y", Scale::Log, rows.collect(), Some(2));
        for name in ["a", "b", "c", "d"] {
            slices = slices.column(Dimension::numbers(name, Scale::Linear, values()));
        }
        let svg = slices.to_svg();
        assert_eq!(svg.matches("<circle class=\"f0\"").count(), 16);
        assert_eq!(svg.matches("<circle class=\"f1\"").count(), 4);
        assert!(svg.contains("trial &lt;3&gt;") && !svg.contains("NaN"));
        let empty = Slices::new("t", "y", Scale::Log, Vec::new(), None);
        assert!(!empty.to_svg().contains("NaN"));
    }
}
