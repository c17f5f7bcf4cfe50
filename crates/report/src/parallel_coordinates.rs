//! Rows of a table as lines across one axis a column.

use crate::svg::{WIDTH, coordinate, document, escape, label, label_with_halo, line};
use crate::{Chart, Dimension};

const HEIGHT: f64 = 360.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 14.0;
const SIDE: f64 = 78.0;
/// Least distance between two axes.
const NARROWEST: f64 = 84.0;

/// Lines across axes: how the best rows differ from the others. The last column decides: lines
/// fade with their rank in it, and the best one stands out.
#[derive(Clone, Debug)]
pub struct ParallelCoordinates {
    title: String,
    columns: Vec<Dimension>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    text: String,
    rank: f64,
}

impl ParallelCoordinates {
    /// A chart of `rows`: what to say of each, and its rank from 0 (best) to 1.
    pub fn new(title: &str, rows: Vec<(String, f64)>) -> Self {
        let rows = rows.into_iter().map(|(text, rank)| Row { text, rank });
        Self {
            title: title.to_owned(),
            columns: Vec::new(),
            rows: rows.collect(),
        }
    }

    /// Adds a column, with a value for each row.
    #[must_use]
    pub fn column(mut self, column: Dimension) -> Self {
        self.columns.push(column);
        self
    }
}

impl Chart for ParallelCoordinates {
    fn title(&self) -> &str {
        &self.title
    }

    fn to_svg(&self) -> String {
        let gaps = self.columns.len().saturating_sub(1).max(1) as f64;
        let step = ((WIDTH - 2.0 * SIDE) / gaps).max(NARROWEST);
        let (top, bottom) = (TOP, HEIGHT - BOTTOM);
        let laid: Vec<_> = self
            .columns
            .iter()
            .map(|column| column.lay_out(bottom, top, 6))
            .collect();
        let x = |index: usize| SIDE + index as f64 * step;
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        // The best on top.
        order.sort_by(|a, b| self.rows[*b].rank.total_cmp(&self.rows[*a].rank));
        let mut svg = String::new();
        for index in order {
            let row = &self.rows[index];
            let points = laid.iter().enumerate().map(|(column, layout)| {
                let y = layout.places.get(index).copied().flatten()?;
                Some(format!("{} {}", coordinate(x(column)), coordinate(y)))
            });
            let Some(points) = points.collect::<Option<Vec<_>>>() else {
                continue;
            };
            let style = if row.rank == 0.0 {
                "class=\"s s1 best\"".to_owned()
            } else {
                let opacity = 0.75 - 0.63 * row.rank.clamp(0.0, 1.0);
                format!("class=\"s s0\" stroke-opacity=\"{opacity:.2}\"")
            };
            svg += &format!(
                "<path {style} d=\"M{}\"><title>{}</title></path>\n",
                points.join("L"),
                escape(&row.text)
            );
        }
        for (index, (column, layout)) in self.columns.iter().zip(&laid).enumerate() {
            let at = x(index);
            svg += &line("axis", (at, top), (at, bottom));
            // Neighbours' names at two heights, so that long ones do not meet.
            let height = if index % 2 == 0 { 12.0 } else { 27.0 };
            svg += &label(at, height, "middle", &column.name);
            for (y, text) in &layout.marks {
                svg += &line("axis", (at - 3.0, *y), (at, *y));
                svg += &label_with_halo(at - 6.0, y + 4.0, "end", text);
            }
        }
        let needed = x(self.columns.len().saturating_sub(1)) + SIDE;
        document(&self.title, HEIGHT, needed.max(WIDTH), &svg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scale;

    #[test]
    fn every_row_is_a_line_and_the_best_is_drawn_last() {
        let rows = vec![
            ("trial 1".to_owned(), 0.5),
            ("trial 2".to_owned(), 0.0),
            ("trial 3".to_owned(), 1.0),
        ];
        let values = vec![Some(1.0), Some(2.0), None];
        let svg = ParallelCoordinates::new("t", rows)
            .column(Dimension::numbers("a", Scale::Linear, values))
            .column(Dimension::numbers(
                "b",
                Scale::Log,
                vec![Some(1.0), Some(10.0), Some(3.0)],
            ))
            .to_svg();
        let titles: Vec<_> = svg
            .split("<title>")
            .skip(1)
            .filter_map(|part| part.split("</title>").next())
            .collect();
        assert_eq!(titles, ["trial 3", "trial 1", "trial 2"]);
        assert!(svg.contains(">none<"), "a row without a value has a place");
        let empty = ParallelCoordinates::new("t", Vec::new()).to_svg();
        assert!(!empty.contains("NaN"));
    }
}
