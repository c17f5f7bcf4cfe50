//! One trial: a fit with the study's values, and what is recorded of it.

use std::ops::ControlFlow;

use artifacts::{Trial, TrialParameter, TrialState};
use component::Context;
use trainer::{
    Fit, FitError, FitOptions, Step, Stop,
    hyperparameters::{HyperparameterError, Hyperparameters, canonical},
    search::{Curve, Outcome, Stopper},
    store::StoreError,
};

use crate::{
    input::Input,
    metric::{Metric, measure, select},
    study::Plan,
};

/// What trials share.
pub(crate) struct Runner<'a> {
    pub(crate) input: &'a Input,
    pub(crate) plan: &'a Plan,
    pub(crate) context: &'a Context,
    /// What no study searches.
    pub(crate) rest: FitOptions,
}

impl Runner<'_> {
    /// Fits one network; `None` when tuning was cancelled, which is no result. Rows that cannot be
    /// read are no trial's fault, and end the study.
    pub(crate) fn run(
        &self,
        number: usize,
        parameters: Vec<TrialParameter>,
        stopper: Option<&Stopper>,
    ) -> Result<Option<Trial>, StoreError> {
        let trial = requested(number, parameters);
        let infeasible = |reason: String| {
            Ok(Some(Trial {
                state: TrialState::Infeasible,
                infeasible_reason: Some(reason),
                ..trial.clone()
            }))
        };
        let options = match with_parameters(&self.plan.fixed, &trial.parameters) {
            Ok(hyperparameters) => hyperparameters.fit_options(&self.rest),
            Err(error) => return infeasible(error.to_string()),
        };
        let mut stopped = false;
        let mut curve = Curve::new();
        let mut observe = |look: &Step| {
            if self.context.cancel.is_cancelled() {
                return ControlFlow::Break(Stop::Cancel);
            }
            // The untrained network says nothing, and at the last step nothing is left to stop.
            if look.step > 0 && look.step < options.train_steps {
                let first = measure(&self.plan.metrics, look).metrics[0].value;
                curve.push((look.step, first));
                if stopper.is_some_and(|stopper| stopper.should_stop(&curve)) {
                    stopped = true;
                    return ControlFlow::Break(Stop::Finish);
                }
            }
            ControlFlow::Continue(())
        };
        let Input { train, eval, .. } = self.input;
        match trainer::fit(&train.encoded, &eval.encoded, &options, &mut observe) {
            Ok(fit) if fit.kept().eval_root_mean_squared_error.is_finite() => {
                Ok(Some(self.finished(trial, &fit, stopped)))
            }
            Ok(_) => infeasible("the metric is not a finite number".to_owned()),
            Err(FitError::Cancelled { .. }) => Ok(None),
            Err(FitError::Store(error)) => Err(error),
            Err(error) => infeasible(error.to_string()),
        }
    }

    fn finished(&self, trial: Trial, fit: &Fit, stopped: bool) -> Trial {
        let metrics = &self.plan.metrics;
        let looks = fit.history.iter();
        let measurements: Vec<_> = looks.map(|look| measure(metrics, look)).collect();
        let (state, counts) = if stopped {
            (TrialState::Stopped, measurements.last().cloned())
        } else {
            let counts = select(self.plan.selection, metrics, fit);
            (TrialState::Succeeded, Some(counts))
        };
        Trial {
            state,
            final_measurement: counts,
            measurements,
            ..trial
        }
    }
}

/// A trial that is asked for and begins.
pub(crate) fn requested(number: usize, parameters: Vec<TrialParameter>) -> Trial {
    Trial {
        id: number.to_string(),
        state: TrialState::Active,
        parameters,
        final_measurement: None,
        measurements: Vec::new(),
        infeasible_reason: None,
    }
}

/// What the search is told of a trial that is over.
pub(crate) fn told(metrics: &[Metric], trial: &Trial) -> (Outcome, Curve) {
    let values = metrics.iter().map(|metric| trial.metric(&metric.id));
    let outcome = match (values.collect::<Option<Vec<f64>>>(), trial.state) {
        (Some(values), TrialState::Succeeded) => Outcome::Measured(values),
        (Some(values), TrialState::Stopped) => Outcome::Stopped(values),
        _ => Outcome::Infeasible,
    };
    let looks = trial.measurements.iter();
    let curve = looks
        .filter(|look| look.step_count > 0)
        .filter_map(|look| Some((look.step_count as u64, look.metrics.first()?.value)));
    (outcome, curve.collect())
}

/// The fixed hyperparameters with a trial's own over them.
pub(crate) fn with_parameters(
    fixed: &Hyperparameters,
    parameters: &[TrialParameter],
) -> Result<Hyperparameters, HyperparameterError> {
    let mut hyperparameters = fixed.clone();
    for parameter in parameters {
        hyperparameters.set(&canonical(&parameter.parameter_id), &parameter.value)?;
    }
    Ok(hyperparameters)
}
