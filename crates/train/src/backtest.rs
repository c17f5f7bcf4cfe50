//! Walk-forward back-test: the model refitted and measured over several periods.

use std::ops::{ControlFlow, Range};

use artifacts::RegressionMetrics;
use trainer::{
    FitOptions, Step, Stop,
    baselines::{Baselines, naive_name},
    dataset::{Dataset, Rows},
    examples::Examples,
    metrics::evaluate,
};

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
    let all = joined(&input.train.examples, &input.eval.examples);
    let gap = input.dataset.schema().horizon as usize;
    let count = count as usize;
    let (rows, start) = (all.rows(), all.rows() / 2);
    let length = (rows - start).checked_div(count).unwrap_or_default();
    if count > 0 && (length == 0 || start <= gap) {
        return Err(Error::Backtest { folds: count, rows });
    }
    (0..count)
        .map(|fold| {
            let first = start + fold * length;
            let train = part(&input.dataset, &all, 0..first - gap);
            let period = part(&input.dataset, &all, first..first + length);
            measure(&input.dataset, &train, &period, options, look)
        })
        .collect()
}

fn measure(
    dataset: &Dataset,
    train: &Rows,
    period: &Rows,
    options: &FitOptions,
    look: &mut dyn FnMut(&Step) -> ControlFlow<Stop>,
) -> Result<Fold, Error> {
    let fit = trainer::fit(&train.encoded, &period.encoded, options, look)
        .map_err(training::fit_error)?;
    let predictions = training::predict(dataset, &fit.network, period);
    let schema = dataset.schema();
    let params = dataset.transform().params();
    let baselines = Baselines::fit(schema, params, &train.examples).map_err(Error::Baselines)?;
    let instants = &period.examples.instants;
    Ok(Fold {
        train_rows: train.examples.rows(),
        period: (instants[0], instants[instants.len() - 1]),
        model: evaluate(&predictions, &period.examples.labels),
        naive: baselines.evaluate(&period.examples)[&naive_name(schema)],
    })
}

fn joined(first: &Examples, second: &Examples) -> Examples {
    Examples {
        instants: [&first.instants[..], &second.instants].concat(),
        inputs: [&first.inputs[..], &second.inputs].concat(),
        width: first.width,
        labels: [&first.labels[..], &second.labels].concat(),
        naive: [&first.naive[..], &second.naive].concat(),
    }
}

fn part(dataset: &Dataset, all: &Examples, rows: Range<usize>) -> Rows {
    let examples = Examples {
        instants: all.instants[rows.clone()].to_vec(),
        inputs: all.inputs[rows.start * all.width..rows.end * all.width].to_vec(),
        width: all.width,
        labels: all.labels[rows.clone()].to_vec(),
        naive: all.naive[rows].to_vec(),
    };
    let encoded = dataset
        .encode(&examples)
        .expect("these rows have been encoded before");
    Rows { examples, encoded }
}
