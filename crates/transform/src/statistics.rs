//! `statistics.json`: counts, distributions and findings, for people and for the report.

use std::collections::BTreeMap;
use std::ops::Range;

use artifacts::{FORMAT_VERSION, Split};
use serde::Serialize;

use crate::Error;
use crate::config::Config;
use crate::dataflow::Counts;
use crate::date::{DateFormat, to_iso};
use crate::examples::Examples;
use crate::findings::{Findings, Found};
use crate::moments::Moments;
use crate::policy::Finding;
use crate::quantiles::quantiles;
use crate::scratch::Column;
use crate::split::Ranges;
use crate::timeline::{Gap, Timeline};

/// What is known about the data.
#[derive(Clone, Debug, Serialize)]
pub struct Statistics {
    /// [`artifacts::FORMAT_VERSION`].
    pub version: u32,
    /// Where every row went.
    pub rows: RowCounts,
    /// The date column.
    pub dates: Dates,
    /// Every kind of finding, also those that did not occur.
    pub findings: BTreeMap<&'static str, Found>,
    /// The first gaps, oldest first.
    pub gaps: Vec<Gap>,
    /// Distribution of every numeric column of the example files in every split.
    pub columns: BTreeMap<String, BTreeMap<&'static str, Distribution>>,
    /// What the job counted that read the raw files, where it was a job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataflow: Option<Counts>,
    /// The whole configuration, flags included.
    pub config: Config,
}

/// Where every row went.
#[derive(Clone, Debug, Serialize)]
pub struct RowCounts {
    /// Rows of the raw files.
    pub scanned: u64,
    /// Rows of the series: those kept and those rejected.
    pub of_series: u64,
    /// Rows written aside.
    pub rejected: u64,
    /// Rows whose window reaches before the first row.
    pub without_history: u64,
    /// Rows whose label lies behind the last row.
    pub without_label: u64,
    /// Rows whose window or label reaches across a gap (policy `drop`).
    pub across_gaps: u64,
    /// Rows left out before the two boundaries so that no label leaks.
    pub at_boundaries: u64,
    /// Rows of the example files.
    pub examples: u64,
}

/// The date column.
#[derive(Clone, Debug, Serialize)]
pub struct Dates {
    /// How the dates are written in the raw files.
    pub format: DateFormat,
    /// Date of the oldest kept row.
    pub first: String,
    /// Date of the newest kept row.
    pub last: String,
    /// The usual time between two rows in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_seconds: Option<f64>,
}

/// Distribution of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distribution {
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation (divided by n − 1; 0 for one row).
    pub standard_deviation: f64,
    /// Smallest value.
    pub minimum: f64,
    /// First quartile, linearly interpolated.
    pub first_quartile: f64,
    /// Median.
    pub median: f64,
    /// Third quartile, linearly interpolated.
    pub third_quartile: f64,
    /// Largest value.
    pub maximum: f64,
}

impl Statistics {
    /// Gathers the statistics. `scanned` is the number of rows of the raw files.
    pub fn gather(
        config: &Config,
        scanned: u64,
        format: DateFormat,
        timeline: &Timeline,
        examples: &Examples,
        ranges: &Ranges,
        findings: &Findings,
    ) -> Result<Self, Error> {
        let kept = timeline.table.rows() as u64;
        let used: usize = Split::ALL
            .iter()
            .map(|split| ranges.get(*split).len())
            .sum();
        let dates = &timeline.table.dates;
        let (first, last) = (dates.get(0)?, dates.get(dates.len() - 1)?);
        let found = |finding: &Finding| {
            let none = || Found {
                count: 0,
                policy: config.policies.get(*finding),
                first: Vec::new(),
            };
            (
                finding.key(),
                findings.found().get(finding).cloned().unwrap_or_else(none),
            )
        };
        Ok(Self {
            version: FORMAT_VERSION,
            rows: RowCounts {
                scanned,
                of_series: kept + findings.rejected_rows(),
                rejected: findings.rejected_rows(),
                without_history: examples.without_history as u64,
                without_label: examples.without_label as u64,
                across_gaps: examples.across_gaps as u64,
                at_boundaries: (examples.dates.len() - used) as u64,
                examples: used as u64,
            },
            dates: Dates {
                format,
                first: to_iso(first, timeline.days),
                last: to_iso(last, timeline.days),
                step_seconds: timeline.step.map(|step| step.0 as f64 / 1000.0),
            },
            findings: Finding::ALL.iter().map(found).collect(),
            gaps: timeline.gaps.clone(),
            columns: distributions(examples, ranges)?,
            dataflow: None,
            config: config.clone(),
        })
    }
}

impl Statistics {
    /// Number of gaps, listed or not.
    pub fn gap_count(&self) -> u64 {
        self.findings
            .get(Finding::Gap.key())
            .map_or(0, |found| found.count)
    }
}

type Distributions = BTreeMap<String, BTreeMap<&'static str, Distribution>>;

fn distributions(examples: &Examples, ranges: &Ranges) -> Result<Distributions, Error> {
    let mut all = Distributions::new();
    for (name, column) in &examples.columns {
        let mut splits = BTreeMap::new();
        for split in Split::ALL {
            splits.insert(split.as_str(), describe(column, ranges.get(split))?);
        }
        all.insert(name.clone(), splits);
    }
    Ok(all)
}

fn describe(column: &Column<f64>, rows: Range<usize>) -> Result<Distribution, Error> {
    let moments = Moments::of(|value| column.each(rows.clone(), value))?;
    let freedom = moments.count.saturating_sub(1).max(1) as f64;
    let [first_quartile, median, third_quartile] = quantiles(column, rows, [0.25, 0.5, 0.75])?;
    Ok(Distribution {
        mean: moments.mean,
        standard_deviation: (moments.squares / freedom).sqrt(),
        minimum: moments.minimum,
        first_quartile,
        median,
        third_quartile,
        maximum: moments.maximum,
    })
}
