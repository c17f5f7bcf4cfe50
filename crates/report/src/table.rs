//! Tables; columns whose cells all read as numbers are aligned to the right.

use crate::svg::escape;

/// A table under construction.
#[derive(Clone, Debug)]
pub struct Table {
    caption: Option<String>,
    header: Vec<String>,
    rows: Vec<(Vec<String>, bool)>,
}

impl Table {
    /// A table with these column names and no rows.
    pub fn new<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Self {
        Self {
            caption: None,
            header: header.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a line above the table.
    #[must_use]
    pub fn caption(mut self, text: &str) -> Self {
        self.caption = Some(text.to_owned());
        self
    }

    /// Adds a row.
    #[must_use]
    pub fn row<T: Into<String>>(mut self, cells: impl IntoIterator<Item = T>) -> Self {
        self.rows
            .push((cells.into_iter().map(Into::into).collect(), false));
        self
    }

    /// Adds a row that stands out.
    #[must_use]
    pub fn strong_row<T: Into<String>>(mut self, cells: impl IntoIterator<Item = T>) -> Self {
        self.rows
            .push((cells.into_iter().map(Into::into).collect(), true));
        self
    }

    pub(crate) fn to_html(&self) -> String {
        let numeric: Vec<bool> = (0..self.header.len()).map(|i| self.is_numeric(i)).collect();
        let cell = |tag: &str, index: usize, text: &str| {
            let class = if numeric.get(index) == Some(&true) {
                " class=\"n\""
            } else {
                ""
            };
            format!("<{tag}{class}>{}</{tag}>", escape(text))
        };
        let line = |tag: &str, cells: &[String]| -> String {
            cells
                .iter()
                .enumerate()
                .map(|(index, text)| cell(tag, index, text))
                .collect()
        };
        let caption = self
            .caption
            .as_ref()
            .map(|text| format!("<caption>{}</caption>\n", escape(text)))
            .unwrap_or_default();
        let rows: String = self
            .rows
            .iter()
            .map(|(cells, strong)| {
                let class = if *strong { " class=\"strong\"" } else { "" };
                format!("<tr{class}>{}</tr>\n", line("td", cells))
            })
            .collect();
        format!(
            "<div class=\"scroll\"><table>\n{caption}<thead><tr>{}</tr></thead>\n\
             <tbody>\n{rows}</tbody></table></div>\n",
            line("th", &self.header)
        )
    }

    fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self
            .rows
            .iter()
            .filter_map(|(cells, _)| cells.get(column))
            .peekable();
        cells.peek().is_some()
            && cells.all(|text| {
                let digits: String = text
                    .chars()
                    .filter(|c| !matches!(c, ',' | '%' | ' ' | '–'))
                    .collect();
                digits.is_empty() || digits.parse::<f64>().is_ok()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_numbers_are_aligned_to_the_right() {
        let html = Table::new(["split", "rows", "share"])
            .row(["train", "1,255", "70 %"])
            .strong_row(["test", "269", "–"])
            .to_html();
        assert!(html.contains("<th>split</th><th class=\"n\">rows</th>"));
        assert!(html.contains("<tr class=\"strong\"><td>test</td><td class=\"n\">269</td>"));
    }
}
