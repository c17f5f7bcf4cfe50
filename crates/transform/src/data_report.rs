//! The HTML data report: what went in, what was found, what came out.

use std::ops::Range;

use artifacts::{Encoding, Schema, Split, TransformParams};
use report::{Histogram, LineChart, Outline, Page, Scale, Series, Table, XAxis};

use crate::Error;
use crate::examples::{Encoded, Examples};
use crate::scratch::parts;
use crate::split::Ranges;
use crate::statistics::Statistics;

/// Gaps listed in the report.
const LISTED_GAPS: usize = 20;

/// What the report is made of.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The output's contract.
    pub schema: &'a Schema,
    /// Counts, distributions and findings.
    pub statistics: &'a Statistics,
    /// The fitted feature transform.
    pub transform_params: &'a TransformParams,
    /// The example rows.
    pub examples: &'a Examples,
    /// The rows of each split.
    pub ranges: &'a Ranges,
}

/// The report as a self-contained page.
pub fn html(sources: &Sources<'_>) -> Result<String, Error> {
    let series = match &sources.schema.series {
        Some(series) => format!("Data report: {}", series.value),
        None => "Data report".to_owned(),
    };
    let page = overview(Page::new(&series), sources);
    let page = findings(page, sources.statistics);
    let page = charts(page, sources)?;
    Ok(distributions(page, sources)?.to_html())
}

fn overview(page: Page, sources: &Sources<'_>) -> Page {
    let (schema, statistics) = (sources.schema, sources.statistics);
    let rows = &statistics.rows;
    let mut files = Table::new(["input", "bytes", "SHA-256"]);
    for file in &schema.provenance.inputs {
        files = files.row([
            file.name.clone(),
            file.bytes.to_string(),
            file.sha256.clone(),
        ]);
    }
    let mut splits = Table::new(["split", "rows", "first date", "last date"]);
    for split in Split::ALL {
        let info = schema.splits.get(split);
        splits = splits.row([
            split.as_str().to_owned(),
            info.rows.to_string(),
            info.first_date.clone(),
            info.last_date.clone(),
        ]);
    }
    let mut counts = Table::new(["rows", "count"]).caption("Where every row went");
    for (what, count) in [
        ("of the raw files", rows.scanned),
        ("of the series", rows.of_series),
        ("rejected", rows.rejected),
        ("without enough rows before them", rows.without_history),
        ("without a label yet", rows.without_label),
        (
            "whose window or label reaches across a gap",
            rows.across_gaps,
        ),
        ("left out at the split boundaries", rows.at_boundaries),
        ("in the example files", rows.examples),
    ] {
        counts = counts.row([what.to_owned(), count.to_string()]);
    }
    let label = match schema.horizon {
        0 => format!("{} of the same row", schema.label_source),
        1 => format!("{} of the next row", schema.label_source),
        rows => format!("{} {rows} rows later", schema.label_source),
    };
    page.figures([
        ("examples", rows.examples.to_string()),
        ("label", label),
        ("first date", statistics.dates.first.clone()),
        ("last date", statistics.dates.last.clone()),
        ("rejected rows", rows.rejected.to_string()),
        ("gaps", statistics.gap_count().to_string()),
    ])
    .table(splits)
    .table(counts)
    .table(files)
    .text(&format!("Made by {}.", schema.provenance.build))
}

fn findings(page: Page, statistics: &Statistics) -> Page {
    let mut table = Table::new(["finding", "count", "policy", "first places"]);
    for (finding, found) in &statistics.findings {
        let policy = format!("{:?}", found.policy).to_lowercase();
        let cells = [
            (*finding).to_owned(),
            found.count.to_string(),
            policy,
            found.first.join("; "),
        ];
        table = if found.count > 0 {
            table.strong_row(cells)
        } else {
            table.row(cells)
        };
    }
    let page = page
        .heading("Findings")
        .text("Rows whose finding has the policy drop are in rejected.csv, each with its reason.")
        .table(table);
    if statistics.gaps.is_empty() {
        return page;
    }
    let all = statistics.gap_count();
    let caption = if all > LISTED_GAPS as u64 {
        format!("Gaps, the first {LISTED_GAPS} of {all}")
    } else {
        "Gaps, oldest first".to_owned()
    };
    let mut gaps = Table::new(["after", "before", "missing rows"]).caption(&caption);
    for gap in statistics.gaps.iter().take(LISTED_GAPS) {
        gaps = gaps.row([
            gap.after.clone(),
            gap.before.clone(),
            gap.missing_rows.to_string(),
        ]);
    }
    page.table(gaps)
}

