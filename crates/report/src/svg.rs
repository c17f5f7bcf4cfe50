//! Text and numbers as they stand in HTML and SVG.

/// The drawing area of a chart with axes, in SVG units; the width is the view box's.
pub(crate) const WIDTH: f64 = 940.0;
pub(crate) const LEFT: f64 = 64.0;
pub(crate) const RIGHT: f64 = 14.0;
pub(crate) const TOP: f64 = 12.0;
pub(crate) const BOTTOM: f64 = 42.0;

/// Number of colours in the style sheet.
pub(crate) const COLOURS: usize = 6;

/// Escapes text for element content and double-quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A coordinate with a tenth of a unit, enough for the eye and half the bytes.
pub(crate) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// An element with text at a point.
pub(crate) fn label(x: f64, y: f64, anchor: &str, text: &str) -> String {
    format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>\n",
        coordinate(x),
        coordinate(y),
        escape(text)
    )
}

/// [`label`] on a background of its own, for text among lines.
pub(crate) fn label_with_halo(x: f64, y: f64, anchor: &str, text: &str) -> String {
    label(x, y, anchor, text).replacen("<text", "<text class=\"halo\"", 1)
}

/// A straight line of a style-sheet class.
pub(crate) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> String {
    format!(
        "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n",
        coordinate(from.0),
        coordinate(from.1),
        coordinate(to.0),
        coordinate(to.1)
    )
}

/// The enclosing element; the chart's title is its accessible name.
pub(crate) fn document(title: &str, height: f64, width: f64, content: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n{content}</svg>\n",
        coordinate(width),
        coordinate(height),
        escape(title)
    )
}
