//! The run itself: fit, measure, describe. No I/O but that of rows that outgrow memory.

use std::ops::ControlFlow;
use std::sync::Arc;

use artifacts::{
    Evaluation, FORMAT_VERSION, Golden, InputDistribution, Metrics, ModelMetadata, Provenance,
    TrainingSummary, figure,
};
use component::{Context, Unit};
use model::Model;
use trainer::{
    Fit, FitError, FitOptions, Step, Stop, Threads, Training,
    baselines::{Baselines, naive_name},
    dataset::Rows,
    examples::Examples,
    metrics::evaluate,
    store::{Column, StoreError},
    uncertainty::{self, Predicted},
};

use crate::{
    Args, Error,
    backtest::{self, Fold},
    checkpoint::Checkpoint,
    hypertune::Tuner,
    input::Input,
    model_card, report,
};

/// Rows whose predictions are kept beside the model.
const GOLDEN_ROWS: usize = 16;

/// Rows at most that tell how the inputs are distributed.
const DISTRIBUTION_ROWS: usize = 100_000;
/// Relative difference a server may show: f32 arithmetic in another order.
const GOLDEN_TOLERANCE: f64 = 1e-5;

/// A trained model and everything that is written beside it.
pub(crate) struct Trained {
    pub(crate) model: Model,
    pub(crate) onnx: Vec<u8>,
    pub(crate) golden: Golden,
    pub(crate) report: String,
    pub(crate) model_card: String,
    /// The looks at the eval split.
    pub(crate) history: Vec<Step>,
    /// Test rows and the predictions that a reader of the model must reproduce.
    pub(crate) test: Rows,
    pub(crate) test_predictions: Column<f64>,
    /// What it was trained on.
    pub(crate) threads: Arc<Threads>,
}

/// Trains on threads of its own, so that signals are answered meanwhile.
pub(crate) async fn run(
    input: Input,
    args: &Args,
    context: &Context,
    mut checkpoint: Option<Checkpoint>,
) -> Result<(Trained, Option<Checkpoint>), Error> {
    let (args, context) = (args.clone(), context.clone());
    let threads = Arc::new(Threads::new(args.threads()).map_err(Error::Threads)?);
    component::blocking(move || {
        let trained =
            threads.run(|| train(&input, &args, &context, checkpoint.as_mut(), &threads))?;
        Ok((trained, checkpoint))
    })
    .await
}

fn train(
    input: &Input,
    args: &Args,
    context: &Context,
    checkpoint: Option<&mut Checkpoint>,
    threads: &Arc<Threads>,
) -> Result<Trained, Error> {
    let dataset = &input.dataset;
    let schema = dataset.schema();
    let params = dataset.transform().params();
    let baselines =
        Baselines::fit(schema, params, &input.train.examples).map_err(Error::Baselines)?;
    let options = input.hyperparameters.fit_options(&args.fit_options());
    let fit = fit(input, &options, args, context, checkpoint)?;

    let folds = backtest(input, args.backtest, &options, context)?;

    let eval_predictions = input.eval.predict(&fit.network)?;
    let test_predictions = input.test.predict(&fit.network)?;
    let evaluation = |rows: &Rows, predictions: &Column<f64>| -> Result<Evaluation, StoreError> {
        let examples = &rows.examples;
        let Examples { naive, labels, .. } = examples;
        Ok(Evaluation {
            model: evaluate(predictions, labels)?,
            baselines: baselines.evaluate(examples)?,
            skill: uncertainty::skill(predictions, naive, labels, schema.horizon)?,
        })
    };
    let metadata = ModelMetadata {
        version: FORMAT_VERSION,
        schema: schema.clone(),
        transform_params: params.clone(),
        training: TrainingSummary {
            hyperparameters: input.hyperparameters.to_map(),
            hidden_units: options.hidden_units.clone(),
            seed: options.seed,
            steps: fit.steps,
            best_step: fit.kept_step,
        },
        metrics: Metrics {
            version: FORMAT_VERSION,
            unit: schema.label_unit.clone(),
            naive_baseline: naive_name(schema),
            eval: evaluation(&input.eval, &eval_predictions)?,
            test: evaluation(&input.test, &test_predictions)?,
            intervals: uncertainty::intervals(
                params.label.encoding,
                predicted(&input.eval, &eval_predictions),
                predicted(&input.test, &test_predictions),
            )?,
        },
        inputs: distributions(&schema.inputs, &input.train.examples.inputs)?,
        provenance: Provenance {
            build: context.build(),
            inputs: input.files.clone(),
        },
    };
    tracing::info!(
        steps = fit.steps,
        kept_step = fit.kept_step,
        eval_root_mean_squared_error = metadata.metrics.eval.model.root_mean_squared_error,
        test_root_mean_squared_error = metadata.metrics.test.model.root_mean_squared_error,
        "trained"
    );
    for line in metadata.metrics.to_text().lines() {
        tracing::info!("{line}");
    }
    tell_skill(&metadata.metrics);
    let golden = golden(input, &test_predictions)?;
    let splits = [
        report::Split::read("eval", &input.eval.examples, &eval_predictions)?,
        report::Split::read("test", &input.test.examples, &test_predictions)?,
    ];
    let report = report::html(&metadata, &fit.history, &splits, &folds);
    let labels = model_card::Labels::read(input)?;
    let model_card = model_card::markdown(&metadata, args, &labels, &folds);
    let model = Model::new(metadata, fit.network).map_err(Error::Model)?;
    Ok(Trained {
        onnx: model.to_onnx(),
        model,
        golden,
        report,
        model_card,
        history: fit.history,
        test: input.test.clone(),
        test_predictions,
        threads: Arc::clone(threads),
    })
}

