//! The declarative configuration: what to keep of the raw table and what to make of it.

use artifacts::{ExamplesFormat, Series};
use serde::{Deserialize, Serialize};

use crate::date::DateFormat;
use crate::policy::Policies;

/// What to keep of the raw table and what to make of it.
///
/// A YAML or JSON document; every key may be left out, an unknown one is refused, and a flag wins
/// over the document. Written whole into `statistics.json`, so that a run can be repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The rows to keep: those in which `column` equals `value` exactly. Default: `slug` equals
    /// `bitcoin`. `null` keeps the whole table.
    pub series: Option<Series>,
    /// Where the date of a row is and how it is written.
    pub date: DateColumn,
    /// Which columns are prices and which are volumes; any other column is a plain number.
    pub numeric_columns: NumericColumns,
    /// Column to predict. Default: `close`.
    pub label: String,
    /// Unit of the label, for people. Default: `USD`.
    pub label_unit: Option<String>,
    /// Columns of the same row that the model sees. Default: `open`, `high`, `low`.
    pub features: Vec<String>,
    /// Column that relative prices refer to. Default: `open` at horizon 0, else the label.
    pub reference: Option<String>,
    /// Rows between a row and its label: 0 = the same row, n = n rows later. Default: 0.
    pub horizon: u32,
    /// Earlier values as features. Default: none.
    pub lags: Lags,
    /// Statistics over the rows up to this one as features. Default: none.
    pub rolling: Rolling,
    /// Parts of the row's date as features. Default: none.
    pub calendar: Vec<CalendarField>,
    /// How prices are presented to the model. Default: `log_ratio`.
    pub price_representation: PriceRepresentation,
    /// Shares of the rows, by time. Default: 0.70 train, 0.15 eval, the rest test.
    pub split: SplitFractions,
    /// Format of the example files: `parquet` (default) or `csv`.
    pub format: ExamplesFormat,
    /// What to do about each kind of finding.
    pub policies: Policies,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            series: Some(Series {
                column: "slug".to_owned(),
                value: "bitcoin".to_owned(),
            }),
            date: DateColumn::default(),
            numeric_columns: NumericColumns::default(),
            label: "close".to_owned(),
            label_unit: Some("USD".to_owned()),
            features: names(&["open", "high", "low"]),
            reference: None,
            horizon: 0,
            lags: Lags::default(),
            rolling: Rolling::default(),
            calendar: Vec::new(),
            price_representation: PriceRepresentation::LogRatio,
            split: SplitFractions::default(),
            format: ExamplesFormat::Parquet,
            policies: Policies::default(),
        }
    }
}

/// Where the date of a row is and how it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DateColumn {
    /// Column name. Default: `date`.
    pub column: String,
    /// How the dates are written. Default: `auto`, which reads all of them to find out and
    /// refuses a column that two formats explain.
    pub format: DateFormatChoice,
}

impl Default for DateColumn {
    fn default() -> Self {
        Self {
            column: "date".to_owned(),
            format: DateFormatChoice::Auto,
        }
    }
}

/// `auto`, or one [`DateFormat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum DateFormatChoice {
    /// Find out from the dates themselves; refuse an ambiguous column.
    Auto,
    /// `2018-03-29`, optionally with a time: `2018-03-29T17:00:00Z`.
    Iso,
    /// `29/3/2018`, `29.03.18`, `29-3-2018`, optionally with a time: `29/3/18 17:00`.
    DayMonthYear,
    /// `3/29/2018`, `3/29/18 17:00`.
    MonthDayYear,
    /// `20180329`.
    Compact,
    /// Seconds since 1970-01-01 UTC.
    EpochSeconds,
    /// Milliseconds since 1970-01-01 UTC.
    EpochMilliseconds,
}

