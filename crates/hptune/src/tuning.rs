//! The study itself: trials on worker threads.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use artifacts::{Goal, Trial, TrialParameter, TrialState, Trials, figure};
use component::{Context, Progress, Unit};
use trainer::{
    FitOptions, Threads,
    search::{Stopper, Study, Suggestion},
};

use crate::{
    Args, Error,
    input::Input,
    journal::Journal,
    study::Plan,
    trial::{Runner, requested, told},
    warm_start::WarmStart,
};

/// Runs all trials. The table does not depend on the number of workers.
pub(crate) fn run(
    input: &Input,
    plan: &Plan,
    args: &Args,
    context: &Context,
    journal: Option<&Journal>,
    warm_start: &mut WarmStart,
) -> Result<Trials, Error> {
    let mut study = plan.begin(args, input.train.encoded.width())?;
    warm_start.teach(&mut study);
    let mut trials = Trials::new(&plan.metrics[0].id, Goal::Minimize);
    trials.further_metrics = plan.spec.metrics[1..].to_vec();
    let progress = context.progress(
        "tuning",
        Unit::Items("trials"),
        Some(plan.max_trial_count.into()),
    );
    let worker = Worker {
        runner: Runner {
            input,
            plan,
            context,
            rest: FitOptions {
                eval_every: args.eval_steps,
                patience: (args.patience > 0).then_some(args.patience),
                seed: args.seed,
                ..FitOptions::default()
            },
        },
        progress: &progress,
        state: Mutex::new(State {
            study,
            trials,
            failure: None,
        }),
        changed: Condvar::new(),
        journal,
    };
    let at_a_time = plan.parallel_trial_count.min(plan.max_trial_count);
    let threads = (0..at_a_time).map(|_| Threads::new(args.threads(at_a_time)));
    let threads: Vec<Threads> = threads.collect::<Result<_, _>>().map_err(Error::Threads)?;
    thread::scope(|scope| {
        for threads in &threads {
            scope.spawn(|| threads.run(|| worker.work()));
        }
    });
    progress.finish();
    let state = worker.state.into_inner();
    let State {
        mut trials,
        failure,
        ..
    } = state.unwrap_or_else(PoisonError::into_inner);
    match failure {
        Some(error) => Err(error),
        None if context.cancel.is_cancelled() => Err(Error::Cancelled),
        None => {
            trials.pareto_front = trials.compromises();
            Ok(trials)
        }
    }
}

/// What all threads work with.
struct Worker<'a> {
    runner: Runner<'a>,
    progress: &'a Progress,
    state: Mutex<State>,
    /// A trial ended, or the study failed.
    changed: Condvar,
    journal: Option<&'a Journal>,
}

struct State {
    study: Study,
    trials: Trials,
    /// Why no further trial is begun.
    failure: Option<Error>,
}

impl Worker<'_> {
    fn work(&self) {
        while let Some((number, parameters, stopper)) = self.next() {
            let trial = match self.runner.run(number, parameters, stopper.as_ref()) {
                Ok(Some(trial)) => trial,
                Ok(None) => return,
                Err(error) => {
                    self.lock().failure.get_or_insert(error.into());
                    return self.changed.notify_all();
                }
            };
            let mut state = self.lock();
            self.record(&mut state, number, trial);
            self.changed.notify_all();
            let Some(journal) = self.journal else {
                continue;
            };
            let trials = state.trials.trials.clone();
            drop(state);
            if let Err(error) = journal.write(&trials) {
                self.lock().failure.get_or_insert(error);
                self.changed.notify_all();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next trial; `None` when the study is over.
    fn next(&self) -> Option<(usize, Vec<TrialParameter>, Option<Stopper>)> {
        let plan = self.runner.plan;
        let mut state = self.lock();
        loop {
            let enough = state.trials.trials.len() >= plan.max_trial_count as usize;
            let cancelled = self.runner.context.cancel.is_cancelled();
            if enough || state.failure.is_some() || cancelled {
                return None;
            }
            match state.study.ask() {
                Suggestion::Finished => return None,
                Suggestion::Wait => {
                    let waited = self.changed.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
                Suggestion::Trial { number, parameters } => {
                    let begun = requested(number, parameters.clone());
                    state.trials.trials.push(begun);
                    let earlier = self.journal.and_then(|j| j.finished(number, &parameters));
                    let Some(trial) = earlier else {
                        let stopper = state.study.stopper(number);
                        return Some((number, parameters, stopper));
                    };
                    self.record(&mut state, number, trial);
                    self.changed.notify_all();
                }
            }
        }
    }

    /// Takes in a trial that is over, of this run or from the journal.
    fn record(&self, state: &mut State, number: usize, trial: Trial) {
        let (outcome, curve) = told(&self.runner.plan.metrics, &trial);
        state.study.tell(number, outcome, curve);
        state.trials.trials[number - 1] = trial;
        self.tell_people(state, number);
        if let Some(error) = self.too_many_failed(&state.trials) {
            state.failure.get_or_insert(error);
        }
    }

    fn tell_people(&self, state: &State, number: usize) {
        let total = self.runner.plan.max_trial_count;
        let metric = &state.trials.metric_id;
        let trial = &state.trials.trials[number - 1];
        let best = state.trials.best().and_then(|best| best.metric(metric));
        let best = best.map_or("none".to_owned(), figure);
        let value = figure(trial.metric(metric).unwrap_or(f64::NAN));
        let steps = trial.measurements.last().map_or(0, |last| last.step_count);
        let result = match trial.state {
            TrialState::Stopped => format!("{value}, stopped at step {steps}"),
            TrialState::Infeasible => trial.infeasible_reason.clone().unwrap_or_default(),
            _ => value,
        };
        self.progress.message(format!("best {metric} {best}"));
        self.progress.inc(1);
        tracing::info!("trial {number}/{total}: {metric} {result}, best so far {best}");
    }

    fn too_many_failed(&self, trials: &Trials) -> Option<Error> {
        let allowed = self.runner.plan.max_failed_trial_count?;
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
