//! What can go wrong, and what to do about it.

use std::io;

use component::{Diagnose, Exit};

use crate::date::{Ambiguous, Mixed};
use crate::policy::Finding;

/// Why the examples could not be made. The message names the object and the place; the hint is
/// the next step; causes are in the source chain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration document is not valid.
    #[error("{document} is not a valid configuration")]
    ConfigSyntax {
        /// File name of the document.
        document: String,
        /// What serde found, with line and column.
        source: serde_yaml_ng::Error,
    },
    /// A configuration that contradicts itself.
    #[error("`{key}` {problem}")]
    Config {
        /// The key at fault, for example `split.train`.
        key: &'static str,
        /// What is wrong with its value.
        problem: String,
        /// The next step.
        hint: String,
    },
    /// An address of the command line is none.
    #[error("--{flag}")]
    Address {
        /// The flag.
        flag: &'static str,
        /// What is wrong with its value.
        source: storage::InvalidUri,
    },
    /// A storage call failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The raw data address stands for no object.
    #[error("{uri} matches no object")]
    NoInput {
        /// The address given.
        uri: String,
    },
    /// Reading a raw file failed.
    #[error("cannot read {file}")]
    Read {
        /// The file's name.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// A raw file is no text.
    #[error("{file} is {format}, not CSV")]
    NotCsv {
        /// The file's name.
        file: String,
        /// What its first bytes say.
        format: &'static str,
    },
    /// A raw file has no header line.
    #[error("{file} is empty: it has no header line")]
    NoHeader {
        /// The file's name.
        file: String,
    },
    /// A raw file is encoded as UTF-16.
    #[error("{file} is UTF-16 text")]
    Utf16 {
        /// The file's name.
        file: String,
    },
    /// A column that the configuration names is not in the header, or twice.
    #[error("{file} has {count} columns named `{column}`; its columns are {header}")]
    Column {
        /// The file's name.
        file: String,
        /// `no` or a number.
        count: String,
        /// The column's name.
        column: String,
        /// The names found, quoted and joined.
        header: String,
    },
    /// The files of one table have different headers.
    #[error("the header of {file} differs from that of {first}")]
    HeaderMismatch {
        /// The file's name.
        file: String,
        /// The first file's name.
        first: String,
    },
    /// A record longer than any real one.
    #[error("{file} line {line}: the record is longer than {} MiB", limit / (1024 * 1024))]
    RecordTooLong {
        /// The file's name.
        file: String,
        /// Where the record begins, from 1.
        line: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// Two date formats in one column.
    #[error(
        "the dates of column `{column}` are written in two ways: `{}` ({}) is {}, `{}` ({}) is {}",
        mixed.one.1.text, mixed.one.1.place, mixed.one.0.key(),
        mixed.other.1.text, mixed.other.1.place, mixed.other.0.key()
    )]
    MixedDates {
        /// The date column's name.
        column: String,
        /// The two cells.
        mixed: Box<Mixed>,
    },
    /// A date column that two formats explain.
    #[error(
        "the dates of column `{column}` are ambiguous: all of them, such as `{}`, are {}",
        ambiguous.text,
        ambiguous.formats.iter().map(|format| format.key()).collect::<Vec<_>>().join(" as well as ")
    )]
    AmbiguousDates {
        /// The date column's name.
        column: String,
        /// A cell and the formats that explain it.
        ambiguous: Ambiguous,
    },
    /// No row of the series.
    #[error("none of the {rows} rows has `{value}` in column `{column}`")]
    NoSeries {
        /// The series column's name.
        column: String,
        /// The value looked for.
        value: String,
        /// Rows seen.
        rows: u64,
    },
    /// No row of the series is usable.
    #[error("all {rows} rows were rejected, for example {example}")]
    AllRejected {
        /// Rows of the series.
        rows: u64,
        /// Place and detail of the most frequent finding's first row.
        example: String,
    },
    /// A finding whose policy is `error`.
    #[error("{place}: {detail}")]
    Finding {
        /// What was found.
        finding: Finding,
        /// File name and line.
        place: String,
        /// What is wrong there.
        detail: String,
    },
    /// Too few rows are left.
    #[error(
        "{rows} usable rows are too few for the splits: {train} train, {eval} eval, {test} test"
    )]
    TooFewRows {
        /// Rows that can be examples.
        rows: usize,
        /// Rows of the train split.
        train: usize,
        /// Rows of the eval split.
        eval: usize,
        /// Rows of the test split.
        test: usize,
    },
    /// Nothing to learn.
    #[error("the label `{label}` has one value, {value}, in all {rows} train rows")]
    ConstantLabel {
        /// The label's column.
        label: String,
        /// The value.
        value: f64,
        /// Number of train rows.
        rows: usize,
    },
    /// No feature is left.
    #[error("every feature is constant over the {rows} train rows")]
    NoFeatures {
        /// Number of train rows.
        rows: usize,
    },
    /// A value that the encoding cannot take.
    #[error("column `{column}` holds {value:?} on {date}, which has no {encoding}")]
    Encoding {
        /// The example column.
        column: String,
        /// The value.
        value: f64,
        /// The row's date.
        date: String,
        /// For example `log ratio to open`.
        encoding: String,
    },
    /// polars failed.
    #[error("cannot {action}")]
    Frame {
        /// What was tried.
        action: &'static str,
        /// polars' word.
        source: polars::error::PolarsError,
    },
    /// A temporary file failed.
    #[error("cannot {action} a temporary file in {}", std::env::temp_dir().display())]
    Temporary {
        /// What was tried.
        action: &'static str,
        /// The system's word.
        source: io::Error,
    },
    /// The job, or something on the way to it, failed.
    #[error(transparent)]
    Cloud(#[from] cloud::Error),
    /// There is no request that a service could check.
    #[error("--validate-only has no request to check: the table is read by this process")]
    NothingToValidate,
    /// What the job wrote is not what its pipeline writes.
    #[error("the job ended well, but what it wrote to {folder} cannot be used")]
    JobOutput {
        /// The folder.
        folder: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Diagnose for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::ConfigSyntax { .. }
            | Self::Config { .. }
            | Self::Address { .. }
            | Self::NothingToValidate => Exit::Usage,
            Self::Cloud(error) => error.exit(),
            _ => Exit::Failure,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Config { hint, .. } => hint.clone(),
            Self::Storage(error) => return error.hint(),
            Self::Cloud(error) => return error.hint(),
            Self::Finding { finding, .. } => {
                let instead = if finding.can_be_kept() {
                    "drop or keep"
                } else {
                    "drop"
                };
                let key = finding.key();
                format!("correct the data, or let `policies.{key}` be {instead}")
            }
            other => fixed_hint(other)?.to_owned(),
        };
        Some(hint)
    }
}