impl DateFormatChoice {
    /// The format chosen; `None` for `auto`.
    pub fn format(self) -> Option<DateFormat> {
        Some(match self {
            Self::Auto => return None,
            Self::Iso => DateFormat::Iso,
            Self::DayMonthYear => DateFormat::DayMonthYear,
            Self::MonthDayYear => DateFormat::MonthDayYear,
            Self::Compact => DateFormat::Compact,
            Self::EpochSeconds => DateFormat::EpochSeconds,
            Self::EpochMilliseconds => DateFormat::EpochMilliseconds,
        })
    }
}

/// Which columns are prices and which are volumes; any other column is a plain number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NumericColumns {
    /// Values above 0 in the label's unit; relative to the reference under `log_ratio`.
    /// Default: `open`, `high`, `low`, `close`.
    pub price: Vec<String>,
    /// Values of at least 0; their logarithm (of 1 + x) is used under `log_ratio`.
    /// Default: `volume`, `market`.
    pub volume: Vec<String>,
    /// A row's lowest price, which must not be above its highest where the table has both.
    /// Default: `low`.
    pub low: String,
    /// A row's highest price. Default: `high`.
    pub high: String,
}

impl Default for NumericColumns {
    fn default() -> Self {
        Self {
            price: names(&["open", "high", "low", "close"]),
            volume: names(&["volume", "market"]),
            low: "low".to_owned(),
            high: "high".to_owned(),
        }
    }
}

/// Earlier values as features, named `<column>_lag_<rows>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lags {
    /// How many rows back, each at least 1. Default: none.
    pub rows: Vec<u32>,
    /// Of which columns. Default (empty): the label's column.
    pub columns: Vec<String>,
}

/// Statistics over a window of rows, named `<column>_<statistic>_<window>`.
///
/// A window ends with the row itself, except that of the label's column at horizon 0, which ends
/// with the row before: the row's own label is what is to be predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rolling {
    /// Window lengths in rows, each at least 2. Default: none.
    pub windows: Vec<u32>,
    /// Which statistics. Default: `mean`, `std`.
    pub statistics: Vec<RollingStatistic>,
    /// Of which columns. Default (empty): the label's column.
    pub columns: Vec<String>,
}

impl Default for Rolling {
    fn default() -> Self {
        Self {
            windows: Vec::new(),
            statistics: vec![RollingStatistic::Mean, RollingStatistic::Std],
            columns: Vec::new(),
        }
    }
}

/// A statistic over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum RollingStatistic {
    /// Arithmetic mean.
    Mean,
    /// Standard deviation (divided by n − 1).
    Std,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
}

impl RollingStatistic {
    /// The name inside a column name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Std => "std",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

/// A part of the row's date (UTC), a feature of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum CalendarField {
    /// 1 (Monday) to 7.
    DayOfWeek,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 366.
    DayOfYear,
    /// 1 to 12.
    Month,
    /// 1 to 4.
    Quarter,
    /// 0 to 23.
    Hour,
}

impl CalendarField {
    /// The feature's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DayOfWeek => "day_of_week",
            Self::DayOfMonth => "day_of_month",
            Self::DayOfYear => "day_of_year",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Hour => "hour",
        }
    }
}

/// How prices are presented to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum PriceRepresentation {
    /// As they are, standardised.
    Raw,
    /// As logarithms relative to the row's reference, standardised; the label too.
    LogRatio,
}

/// Shares of the rows, by time; what is left is the test split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitFractions {
    /// The oldest rows. Default: 0.70.
    pub train: f64,
    /// The rows after them. Default: 0.15.
    pub eval: f64,
}

impl Default for SplitFractions {
    fn default() -> Self {
        Self {
            train: 0.70,
            eval: 0.15,
        }
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_configuration_is_the_default_and_names_every_key() {
        let text = include_str!("../config.example.yaml");
        let documented: serde_json::Value = serde_yaml_ng::from_str(text).unwrap();
        assert_eq!(documented, serde_json::to_value(Config::default()).unwrap());
        assert_eq!(
            serde_yaml_ng::from_str::<Config>(text).unwrap(),
            Config::default()
        );
    }
}
