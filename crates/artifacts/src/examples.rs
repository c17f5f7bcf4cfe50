//! `schema.json`: what the example files hold.

use serde::{Deserialize, Serialize};

use crate::{Provenance, layout};

/// Contract of the example files; written by `transform`, read by every later step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// [`crate::FORMAT_VERSION`].
    pub version: u32,
    /// The series the rows were filtered by; absent when the whole table was kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub series: Option<Series>,
    /// Columns of the example files, in file order.
    pub columns: Vec<Column>,
    /// The date column's name (day or instant of the row, UTC).
    pub date_column: String,
    /// Numeric columns the model takes, in the order of its input tensor.
    pub inputs: Vec<String>,
    /// Name of the column that holds the value to predict, in raw units.
    pub label_column: String,
    /// The raw column the label was taken from, for example `close`.
    pub label_source: String,
    /// Rows between a row and its label: 0 = the same row, n = n rows later.
    pub horizon: u32,
    /// Column whose value is the naive forecast: the opening price for horizon 0 (where there is
    /// one), the last known label for a horizon above 0 (persistence).
    pub naive_column: String,
    /// Unit of the label, for people, for example `USD`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label_unit: Option<String>,
    /// Format of the example files.
    pub format: ExamplesFormat,
    /// The three splits, in time order.
    pub splits: Splits,
    /// Which bytes the examples were made from, and by which build.
    pub provenance: Provenance,
}

impl Schema {
    /// File name of a split, for example `train.parquet`.
    pub fn file_name(&self, split: Split) -> String {
        format!("{}.{}", split.as_str(), self.format.extension())
    }
}

/// A series of the raw table: the rows in which `column` equals `value`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Column name, for example `slug`.
    pub column: String,
    /// Its value in the wanted rows, for example `bitcoin`.
    pub value: String,
}

/// One column of the example files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Name, as in the file.
    pub name: String,
    /// How its cells are stored.
    pub kind: ColumnKind,
}

/// How a column's cells are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// A day: Parquet `DATE` (days since 1970-01-01), CSV `YYYY-MM-DD`.
    Date,
    /// An instant: Parquet `TIMESTAMP_MILLIS` (UTC), CSV `YYYY-MM-DDTHH:MM:SS.sssZ`.
    Timestamp,
    /// A finite number: Parquet `DOUBLE`.
    Number,
}

/// Format of the example files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExamplesFormat {
    /// Apache Parquet, one file a split.
    Parquet,
    /// CSV with a header, one file a split.
    Csv,
}

impl ExamplesFormat {
    /// File name extension without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
        }
    }
}

/// One of the three splits, in time order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The oldest rows: everything is fitted on these and nothing else.
    Train,
    /// Rows after train: tuning and early stopping look at these.
    Eval,
    /// The newest rows: only the final metrics look at these.
    Test,
}

impl Split {
    /// All splits, oldest first.
    pub const ALL: [Self; 3] = [Self::Train, Self::Eval, Self::Test];

    /// `train`, `eval` or `test`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => layout::examples::TRAIN,
            Self::Eval => layout::examples::EVAL,
            Self::Test => layout::examples::TEST,
        }
    }
}

/// Rows and dates of one split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitInfo {
    /// Number of rows.
    pub rows: u64,
    /// Date of the oldest row, ISO 8601.
    pub first_date: String,
    /// Date of the newest row, ISO 8601.
    pub last_date: String,
}

/// The three splits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Splits {
    /// The oldest rows.
    pub train: SplitInfo,
    /// The rows after them.
    pub eval: SplitInfo,
    /// The newest rows.
    pub test: SplitInfo,
    /// Rows left out at each of the two boundaries so that no label leaks (the horizon).
    pub gap_rows: u32,
}

impl Splits {
    /// The information on one split.
    pub fn get(&self, split: Split) -> &SplitInfo {
        match split {
            Split::Train => &self.train,
            Split::Eval => &self.eval,
            Split::Test => &self.test,
        }
    }
}
