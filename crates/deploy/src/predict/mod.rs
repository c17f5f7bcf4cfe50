//! `deploy predict`: predictions for a whole table, row group by row group.
//!
//! The output is the input with one more column, `prediction`; it is empty for a row the model
//! cannot predict. Memory does not grow with the table: one row group (Parquet) or a few thousand
//! rows (CSV) are held at a time.

mod csv_table;
mod error;
mod parquet_table;
mod spool;

use std::fs::File;

use component::{Context, Outcome, Outputs, Plan};
use model::RowError;
use serde_json::json;
use storage::{Storage, Uri};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use self::error::{PredictError, Problem};
use self::spool::{Incoming, Outgoing};
use crate::args::PredictArgs;
use crate::servable::Servable;
use crate::{Error, target};

/// Name of the column that is added.
const PREDICTION: &str = "prediction";

/// Predicts a table.
pub(crate) async fn run(args: &PredictArgs, context: &Context) -> Result<Outcome, Error> {
    let input = args
        .input
        .as_ref()
        .ok_or_else(|| Error::missing("--input"))?;
    let output = args
        .output
        .as_ref()
        .ok_or_else(|| Error::missing("--output"))?;
    let format = Format::of("--input", input)?;
    if Format::of("--output", output)? != format {
        return Err(Error::Flag {
            flag: "--output",
            value: output.to_string(),
            problem: "is of another format than --input",
            hint: "give both the extension .parquet, or both .csv",
        });
    }
    let folder = model_folder(args)?;
    if context.dry_run {
        return Ok(Outcome::Plan(Plan {
            reads: vec![folder.to_string(), input.to_string()],
            does: vec![format!("adds the column {PREDICTION} to every row")],
            writes: vec![output.to_string()],
        }));
    }
    let storage = Storage::from_env();
    let (_, model) = Servable::open(&storage, &folder).await?;
    let incoming = Incoming::fetch(&storage, input).await?;
    let outgoing = Outgoing::begin(output)?;
    let (read, write) = (incoming.open()?, outgoing.create()?);
    let cancel = context.cancel.clone();
    let work = move || format.predict(&model, read, write, &cancel);
    let counted = component::blocking(work).await;
    let counted = counted.map_err(|problem| PredictError::Table {
        input: input.clone(),
        source: Box::new(problem),
    })?;
    outgoing.publish(&storage, output).await?;
    let Counts { rows, refused, .. } = counted;
    if let Some(first) = &counted.first_refusal {
        warn!(refused, "rows without a prediction; the first is {first}");
    }
    info!(rows, "predicted {input}");
    let metadata = json!({ "rows": rows, "refused_rows": refused });
    Ok(Outcome::Done(
        Outputs::new()
            .artifact("output", output, metadata)
            .parameter("rows", rows)
            .parameter("refused_rows", refused),
    ))
}

/// The folder of the model the flags name: as it is, or the served version of a repository.
fn model_folder(args: &PredictArgs) -> Result<Uri, Error> {
    if let Some(folder) = &args.model {
        return Ok(folder.clone());
    }
    if args.target.model_repository.is_none() {
        return Err(Error::missing("--model or --model-repository"));
    }
    let repository = target::repository(&args.target)?;
    let served = repository
        .pointer()?
        .and_then(|pointer| pointer.model_version);
    let version = served.ok_or_else(|| PredictError::NothingServed {
        model_name: repository.model_name().to_owned(),
    })?;
    Ok(Uri::local(repository.version_folder(version)))
}

/// Formats of tables, by their extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Parquet,
    Csv,
}

impl Format {
    fn of(flag: &'static str, uri: &Uri) -> Result<Self, Error> {
        let name = uri.to_string();
        match name.rsplit_once('.') {
            Some((_, "parquet")) => Ok(Self::Parquet),
            Some((_, "csv")) => Ok(Self::Csv),
            _ => Err(Error::Flag {
                flag,
                value: name,
                problem: "is neither Parquet nor CSV by its name",
                hint: "give an address that ends in .parquet or .csv",
            }),
        }
    }

    fn predict(
        self,
        model: &Servable,
        input: File,
        output: File,
        cancel: &CancellationToken,
    ) -> Result<Counts, Problem> {
        match self {
            Self::Parquet => parquet_table::predict(model, input, output, cancel),
            Self::Csv => csv_table::predict(model, input, output, cancel),
        }
    }
}

/// What became of the rows.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    rows: u64,
    /// Rows without a prediction.
    refused: u64,
    /// Number of the first of them, from 1, and why.
    first_refusal: Option<String>,
}

impl Counts {
    /// Predicts raw rows (n × inputs, row-major); a cell that is missing is NaN. Rows the model
    /// cannot take have no prediction, nor have those too far out for it to be a finite number.
    fn predict(&mut self, model: &Servable, rows: &[f32]) -> Vec<Option<f64>> {
        let rows = rows.chunks_exact(model.inputs().len());
        let checks: Vec<_> = rows.clone().map(|row| model.check_row(row)).collect();
        let good = rows.zip(&checks).filter(|(_, check)| check.is_ok());
        let good: Vec<f32> = good.flat_map(|(row, _)| row).copied().collect();
        let mut predictions = model.predict(&good).into_iter();
        let mut take = |check: Result<(), RowError>| {
            self.rows += 1;
            let problem = match check.map(|()| predictions.next()) {
                Ok(prediction) if prediction.is_some_and(f64::is_finite) => return prediction,
                Ok(_) => "its prediction is not a finite number".to_owned(),
                Err(error) => error.to_string(),
            };
            self.refuse(&problem);
            None
        };
        checks.into_iter().map(&mut take).collect()
    }

    fn refuse(&mut self, problem: &str) {
        self.refused += 1;
        let row = self.rows;
        self.first_refusal
            .get_or_insert_with(|| format!("row {row}: {problem}"));
    }
}
