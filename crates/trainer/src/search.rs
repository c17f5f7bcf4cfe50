//! Hyperparameter search behind an ask / tell interface of the project's own.
//!
//! ```text
//! Study::new(spec) → ask → Suggestion::Trial → (train, measure) → tell → ask → …
//! ```
//!
//! A proposal depends on the study's specification, its seed, and the results of the trials that
//! are at least [`StudyOptions::ahead`] places before it, never on which trials happen to have
//! ended: so a study gives the same trials whatever the number of workers.

mod acquisition;
mod error;
mod gaussian_process;
mod sampling;
mod space;
mod surrogate;
#[cfg(test)]
mod tests;

use artifacts::{Goal, StudySpec, TrialParameter};

pub use error::SearchError;

use space::Space;
use surrogate::Observation;

/// What a study depends on beside its specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StudyOptions {
    /// Random seed.
    pub seed: u64,
    /// Trials proposed without waiting for the results of those right before them; at least 1.
    /// This many can run at once after the first, space-filling ones. It belongs to the study:
    /// another value gives other trials, another number of workers does not.
    pub ahead: usize,
}

impl Default for StudyOptions {
    fn default() -> Self {
        Self { seed: 0, ahead: 4 }
    }
}

/// Answer to [`Study::ask`].
#[derive(Clone, Debug, PartialEq)]
pub enum Suggestion {
    /// Run this.
    Trial {
        /// Number of the trial, from 1, to [`Study::tell`] the result.
        number: usize,
        /// A value for each parameter, in the order of the specification.
        parameters: Vec<TrialParameter>,
    },
    /// The next proposal needs the result of a trial that is still running.
    Wait,
    /// Every point of the (finite) space has been proposed.
    Exhausted,
}

/// How points are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    /// Gaussian process with expected improvement.
    GaussianProcess,
    /// Uniformly at random in the scaled space.
    Random,
    /// Every point in turn, the last parameter fastest.
    Grid,
}

/// A running search.
#[derive(Clone, Debug)]
pub struct Study {
    space: Space,
    algorithm: Algorithm,
    goal: Goal,
    options: StudyOptions,
    /// Proposed points of the unit cube, by trial.
    points: Vec<Vec<f64>>,
    /// What came of them; `None` while a trial runs.
    results: Vec<Option<Outcome>>,
}

/// What came of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The value of the study's metric; NaN and infinities count as infeasible.
    Measured(f64),
    /// The trial gave no value, for example because it diverged.
    Infeasible,
}

impl Study {
    /// A study of `spec`; what this search does not support is refused by name.
    pub fn new(spec: &StudySpec, options: StudyOptions) -> Result<Self, SearchError> {
        let [metric] = spec.metrics.as_slice() else {
            return Err(SearchError::Metrics {
                found: spec.metrics.len(),
            });
        };
        let unsupported = [
            (
                "medianAutomatedStoppingSpec",
                &spec.median_automated_stopping_spec,
            ),
            ("decayCurveStoppingSpec", &spec.decay_curve_stopping_spec),
            ("studyStoppingConfig", &spec.study_stopping_config),
        ];
        if let Some((field, _)) = unsupported.iter().find(|(_, value)| value.is_some()) {
            return Err(SearchError::Unsupported { field });
        }
        let selection = spec.measurement_selection_type.as_deref();
        if !matches!(
            selection,
            None | Some(
                "MEASUREMENT_SELECTION_TYPE_UNSPECIFIED" | "LAST_MEASUREMENT" | "BEST_MEASUREMENT"
            )
        ) {
            return Err(SearchError::MeasurementSelection {
                found: selection.unwrap_or_default().to_owned(),
            });
        }
        let algorithm = match spec.algorithm.as_deref() {
            None | Some("ALGORITHM_UNSPECIFIED") => Algorithm::GaussianProcess,
            Some("RANDOM_SEARCH") => Algorithm::Random,
            Some("GRID_SEARCH") => Algorithm::Grid,
            Some(found) => {
                return Err(SearchError::Algorithm {
                    found: found.to_owned(),
                });
            }
        };
        let space = Space::new(&spec.parameters)?;
        if algorithm == Algorithm::Grid
            && let Some(parameter) = space.first_continuous()
        {
            return Err(SearchError::ContinuousGrid {
                parameter: parameter.to_owned(),
            });
        }
        Ok(Self {
            space,
            algorithm,
            goal: metric.goal,
            options: StudyOptions {
                ahead: options.ahead.max(1),
                ..options
            },
            points: Vec::new(),
            results: Vec::new(),
        })
    }

    /// The next trial to run.
    pub fn ask(&mut self) -> Suggestion {
        let index = self.points.len();
        if self.space.size().is_some_and(|size| index as u64 >= size) {
            return Suggestion::Exhausted;
        }
        let point = match self.algorithm {
            Algorithm::Random => self.random_point(index),
            Algorithm::Grid => self.space.grid_point(index as u64),
            Algorithm::GaussianProcess if index < self.space_filling() => {
                sampling::spread(self.options.seed, index, self.space.width())
            }
            Algorithm::GaussianProcess => match self.observations(index) {
                Some(observed) => self.improve(index, &observed),
                None => return Suggestion::Wait,
            },
        };
        let point = self.space.snap(&point);
        let parameters = self.space.parameters(&point);
        self.points.push(point);
        self.results.push(None);
        Suggestion::Trial {
            number: index + 1,
            parameters,
        }
    }

    /// Tells what came of trial `number`.
    ///
    /// # Panics
    /// If no such trial was asked for, or it was told before: a caller's mistake.
    pub fn tell(&mut self, number: usize, outcome: Outcome) {
        let result = &mut self.results[number - 1];
        assert!(result.is_none(), "trial {number} is told once");
        *result = Some(outcome);
    }

    /// Trials that fill the space evenly before the model of it is worth asking.
    fn space_filling(&self) -> usize {
        (2 * self.space.width()).clamp(4, 20)
    }

    /// What trial `index` may know; `None` while one of these trials runs.
    fn observations(&self, index: usize) -> Option<Vec<Observation>> {
        let known = (index + 1).saturating_sub(self.options.ahead);
        let observe = |result: &Option<Outcome>| {
            result.map(|outcome| match (outcome, self.goal) {
                (Outcome::Measured(value), _) if !value.is_finite() => Observation::Infeasible,
                (Outcome::Measured(value), Goal::Minimize) => Observation::Cost(value),
                (Outcome::Measured(value), Goal::Maximize) => Observation::Cost(-value),
                (Outcome::Infeasible, _) => Observation::Infeasible,
            })
        };
        self.results[..known].iter().map(observe).collect()
    }

    /// The point of largest expected improvement, given the first results.
    fn improve(&self, index: usize, observed: &[Observation]) -> Vec<f64> {
        let mut random = sampling::stream(self.options.seed, index as u64);
        let categorical = self.space.categorical();
        match surrogate::fit(&self.points, observed, &categorical, &mut random) {
            Some(surrogate) => {
                acquisition::maximise(&surrogate, &self.space, &self.points, &mut random)
            }
            None => self.random_point(index),
        }
    }

    fn random_point(&self, index: usize) -> Vec<f64> {
        let mut random = sampling::stream(self.options.seed, index as u64);
        (0..self.space.width()).map(|_| random.uniform()).collect()
    }
}
