//! Why example files are refused.

/// Why an example file is refused. Rows are counted from 1, without a header.
#[derive(Debug, thiserror::Error)]
pub enum ExamplesError {
    /// The bytes are no Parquet file, a damaged one, or use an unknown codec.
    #[error("{file} is not a readable Parquet file")]
    Parquet {
        /// File name.
        file: String,
        /// What the decoder found.
        source: parquet::errors::ParquetError,
    },
    /// The bytes are not CSV, or a row has another number of cells than the header.
    #[error("{file} is not readable CSV")]
    Csv {
        /// File name.
        file: String,
        /// What the reader found, with the place.
        source: csv::Error,
    },
    /// A column of the schema is not in the file.
    #[error("{file} has no column `{column}`; it has {found}")]
    MissingColumn {
        /// File name.
        file: String,
        /// The column that was wanted.
        column: String,
        /// The columns there are, separated by commas.
        found: String,
    },
    /// A Parquet column has an unexpected type.
    #[error("{file}, column `{column}`: stored as {found}, wanted {wanted}")]
    ColumnType {
        /// File name.
        file: String,
        /// The column.
        column: String,
        /// Its type in the file.
        found: String,
        /// The type the schema's kind is stored as.
        wanted: &'static str,
    },
    /// A cell can't be used.
    #[error("{file}, column `{column}`, row {row}: {problem}")]
    Cell {
        /// File name.
        file: String,
        /// The column.
        column: String,
        /// The row, from 1.
        row: u64,
        /// What is wrong with it.
        problem: CellProblem,
    },
    /// The file and the schema come from different runs.
    #[error("{file} holds {found} rows, schema.json says {expected}")]
    RowCount {
        /// File name.
        file: String,
        /// Rows in the file.
        found: u64,
        /// Rows the schema declares.
        expected: u64,
    },
    /// Nothing to learn from, or to measure on.
    #[error("{file} holds no rows")]
    Empty {
        /// File name.
        file: String,
    },
    /// The schema uses a column it does not declare.
    #[error("schema.json uses column `{column}` but does not declare it in \"columns\"")]
    Undeclared {
        /// The column.
        column: String,
    },
    /// The schema's date column is declared a number.
    #[error("schema.json declares its date column `{column}` a number")]
    NotADate {
        /// The column.
        column: String,
    },
    /// An input, label or naive column is declared a date.
    #[error("schema.json declares column `{column}` a date, but uses it as a number")]
    NotANumber {
        /// The column.
        column: String,
    },
}

/// What is wrong with a cell.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CellProblem {
    /// Null or empty.
    #[error("empty")]
    Empty,
    /// NaN or infinite.
    #[error("{0} is not a finite number")]
    NotFinite(f64),
    /// Text that is no number.
    #[error("`{0}` is not a number")]
    NotANumber(String),
    /// Text that is no date.
    #[error("`{0}` is neither a date (YYYY-MM-DD) nor an instant (YYYY-MM-DDTHH:MM:SSZ)")]
    NotADate(String),
    /// Older than the row before it.
    #[error("older than the row before it")]
    Unordered,
}
