//! A page: headings, text, key figures, tables and charts, in the order they were added.

use crate::Table;
use crate::svg::escape;

/// Something drawn as SVG.
pub trait Chart {
    /// An `<svg>` element that scales to its container's width.
    fn to_svg(&self) -> String;

    /// Shown above the drawing.
    fn title(&self) -> &str;
}

/// A report under construction.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    body: String,
}

impl Page {
    /// An empty page with a title.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            body: String::new(),
        }
    }

    /// Adds a section heading.
    #[must_use]
    pub fn heading(self, text: &str) -> Self {
        self.with(&format!("<h2>{}</h2>\n", escape(text)))
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.with(&format!("<p>{}</p>\n", escape(text)))
    }

    /// Adds key figures as tiles: `(label, value)`.
    #[must_use]
    pub fn figures<L: AsRef<str>, V: AsRef<str>>(
        self,
        figures: impl IntoIterator<Item = (L, V)>,
    ) -> Self {
        let tiles: String = figures
            .into_iter()
            .map(|(label, value)| {
                format!(
                    "<div><dt>{}</dt><dd>{}</dd></div>\n",
                    escape(label.as_ref()),
                    escape(value.as_ref())
                )
            })
            .collect();
        self.with(&format!("<dl class=\"figures\">\n{tiles}</dl>\n"))
    }

    /// Adds a table.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)] // built in place at every call
    pub fn table(self, table: Table) -> Self {
        self.with(&table.to_html())
    }

    /// Adds a chart.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)] // built in place at every call
    pub fn chart(self, chart: impl Chart) -> Self {
        let caption = escape(chart.title());
        self.with(&format!(
            "<figure><figcaption>{caption}</figcaption>\n{}</figure>\n",
            chart.to_svg()
        ))
    }

    /// The whole document.
    pub fn to_html(&self) -> String {
        let title = escape(&self.title);
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <main>\n<h1>{title}</h1>\n{}</main>\n</body>\n</html>\n",
            self.body
        )
    }

    fn with(mut self, html: &str) -> Self {
        self.body.push_str(html);
        self
    }
}

const STYLE: &str = include_str!("style.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_table_holds_is_shown_as_text() {
        let html = Page::new("a < b")
            .text("<script>alert(1)</script>")
            .figures([("rows & columns", "\"9\"")])
            .to_html();
        assert!(html.contains("<title>a &lt; b</title>"));
        assert!(html.contains("<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"));
        assert!(html.contains("<dt>rows &amp; columns</dt><dd>&quot;9&quot;</dd>"));
        assert!(!html.contains("<script"));
    }
}
