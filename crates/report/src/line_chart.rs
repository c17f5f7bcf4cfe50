//! Lines and points over a number or time axis.

use crate::axis::Axis;
use crate::svg::{BOTTOM, COLOURS, LEFT, RIGHT, TOP, WIDTH, coordinate, document, label, line};
use crate::{Chart, Scale, XAxis};

/// Points of one series beyond which a line is thinned out; more do not show at this width.
const MAX_POINTS: usize = 1_600;

/// A chart under construction.
#[derive(Clone, Debug)]
pub struct LineChart {
    title: String,
    x_label: String,
    y_label: String,
    x_axis: XAxis,
    y_scale: Scale,
    height: f64,
    series: Vec<Series>,
    marks: Vec<(f64, String)>,
    covered: Vec<(f64, f64)>,
}

/// One line or cloud of points.
#[derive(Clone, Debug)]
pub struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    style: SeriesStyle,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesStyle {
    /// Joined points.
    Line,
    /// Dots.
    Dots,
    /// Horizontal steps: each value holds until the next.
    Steps,
}

impl Series {
    /// Joined points; a value that is not finite breaks the line.
    pub fn line(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points,
            style: SeriesStyle::Line,
        }
    }

    /// Dots.
    pub fn dots(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points,
            style: SeriesStyle::Dots,
        }
    }

    /// Steps, for a best value so far.
    pub fn steps(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points,
            style: SeriesStyle::Steps,
        }
    }
}

impl LineChart {
    /// An empty chart over a number axis.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            x_label: String::new(),
            y_label: String::new(),
            x_axis: XAxis::Number,
            y_scale: Scale::Linear,
            height: 320.0,
            series: Vec::new(),
            marks: Vec::new(),
            covered: Vec::new(),
        }
    }

    /// Labels both axes, with units.
    #[must_use]
    pub fn labels(mut self, x: &str, y: &str) -> Self {
        x.clone_into(&mut self.x_label);
        y.clone_into(&mut self.y_label);
        self
    }

    /// Sets what the horizontal axis counts.
    #[must_use]
    pub fn x_axis(mut self, axis: XAxis) -> Self {
        self.x_axis = axis;
        self
    }

    /// Sets how the vertical axis maps values.
    #[must_use]
    pub fn y_scale(mut self, scale: Scale) -> Self {
        self.y_scale = scale;
        self
    }

    /// Adds a series; colours repeat after six.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Makes both axes reach to a point, which is not drawn; for a series that is an [`Outline`].
    #[must_use]
    pub fn covering(mut self, point: (f64, f64)) -> Self {
        self.covered.push(point);
        self
    }

    /// Adds a dashed vertical line with a label, for example a split boundary.
    #[must_use]
    pub fn mark(mut self, x: f64, text: &str) -> Self {
        self.marks.push((x, text.to_owned()));
        self
    }

    fn axes(&self) -> (Axis, Axis) {
        let series = || self.series.iter().flat_map(|series| series.points.iter());
        let points = || series().chain(&self.covered);
        let marks = self.marks.iter().map(|(x, _)| *x);
        let x = Axis::covering(
            points().map(|point| point.0).chain(marks),
            (LEFT, WIDTH - RIGHT),
            Scale::Linear,
            self.x_axis == XAxis::Number,
        );
        let bottom = self.height - BOTTOM;
        let y = Axis::covering(
            points().map(|point| point.1),
            (bottom, TOP),
            self.y_scale,
            true,
        );
        (x, y)
    }

    fn frame(&self, x: &Axis, y: &Axis) -> String {
        let (bottom, right) = (self.height - BOTTOM, WIDTH - RIGHT);
        let mut svg = String::new();
        for (value, text) in y.ticks(5) {
            let Some(at) = y.pixel(value) else { continue };
            svg += &line("grid", (LEFT, at), (right, at));
            svg += &label(LEFT - 8.0, at + 4.0, "end", &text);
        }
        let ticks = match self.x_axis {
            XAxis::Number => x.ticks(8),
            XAxis::Time => x.time_ticks(8),
        };
        for (value, text) in ticks {
            let Some(at) = x.pixel(value) else { continue };
            svg += &line("grid", (at, bottom), (at, bottom + 4.0));
            svg += &label(at, bottom + 18.0, "middle", &text);
        }
        svg += &label(
            f64::midpoint(LEFT, right),
            self.height - 6.0,
            "middle",
            &self.x_label,
        );
        if !self.y_label.is_empty() {
            let middle = coordinate(f64::midpoint(TOP, bottom));
            svg += &format!(
                "<g transform=\"translate(12 {middle}) rotate(-90)\">{}</g>\n",
                label(0.0, 0.0, "middle", &self.y_label)
            );
        }
        for (value, text) in &self.marks {
            let Some(at) = x.pixel(*value) else { continue };
            svg += &line("mark", (at, TOP), (at, bottom));
            let near_right = at > right - 80.0;
            let (dx, anchor) = if near_right {
                (-5.0, "end")
            } else {
                (5.0, "start")
            };
            svg += &label(at + dx, TOP + 12.0, anchor, text);
        }
        svg
    }

    /// Names beside colour swatches, above the drawing.
    fn legend(&self) -> String {
        let mut svg = String::new();
        let mut at = LEFT;
        for (index, series) in self.series.iter().enumerate() {
            if series.name.is_empty() {
                continue;
            }
            svg += &format!(
                "<rect class=\"f{}\" x=\"{}\" y=\"3\" width=\"14\" height=\"5\" rx=\"2\"/>\n",
                index % COLOURS,
                coordinate(at)
            );
            svg += &label(at + 20.0, 10.0, "start", &series.name);
            at += 40.0 + 7.0 * series.name.chars().count() as f64;
        }
        svg
    }
}