fn charts(page: Page, sources: &Sources<'_>) -> Result<Page, Error> {
    let (schema, examples) = (sources.schema, sources.examples);
    let unit = schema.label_unit.as_deref().unwrap_or("raw units");
    // A logarithmic axis shows a market's early years; only prices are sure to be above 0.
    let mut label = sources.statistics.columns[&schema.label_column].values();
    let positive = label.all(|split| split.minimum > 0.0);
    let mut chart = LineChart::new("Label over time, by split")
        .labels("date", &format!("{}, {unit}", schema.label_column))
        .x_axis(XAxis::Time)
        .y_scale(if positive { Scale::Log } else { Scale::Linear });
    for split in Split::ALL {
        let points = points(examples, &schema.label_column, sources.ranges.get(split))?;
        chart = chart.series(Series::line(split.as_str(), points));
    }
    for split in [Split::Eval, Split::Test] {
        let first = examples.dates.get(sources.ranges.get(split).start)?;
        chart = chart.mark(first as f64, &format!("{} begins", split.as_str()));
    }
    let page = page.heading("Series").chart(chart);
    if sources.statistics.gaps.is_empty() {
        return Ok(page);
    }
    let gaps = sources
        .statistics
        .gaps
        .iter()
        .map(|gap| (gap.instant, gap.missing_rows as f64));
    Ok(page.chart(
        LineChart::new("Gaps")
            .labels("date", "missing rows")
            .x_axis(XAxis::Time)
            .series(Series::dots(
                "gap",
                gaps.map(|(instant, missing)| (instant as f64, missing))
                    .collect(),
            )),
    ))
}

/// What to draw of a column over time.
fn points(examples: &Examples, column: &str, rows: Range<usize>) -> Result<Vec<(f64, f64)>, Error> {
    let mut outline = Outline::new(rows.len());
    let column = examples.column(column);
    for part in parts(rows) {
        let dates = examples.dates.read(part.clone())?;
        for (date, value) in dates.into_iter().zip(column.read(part)?) {
            outline.push((date as f64, value));
        }
    }
    Ok(outline.into_points())
}

fn distributions(page: Page, sources: &Sources<'_>) -> Result<Page, Error> {
    let mut page = page.heading("Distributions").text(
        "What the network sees: each input encoded and standardised with the mean and the scale \
         of the train rows. A split far from the others has data unlike what was learned from.",
    );
    let params = sources.transform_params;
    let inputs = params.features.iter();
    let inputs = inputs.map(|f| (&f.input, f.encoding, f.mean, f.scale));
    let label = &params.label;
    let label = (
        &sources.schema.label_column,
        label.encoding,
        label.mean,
        label.scale,
    );
    for (name, encoding, mean, scale) in inputs.chain([label]) {
        let title = format!("{name}{}", describe(encoding));
        let reference = params.reference.as_deref();
        let encoded = sources.examples.encoded(name, encoding, reference);
        page = page.chart(histogram(&title, encoded, (mean, scale), sources.ranges)?);
    }
    let mut table = Table::new([
        "column",
        "split",
        "mean",
        "deviation",
        "min",
        "median",
        "max",
    ])
    .caption("Raw values");
    for (name, splits) in &sources.statistics.columns {
        for split in Split::ALL {
            let Some(values) = splits.get(split.as_str()) else {
                continue;
            };
            table = table.row([
                name.clone(),
                split.as_str().to_owned(),
                artifacts::figure(values.mean),
                artifacts::figure(values.standard_deviation),
                values.minimum.to_string(),
                values.median.to_string(),
                values.maximum.to_string(),
            ]);
        }
    }
    Ok(page.table(table))
}

/// The distribution of a column in each split, standardised with `mean` and `scale`. Two passes:
/// the extremes, which say where the bins are, and the counts.
fn histogram(
    title: &str,
    column: Encoded<'_>,
    (mean, scale): (f64, f64),
    ranges: &Ranges,
) -> Result<Histogram, Error> {
    const BINS: usize = Histogram::BINS;
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for split in Split::ALL {
        column.each(ranges.get(split), |value| {
            let value = (value - mean) / scale;
            (low, high) = (value.min(low), value.max(high));
        })?;
    }
    let width = (high - low) / BINS as f64;
    let mut chart = Histogram::new(title, "standard deviations");
    for split in Split::ALL {
        let mut counts = [0; BINS];
        column.each(ranges.get(split), |value| {
            let bin = ((value - mean) / scale - low) / width;
            counts[(bin as usize).min(BINS - 1)] += 1;
        })?;
        let middles = counts.iter().enumerate();
        let middles = middles.map(|(bin, count)| (low + (bin as f64 + 0.5) * width, *count));
        chart = chart.counted(split.as_str(), middles.chain([(low, 0), (high, 0)]));
    }
    Ok(chart)
}

fn describe(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Identity => "",
        Encoding::LogRatio => ", log ratio",
        Encoding::Ratio => ", ratio",
        Encoding::Log1p => ", logarithm",
    }
}
