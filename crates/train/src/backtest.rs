//! Walk-forward back-test: the model refitted and measured over several periods.

use std::ops::ControlFlow;

use artifacts::RegressionMetrics;
use trainer::{FitOptions, Step, Stop, dataset::Rows, metrics::evaluate};

use crate::{Error, input::Input, training};

/// One fold: fitted on the rows before a period, measured on it.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    pub(crate) train_rows: usize,
    /// First and last instant of the period, milliseconds since 1970-01-01T00:00Z.
    pub(crate) period: (i64, i64),
    pub(crate) model: RegressionMetrics,
    pub(crate) naive: RegressionMetrics,
}

/// Refits over `count` periods of one length, the younger half of the train and eval rows; each
/// fold has all rows before its period but the horizon's. The test split has no part in it.
/// Means and scales of the encoding stay those of the train split.
pub(crate) fn run(
    input: &Input,
    count: u32,
    options: &FitOptions,
    look: &mut dyn FnMut(&Step) -> ControlFlow<Stop>,
) -> Result<Vec<Fold>, Error> {
    let all = input.train.followed_by(&input.eval);
    let gap = input.dataset.schema().horizon as usize;
    let count = count as usize;
    let (rows, start) = (all.len(), all.len() / 2);
    let length = (rows - start).checked_div(count).unwrap_or_default();
    if count > 0 && (length == 0 || start <= gap) {
        return Err(Error::Backtest { folds: count, rows });
    }
    (0..count)
        .map(|fold| {
            let first = start + fold * length;
            let train = all.slice(0..first - gap);
            let period = all.slice(first..first + length);
            measure(&train, &period, options, look)
        })
        .collect()
}

fn measure(
    train: &Rows,
    period: &Rows,
    options: &FitOptions,
    look: &mut dyn FnMut(&Step) -> ControlFlow<Stop>,
) -> Result<Fold, Error> {
    let fit = trainer::fit(&train.encoded, &period.encoded, options, look)
        .map_err(training::fit_error)?;
    let predictions = period.predict(&fit.network)?;
    let mut buffer = Vec::new();
    let mut instant = |row: usize| -> Result<i64, Error> {
        let instants = &period.examples.instants;
        Ok(instants.read(row..row + 1, &mut buffer)?[0])
    };
    Ok(Fold {
        train_rows: train.len(),
        period: (instant(0)?, instant(period.len() - 1)?),
        model: evaluate(&predictions, &period.examples.labels)?,
        naive: evaluate(&period.examples.naive, &period.examples.labels)?,
    })
}