impl Chart for LineChart {
    fn title(&self) -> &str {
        &self.title
    }

    fn to_svg(&self) -> String {
        let (x, y) = self.axes();
        let mut svg = self.frame(&x, &y);
        for (index, series) in self.series.iter().enumerate() {
            svg += &series.to_svg(index % COLOURS, &x, &y);
        }
        // The legend has a strip of its own, so it never covers the data.
        let content = format!(
            "{}<g transform=\"translate(0 18)\">\n{svg}</g>\n",
            self.legend()
        );
        document(&self.title, self.height + 18.0, WIDTH, &content)
    }
}

impl Series {
    fn to_svg(&self, colour: usize, x: &Axis, y: &Axis) -> String {
        let points = thin_out(&self.points);
        let pixels = points
            .iter()
            .map(|point| Some((x.pixel(point.0)?, y.pixel(point.1)?)));
        match self.style {
            SeriesStyle::Dots => {
                let dots: String = pixels
                    .flatten()
                    .map(|(px, py)| {
                        format!(
                            "<circle cx=\"{}\" cy=\"{}\" r=\"2.4\"/>",
                            coordinate(px),
                            coordinate(py)
                        )
                    })
                    .collect();
                format!("<g class=\"dots f{colour}\">{dots}</g>\n")
            }
            SeriesStyle::Line | SeriesStyle::Steps => {
                let mut path = String::new();
                let mut pen_down = false;
                for pixel in pixels {
                    let Some((px, py)) = pixel else {
                        pen_down = false;
                        continue;
                    };
                    let (px, py) = (coordinate(px), coordinate(py));
                    match (pen_down, self.style) {
                        (false, _) => path += &format!("M{px} {py}"),
                        (true, SeriesStyle::Steps) => path += &format!("H{px}V{py}"),
                        (true, _) => path += &format!("L{px} {py}"),
                    }
                    pen_down = true;
                }
                format!("<path class=\"s s{colour}\" d=\"{path}\"/>\n")
            }
        }
    }
}

/// The points a line of many points is drawn with: the lowest and highest of each stretch, so that
/// no peak is lost. For points that come as a stream; a series in memory is thinned out anyway.
#[derive(Clone, Debug)]
pub struct Outline {
    /// Points of a stretch.
    stretch: usize,
    /// Points of the current stretch so far, the lowest of them and the highest.
    seen: usize,
    low: (f64, f64),
    high: (f64, f64),
    kept: Vec<(f64, f64)>,
}

impl Outline {
    /// The outline of `points` points.
    pub fn new(points: usize) -> Self {
        let stretch = match points {
            ..=MAX_POINTS => 1,
            _ => points.div_ceil(MAX_POINTS / 2),
        };
        Self {
            stretch,
            seen: 0,
            low: (0.0, 0.0),
            high: (0.0, 0.0),
            kept: Vec::new(),
        }
    }

    /// Adds the next point.
    pub fn push(&mut self, point: (f64, f64)) {
        if self.seen == 0 || point.1.total_cmp(&self.low.1).is_lt() {
            self.low = point;
        }
        if self.seen == 0 || point.1.total_cmp(&self.high.1).is_ge() {
            self.high = point;
        }
        self.seen += 1;
        if self.seen == self.stretch {
            self.end_stretch();
        }
    }

    /// The points to draw.
    pub fn into_points(mut self) -> Vec<(f64, f64)> {
        if self.seen > 0 {
            self.end_stretch();
        }
        self.kept
    }

    fn end_stretch(&mut self) {
        let (first, second) = if self.low.0 <= self.high.0 {
            (self.low, self.high)
        } else {
            (self.high, self.low)
        };
        self.kept.push(first);
        if self.seen > 1 && first != second {
            self.kept.push(second);
        }
        self.seen = 0;
    }
}

fn thin_out(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut outline = Outline::new(points.len());
    for point in points {
        outline.push(*point);
    }
    outline.into_points()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_keeps_its_peaks() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i), 1.0)).collect();
        points[54_321].1 = 99.0;
        let thin = thin_out(&points);
        assert!(thin.len() <= MAX_POINTS);
        assert!(thin.contains(&(54_321.0, 99.0)));
    }

    #[test]
    fn an_outline_with_its_corners_draws_like_the_series() {
        let y = |i: u32| f64::from(i * 7919 % 1009);
        let points: Vec<(f64, f64)> = (0..10_000).map(|i| (f64::from(i), y(i))).collect();
        let whole = LineChart::new("t").series(Series::line("a", points.clone()));
        let outline = LineChart::new("t")
            .covering((0.0, 0.0))
            .covering((9999.0, 1008.0))
            .series(Series::line("a", thin_out(&points)));
        assert_eq!(outline.to_svg(), whole.to_svg());
    }

    #[test]
    fn a_missing_value_breaks_the_line() {
        let points = vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0), (3.0, 4.0)];
        let svg = LineChart::new("t")
            .series(Series::line("a", points))
            .to_svg();
        assert_eq!(svg.matches('M').count(), 2);
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn an_empty_chart_is_still_a_drawing() {
        let svg = LineChart::new("nothing & more")
            .x_axis(XAxis::Time)
            .to_svg();
        assert!(svg.contains("aria-label=\"nothing &amp; more\""));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
