//! The study itself: trials on worker threads. No I/O.

use std::{
    ops::ControlFlow,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use artifacts::{Goal, Measurement, MetricValue, Trial, TrialParameter, TrialState, Trials};
use component::{Context, Progress, Unit};
use trainer::{
    Fit, FitError, FitOptions, Step, Stop,
    hyperparameters::{Hyperparameters, canonical},
    search::{Outcome, Study, Suggestion},
};

use crate::{Args, Error, error::StudyError, input::Input, journal::Journal, study::Plan};

/// Runs all trials. The table does not depend on the number of workers.
pub(crate) fn run(
    input: &Input,
    plan: &Plan,
    args: &Args,
    context: &Context,
    journal: Option<&Journal>,
) -> Result<Trials, Error> {
    let progress = context.progress(
        "tuning",
        Unit::Items("trials"),
        Some(plan.max_trial_count.into()),
    );
    let board = Board {
        state: Mutex::new(State {
            study: plan.begin(args)?,
            trials: Trials::new(plan.metric_id(), Goal::Minimize),
            failure: None,
        }),
        changed: Condvar::new(),
    };
    let worker = Worker {
        input,
        plan,
        context,
        progress: &progress,
        board: &board,
        journal,
        rest: FitOptions {
            eval_every: args.eval_steps,
            patience: (args.patience > 0).then_some(args.patience),
            seed: args.seed,
            ..FitOptions::default()
        },
    };
    thread::scope(|scope| {
        for _ in 0..plan.parallel_trial_count.min(plan.max_trial_count) {
            scope.spawn(|| worker.work());
        }
    });
    progress.finish();
    let State {
        trials, failure, ..
    } = board
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match failure {
        Some(error) => Err(error),
        None if context.cancel.is_cancelled() => Err(Error::Cancelled),
        None => Ok(trials),
    }
}

/// What the workers share.
struct Board {
    state: Mutex<State>,
    /// A trial ended, or the study failed.
    changed: Condvar,
}

struct State {
    study: Study,
    trials: Trials,
    /// Why no further trial is begun.
    failure: Option<Error>,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Worker<'a> {
    input: &'a Input,
    plan: &'a Plan,
    context: &'a Context,
    progress: &'a Progress,
    board: &'a Board,
    journal: Option<&'a Journal>,
    rest: FitOptions,
}

impl Worker<'_> {
    fn work(&self) {
        while let Some((number, parameters)) = self.next() {
            let result = self.trial(&parameters);
            let finished = result.is_ok();
            let mut state = self.board.lock();
            match result {
                // What a cancelled trial came to is no result.
                Ok(Err(FitError::Cancelled { .. })) => return,
                Ok(attempt) => {
                    let trial = self.finished(number, parameters, &attempt);
                    self.record(&mut state, number, &trial);
                }
                Err(source) => {
                    state.failure.get_or_insert(Error::Trial {
                        trial: number,
                        source,
                    });
                }
            }
            self.board.changed.notify_all();
            let trials = state.trials.trials.clone();
            drop(state);
            let Some(journal) = self.journal.filter(|_| finished) else {
                continue;
            };
            if let Err(error) = journal.write(&trials) {
                self.board.lock().failure.get_or_insert(error);
                self.board.changed.notify_all();
            }
        }
    }

    /// The next trial; `None` when the study is over.
    fn next(&self) -> Option<(usize, Vec<TrialParameter>)> {
        let mut state = self.board.lock();
        loop {
            let enough = state.trials.trials.len() >= self.plan.max_trial_count as usize;
            if enough || state.failure.is_some() || self.context.cancel.is_cancelled() {
                return None;
            }
            match state.study.ask() {
                Suggestion::Exhausted => return None,
                Suggestion::Wait => {
                    let waited = self.board.changed.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
                Suggestion::Trial { number, parameters } => {
                    state.trials.trials.push(Trial {
                        id: number.to_string(),
                        state: TrialState::Active,
                        parameters: parameters.clone(),
                        final_measurement: None,
                        measurements: Vec::new(),
                        infeasible_reason: None,
                    });
                    let earlier = self.journal.and_then(|j| j.finished(number, &parameters));
                    match earlier {
                        Some(trial) => {
                            self.record(&mut state, number, &trial);
                            self.board.changed.notify_all();
                        }
                        None => return Some((number, parameters)),
                    }
                }
            }
        }
    }

    /// Fits one network; the inner error is the trial's own, the outer one the study's.
    fn trial(&self, parameters: &[TrialParameter]) -> Result<Result<Fit, FitError>, StudyError> {
        let hyperparameters = with_parameters(&self.plan.fixed, parameters)?;
        let options = hyperparameters.fit_options(&self.rest);
        options.check().map_err(StudyError::Options)?;
        let mut observe = |_: &Step| {
            if self.context.cancel.is_cancelled() {
                return ControlFlow::Break(Stop::Cancel);
            }
            ControlFlow::Continue(())
        };
        let Input { train, eval, .. } = self.input;
        Ok(trainer::fit(
            &train.encoded,
            &eval.encoded,
            &options,
            &mut observe,
        ))
    }

    /// What is recorded of an attempt.
    fn finished(
        &self,
        number: usize,
        parameters: Vec<TrialParameter>,
        attempt: &Result<Fit, FitError>,
    ) -> Trial {
        let trial = Trial {
            id: number.to_string(),
            state: TrialState::Infeasible,
            parameters,
            final_measurement: None,
            measurements: Vec::new(),
            infeasible_reason: None,
        };
        let measure = |look: &Step| Measurement {
            step_count: look.step as i64,
            metrics: vec![MetricValue {
                metric_id: self.plan.metric_id().to_owned(),
                value: look.eval_root_mean_squared_error,
            }],
        };
        match attempt {
            Ok(fit) if fit.kept().eval_root_mean_squared_error.is_finite() => Trial {
                state: TrialState::Succeeded,
                final_measurement: Some(measure(fit.kept())),
                measurements: fit.history.iter().map(measure).collect(),
                ..trial
            },
            Ok(_) => Trial {
                infeasible_reason: Some("the metric is not a finite number".to_owned()),
                ..trial
            },
            Err(error) => Trial {
                infeasible_reason: Some(error.to_string()),
                ..trial
            },
        }
    }

    /// Takes in a finished trial, of this run or from the journal.
    fn record(&self, state: &mut State, number: usize, trial: &Trial) {
        let outcome = match trial.metric(self.plan.metric_id()) {
            Some(value) => Outcome::Measured(value),
            None => Outcome::Infeasible,
        };
        state.trials.trials[number - 1] = trial.clone();
        state.study.tell(number, outcome);
        self.tell_people(state, trial, outcome);
        if let Some(error) = self.too_many_failed(&state.trials) {
            state.failure.get_or_insert(error);
        }
    }

    fn tell_people(&self, state: &State, trial: &Trial, outcome: Outcome) {
        let total = self.plan.max_trial_count;
        let best = state
            .trials
            .best()
            .and_then(|best| best.metric(&state.trials.metric_id));
        let best = best.map_or("none".to_owned(), |value| format!("{value:.2}"));
        let result = match outcome {
            Outcome::Measured(value) => format!("{value:.2}"),
            Outcome::Infeasible => trial.infeasible_reason.clone().unwrap_or_default(),
        };
        self.progress.message(format!("best eval RMSE {best}"));
        self.progress.inc(1);
        let metric = self.plan.metric_id();
        tracing::info!(
            "trial {}/{total}: {metric} {result}, best so far {best}",
            trial.id
        );
    }

    fn too_many_failed(&self, trials: &Trials) -> Option<Error> {
        let allowed = self.plan.max_failed_trial_count?;
        let mut failed = trials
            .trials
            .iter()
            .filter(|trial| trial.state == TrialState::Infeasible);
        (failed.clone().count() >= allowed as usize).then(|| Error::TooManyFailed {
            failed: allowed,
            allowed,
            last: failed
                .next_back()
                .and_then(|trial| trial.infeasible_reason.clone())
                .unwrap_or_default(),
        })
    }
}

/// The fixed hyperparameters with a trial's own over them.
pub(crate) fn with_parameters(
    fixed: &Hyperparameters,
    parameters: &[TrialParameter],
) -> Result<Hyperparameters, StudyError> {
    let mut hyperparameters = fixed.clone();
    for parameter in parameters {
        hyperparameters.set(&canonical(&parameter.parameter_id), &parameter.value)?;
    }
    Ok(hyperparameters)
}
