//! Why a table could not be predicted.

use storage::Uri;

/// Why a table could not be predicted.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// The repository serves no version of the model.
    #[error("no version of `{model_name}` is served")]
    NothingServed {
        /// Name of the model.
        model_name: String,
    },
    /// The table cannot be read from its store.
    #[error("cannot read the table {input}")]
    Fetch {
        /// Address of the table.
        input: Uri,
        /// What the store said.
        source: Box<storage::Error>,
    },
    /// The predictions cannot be written to their store.
    #[error("cannot write the predictions {output}")]
    Publish {
        /// Address of the predictions.
        output: Uri,
        /// What the store said.
        source: Box<storage::Error>,
    },
    /// A file on this machine's disk cannot be used.
    #[error("cannot {action} {path}")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The table is not what the model takes.
    #[error("cannot predict the table {input}")]
    Table {
        /// Address of the table.
        input: Uri,
        /// What is wrong.
        source: Box<Problem>,
    },
}

impl PredictError {
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NothingServed { .. } => "deploy the model first, or name a folder with --model",
            Self::Fetch { source, .. } | Self::Publish { source, .. } => return source.hint(),
            Self::Disk { .. } => "check the path, its permissions and the space on the disk",
            Self::Table { source, .. } => match **source {
                Problem::Cancelled => "run the same again",
                _ => "give a table with a number column for each of the model's inputs",
            },
        };
        Some(hint.to_owned())
    }
}

/// What is wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// An input of the model is no column.
    #[error("it has no column `{column}`; it has {found}")]
    MissingColumn {
        /// The input.
        column: String,
        /// The columns there are.
        found: String,
    },
    /// A column holds something else than numbers.
    #[error("its column `{column}` is {found}, not a number")]
    NotANumber {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// The column to be added is there already.
    #[error("it has a column `{column}` already")]
    Taken {
        /// The column.
        column: &'static str,
    },
    /// The file is not Parquet, or is damaged.
    #[error(transparent)]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The file is not CSV, or is damaged.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// The predictions cannot be written.
    #[error("the predictions cannot be written")]
    Write(#[from] std::io::Error),
    /// The run was asked to stop.
    #[error("stopped before the end")]
    Cancelled,
}