/// The hints that hold no data.
fn fixed_hint(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::ConfigSyntax { .. } => "correct the key or value at that line",
        Error::NoInput { .. } => "check --raw-data and that the step before wrote it",
        Error::NotCsv { .. } => "save it as CSV; plain, gzip and zstd files are read",
        Error::NoHeader { .. } => "give the file a first line with the column names",
        Error::Utf16 { .. } => "save it as UTF-8",
        Error::Column { header, .. } if header.contains([';', '\t']) => {
            "separate the columns with commas"
        }
        Error::Column { .. } => {
            "name an existing column in the file for --config, or by its flag (--series-column, \
             --date-column, --label, --feature); --whole-table is for a table without series"
        }
        Error::HeaderMismatch { .. } => "transform files of different tables one by one",
        Error::RecordTooLong { .. } => "close the quote that was opened there",
        Error::MixedDates { .. } | Error::AmbiguousDates { .. } => {
            "say how they are written with --date-format"
        }
        Error::NoSeries { .. } => "check --series-column and --series-value",
        Error::AllRejected { .. } => "correct the data, or the columns and formats configured",
        Error::TooFewRows { .. } => {
            "give more rows, a shorter horizon or window, or other `split` fractions"
        }
        Error::ConstantLabel { .. } => "choose another --label, or more rows",
        Error::NoFeatures { .. } => "name other columns with --feature",
        Error::Encoding { .. } => "correct that row, or use --price-representation raw",
        Error::NothingToValidate => "add --runner dataflow, or use --dry-run",
        Error::JobOutput { .. } => "remove that folder, and run again with another --run-id",
        Error::Temporary { .. } => "make room there, or set TMPDIR to a folder with room",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    /// polars fails only where this crate is mistaken, so no input shows this message.
    #[test]
    fn a_failure_of_polars_is_named() {
        let source = polars::error::PolarsError::ComputeError("lengths differ".into());
        let error = Error::Frame {
            action: "write a Parquet file",
            source,
        };
        assert_eq!(error.to_string(), "cannot write a Parquet file");
        assert_eq!(error.source().unwrap().to_string(), "lengths differ");
        assert_eq!((error.exit(), error.hint()), (Exit::Failure, None));
    }
}