/// How the inputs are distributed over raw rows; of very many, over as many spread over all of them.
fn distributions(
    names: &[String],
    inputs: &Column<f64>,
) -> Result<Vec<InputDistribution>, StoreError> {
    let count = DISTRIBUTION_ROWS.min(inputs.rows());
    let mut columns = vec![Vec::with_capacity(count); names.len()];
    let mut buffer = Vec::new();
    for row in (0..count).map(|i| i * inputs.rows() / count) {
        let values = inputs.read(row..row + 1, &mut buffer)?;
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(*value as f32);
        }
    }
    let named = names.iter().zip(columns);
    Ok(named
        .filter_map(|(name, values)| InputDistribution::of(name, values))
        .collect())
}

fn fit(
    input: &Input,
    options: &FitOptions,
    args: &Args,
    context: &Context,
    mut checkpoint: Option<&mut Checkpoint>,
) -> Result<Fit, Error> {
    let mut tuner = Tuner::from_env(&args.tuning_metric);
    let steps = Unit::Items("steps");
    let progress = context.progress("training", steps, Some(options.train_steps));
    let mut best = f64::INFINITY;
    let mut tell = |look: &Step| {
        best = best.min(look.eval_root_mean_squared_error);
        progress.message(format!("best eval RMSE {}", figure(best)));
        progress.set(look.step);
        tuner.as_mut().map_or(Ok(()), |tuner| tuner.report(look))
    };
    let (train, eval) = (&input.train.encoded, &input.eval.encoded);
    let training = match &mut checkpoint {
        Some(checkpoint) => checkpoint.resume(train, eval, options),
        None => Training::new(train, eval, options),
    };
    let mut training = training.map_err(fit_error)?;
    // Those from before an interruption, too: the tuner's file may be of another machine.
    training.history().iter().try_for_each(&mut tell)?;
    loop {
        let cancelled = context.cancel.is_cancelled();
        if let Some(checkpoint) = &mut checkpoint
            && (cancelled || checkpoint.is_due(&training))
        {
            checkpoint.save(&training)?;
        }
        if cancelled {
            return Err(Error::Cancelled);
        }
        if !training.advance().map_err(fit_error)? {
            break;
        }
        tell(training.last())?;
    }
    let fit = training.finish();
    progress.finish();
    if let Some(tuner) = &mut tuner {
        // At the last step, whichever step's weights were kept.
        let kept = Step {
            step: fit.steps,
            ..*fit.kept()
        };
        tuner.conclude(&kept)?;
    }
    if fit.kept_step == 0 {
        tracing::warn!("no step did better on the eval split than the network it began with");
    }
    Ok(fit)
}

fn predicted<'a>(rows: &'a Rows, predictions: &'a Column<f64>) -> Predicted<'a> {
    Predicted {
        predictions,
        labels: &rows.examples.labels,
    }
}

fn backtest(
    input: &Input,
    count: u32,
    options: &FitOptions,
    context: &Context,
) -> Result<Vec<Fold>, Error> {
    let mut observe = |_: &Step| {
        if context.cancel.is_cancelled() {
            return ControlFlow::Break(Stop::Cancel);
        }
        ControlFlow::Continue(())
    };
    let folds = backtest::run(input, count, options, &mut observe)?;
    for (number, fold) in (1..).zip(&folds) {
        tracing::info!(
            train_rows = fold.train_rows,
            root_mean_squared_error = fold.model.root_mean_squared_error,
            naive = fold.naive.root_mean_squared_error,
            "back-test period {number}/{count}"
        );
    }
    Ok(folds)
}

/// Says plainly whether the model is better than the naive forecast.
fn tell_skill(metrics: &Metrics) {
    let naive = &metrics.naive_baseline;
    let Some(skill) = &metrics.test.skill else {
        return;
    };
    let interval = format!("{:.3} to {:.3}", skill.low, skill.high);
    if skill.is_shown() {
        tracing::info!(
            "skill against {naive} on the test split {:.3} ({interval})",
            skill.value
        );
    } else {
        tracing::warn!(
            "no skill against {naive} is shown on the test split: {:.3} ({interval})",
            skill.value
        );
    }
}

pub(crate) fn fit_error(error: FitError) -> Error {
    match error {
        FitError::Cancelled { .. } => Error::Cancelled,
        error => Error::Fit(error),
    }
}

/// Test rows spread over the whole split, with their predictions.
fn golden(input: &Input, predictions: &Column<f64>) -> Result<Golden, StoreError> {
    let inputs = &input.test.examples.inputs;
    let count = GOLDEN_ROWS.min(inputs.rows());
    let rows = (0..count).map(|i| i * inputs.rows() / count);
    let mut golden = Golden {
        version: FORMAT_VERSION,
        inputs: input.dataset.schema().inputs.clone(),
        instances: Vec::new(),
        predictions: Vec::new(),
        relative_tolerance: GOLDEN_TOLERANCE,
    };
    let mut buffer = Vec::new();
    for row in rows {
        let instance = inputs.read(row..row + 1, &mut buffer)?.to_vec();
        golden.instances.push(instance);
        predictions.append(row..row + 1, &mut golden.predictions)?;
    }
    Ok(golden)
}
