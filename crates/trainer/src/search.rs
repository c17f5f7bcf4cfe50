//! Hyperparameter search behind an ask / tell interface of the project's own.
//!
//! ```text
//! Study::new(spec) → ask → Suggestion::Trial → (train, measure) → tell → ask → …
//! ```
//!
//! A proposal depends on the study's specification, its seed, and the results of the trials that
//! are at least [`StudyOptions::ahead`] places before it, never on which trials happen to have
//! ended: so a study gives the same trials whatever the number of workers. The same holds for
//! which trials are stopped early ([`Study::stopper`]) and for when the study ends.
//!
//! With several metrics every other proposal looks for the best first metric, and those between
//! for the best of a weighted sum of all of them, with other weights each time (`ParEGO`, Knowles
//! 2006): so the first metric gets its optimum and the others their compromises.
//!
//! Where it is known what a trial takes ([`Study::weigh`]), the search looks for the largest expected
//! improvement for that ("per second": Snoek, Larochelle & Adams 2012, section 3.2), and begins with
//! trials that take little: a large network is tried when it promises more than many small ones.

mod acquisition;
mod effort;
mod error;
mod gaussian_process;
mod objective;
mod sampling;
mod space;
mod stopping;
mod surrogate;
#[cfg(test)]
mod tests;

use artifacts::{Goal, StudySpec, TrialParameter};

pub use effort::Effort;
pub use error::{ParameterProblem, SearchError};
pub use stopping::{Curve, Stopper};

use gaussian_process::Shape;
use sampling::Spread;
use space::Space;
use stopping::{Peer, Rule, cost};
use surrogate::Earlier;

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
        /// A value for each parameter that exists, in the order of the specification.
        parameters: Vec<TrialParameter>,
    },
    /// The next proposal needs the result of a trial that is still running.
    Wait,
    /// There is no further trial: every point of the (finite) space has been proposed, or the
    /// study's own stopping rule says so.
    Finished,
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

/// When a study ends by itself.
#[derive(Clone, Copy, Debug, Default)]
struct Ending {
    most: Option<usize>,
    least: usize,
    without_progress: Option<usize>,
}

/// A running search.
#[derive(Clone, Debug)]
pub struct Study {
    space: Space,
    algorithm: Algorithm,
    goals: Vec<Goal>,
    rule: Option<Rule>,
    ending: Ending,
    options: StudyOptions,
    /// What a trial takes, where the search asks.
    effort: Option<Effort>,
    /// The first, space-filling points.
    spread: Vec<Vec<f64>>,
    /// What other studies found, each in a group of its own.
    earlier: Vec<Finished>,
    /// Proposed points of the unit cube, by trial.
    points: Vec<Vec<f64>>,
    /// What came of them; `None` while a trial runs.
    results: Vec<Option<(Outcome, Curve)>>,
    /// The shape of the model behind the last proposal, where the next one's search begins.
    shape: Option<Shape>,
}

/// Trials of another study.
#[derive(Clone, Debug)]
struct Finished {
    points: Vec<Vec<f64>>,
    outcomes: Vec<Outcome>,
}

/// What came of a trial; values are those of the study's metrics in its order. One that is no
/// finite number makes the trial infeasible.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It ended.
    Measured(Vec<f64>),
    /// It was stopped early, and this was its last measurement.
    Stopped(Vec<f64>),
    /// It gave no value, for example because it diverged.
    Infeasible,
}

impl Outcome {
    fn values(&self) -> Option<&[f64]> {
        match self {
            Self::Measured(values) | Self::Stopped(values)
                if values.iter().all(|value| value.is_finite()) =>
            {
                Some(values)
            }
            _ => None,
        }
    }
}

/// How many of the first points, which fill the space, one is chosen from where they are not all
/// worth the same.
const CHEAPEST_OF: usize = 4;

/// Points that fill a space before the search begins.
fn filling(space: &Space) -> usize {
    (2 * space.width()).clamp(4, 20)
}

impl Study {
    /// A study of `spec`; what this search does not support is refused by name.
    pub fn new(spec: &StudySpec, options: StudyOptions) -> Result<Self, SearchError> {
        objective::check(&spec.metrics)?;
        let rule = Rule::of(spec)?;
        let ending = Ending::of(spec)?;
        if spec.convex_automated_stopping_spec.is_some() {
            let field = "convexAutomatedStoppingSpec";
            return Err(SearchError::Unsupported { field });
        }
        if !matches!(
            spec.observation_noise.as_deref(),
            None | Some("OBSERVATION_NOISE_UNSPECIFIED")
        ) {
            let field = "observationNoise";
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
        let spread = Spread::new(options.seed, space.width());
        Ok(Self {
            algorithm,
            goals: spec.metrics.iter().map(|metric| metric.goal).collect(),
            rule,
            ending,
            options: StudyOptions {
                ahead: options.ahead.max(1),
                ..options
            },
            effort: None,
            spread: spread.take(filling(&space)).collect(),
            space,
            earlier: Vec::new(),
            points: Vec::new(),
            results: Vec::new(),
            shape: None,
        })
    }

    /// Lets the study weigh what it expects of a trial against what the trial takes. The default
    /// algorithm does; the others have no use for it.
    ///
    /// # Panics
    /// After the first [`Self::ask`] or [`Self::learn_from`]: a caller's mistake.
    #[must_use]
    pub fn weigh(mut self, effort: Effort) -> Self {
        assert!(
            self.points.is_empty() && self.earlier.is_empty(),
            "a study knows what trials take before it begins"
        );
        let count = CHEAPEST_OF * filling(&self.space);
        let spread = Spread::new(self.options.seed, self.space.width()).take(count);
        let spread: Vec<Vec<f64>> = spread.map(|point| self.space.snap(&point)).collect();
        let of = |point: &Vec<f64>| effort.of(&self.space.parameters(point));
        let cheapest = spread
            .chunks(CHEAPEST_OF)
            .filter_map(|points| points.iter().min_by(|a, b| of(a).total_cmp(&of(b))));
        self.spread = cheapest.cloned().collect();
        self.effort = Some(effort);
        self
    }

    /// Lets the study begin from what another one found: trials as parameters with the values of
    /// this study's metrics, `None` for a trial that failed. Those outside of this study's space
    /// are left out; returns how many are taken. The default algorithm learns from them; the
    /// others have no use for them.
    ///
    /// # Panics
    /// After the first [`Self::ask`]: a caller's mistake.
    pub fn learn_from(&mut self, trials: &[(Vec<TrialParameter>, Option<Vec<f64>>)]) -> usize {
        assert!(self.points.is_empty(), "a study learns before it begins");
        let mut finished = Finished {
            points: Vec::new(),
            outcomes: Vec::new(),
        };
        for (parameters, values) in trials {
            if let Some(point) = self.space.place(parameters) {
                finished.points.push(point);
                finished.outcomes.push(match values {
                    Some(values) => Outcome::Measured(values.clone()),
                    None => Outcome::Infeasible,
                });
            }
        }
        let taken = finished.points.len();
        // Fewer places to fill, but never none: the other study may have measured other data.
        let left = self.spread.len().saturating_sub(taken).max(2);
        self.spread.truncate(left);
        if let Some(best) = finished.best(self.goals[0])
            && self.earlier.is_empty()
        {
            self.spread.insert(0, best);
        }
        if taken > 0 {
            self.earlier.push(finished);
        }
        taken
    }

    /// The next trial to run.
    pub fn ask(&mut self) -> Suggestion {
        let index = self.points.len();
        let all = self.space.size();
        let enough = self.ending.most.is_some_and(|most| index >= most);
        if enough || all.is_some_and(|size| index as u64 >= size) {
            return Suggestion::Finished;
        }
        let waits = self.rule.is_some() || self.ending.without_progress.is_some();
        if waits && self.known(index).is_none() {
            return Suggestion::Wait;
        }
        if self.without_progress(index) {
            return Suggestion::Finished;
        }
        let point = match self.algorithm {
            Algorithm::Random => self.random_point(index),
            Algorithm::Grid => self.space.grid_point(index as u64),
            Algorithm::GaussianProcess => match self.spread.get(index) {
                Some(point) => point.clone(),
                None => match self.improve(index) {
                    Some(point) => point,
                    None => return Suggestion::Wait,
                },
            },
        };
        let mut point = self.space.snap(&point);
        let repeats = self.algorithm == Algorithm::GaussianProcess && self.points.contains(&point);
        if repeats && all.is_some() {
            point = acquisition::unproposed(&self.space, &self.points);
        }
        let parameters = self.space.parameters(&point);
        self.points.push(point);
        self.results.push(None);
        Suggestion::Trial {
            number: index + 1,
            parameters,
        }
    }

    /// Tells what came of trial `number`, and the values of its first metric on the way.
    ///
    /// # Panics
    /// If no such trial was asked for, or it was told before: a caller's mistake.
    pub fn tell(&mut self, number: usize, outcome: Outcome, curve: Curve) {
        let result = &mut self.results[number - 1];
        assert!(result.is_none(), "trial {number} is told once");
        *result = Some((outcome, curve));
    }

    /// What decides whether trial `number`, just asked for, is stopped early; `None` where the
    /// study stops none.
    pub fn stopper(&self, number: usize) -> Option<Stopper> {
        let rule = self.rule?;
        let goal = self.goals[0];
        let peers = self.known(number - 1)?.into_iter();
        let peers = peers.filter_map(|(outcome, curve)| {
            outcome.values()?;
            let result = match outcome {
                Outcome::Measured(values) => Some(cost(values[0], goal)),
                _ => None,
            };
            let curve = curve.iter().map(|(at, value)| (*at, cost(*value, goal)));
            Some(Peer {
                curve: curve.collect(),
                result,
            })
        });
        Some(Stopper {
            rule,
            goal,
            seed: self.options.seed.wrapping_add(number as u64),
            peers: peers.collect(),
        })
    }

    /// What trial `index` may know; `None` while one of these trials runs.
    fn known(&self, index: usize) -> Option<Vec<(&Outcome, &Curve)>> {
        let known = (index + 1).saturating_sub(self.options.ahead);
        let results = self.results[..known].iter();
        results
            .map(|result| result.as_ref().map(|(outcome, curve)| (outcome, curve)))
            .collect()
    }

    /// Whether the trials before `index` went on for too long without a better first metric.
    fn without_progress(&self, index: usize) -> bool {
        let Some(longest) = self.ending.without_progress else {
            return false;
        };
        let known = self.known(index).unwrap_or_default();
        let (mut best, mut since) = (f64::INFINITY, 0);
        for (outcome, _) in &known {
            since += 1;
            if let Outcome::Measured(values) = outcome {
                let found = cost(values[0], self.goals[0]);
                if found < best {
                    (best, since) = (found, 0);
                }
            }
        }
        known.len() >= self.ending.least && since >= longest
    }

    /// The point of largest expected improvement, given the first results; `None` while one of
    /// them is missing.
    fn improve(&mut self, index: usize) -> Option<Vec<f64>> {
        let known = self.known(index)?;
        let mut random = sampling::stream(self.options.seed, index as u64);
        let weights = objective::weights(self.goals.len(), self.options.seed, index);
        let costs = |outcomes: &mut dyn Iterator<Item = &Outcome>| {
            objective::costs(outcomes, &self.goals, &weights)
        };
        let observed = costs(&mut known.into_iter().map(|(outcome, _)| outcome));
        let earlier: Vec<Earlier> = self
            .earlier
            .iter()
            .map(|study| Earlier {
                points: study.points.clone(),
                observed: costs(&mut study.outcomes.iter()),
            })
            .collect();
        let fitted = surrogate::fit(
            &self.points,
            &observed,
            &earlier,
            &self.space.categorical(),
            self.shape.as_ref(),
            &mut random,
        );
        let Some(surrogate) = fitted else {
            return Some(self.random_point(index));
        };
        let point = acquisition::maximise(
            &surrogate,
            &self.space,
            self.effort.as_ref(),
            &self.points,
            &mut random,
        );
        self.shape = Some(surrogate.process.shape().clone());
        Some(point)
    }

    fn random_point(&self, index: usize) -> Vec<f64> {
        let mut random = sampling::stream(self.options.seed, index as u64);
        (0..self.space.width()).map(|_| random.uniform()).collect()
    }
}

impl Finished {
    /// The point of the best first metric.
    fn best(&self, goal: Goal) -> Option<Vec<f64>> {
        let measured = self.points.iter().zip(&self.outcomes);
        measured
            .filter_map(|(point, outcome)| Some((cost(outcome.values()?[0], goal), point)))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, point)| point.clone())
    }
}

impl Ending {
    fn of(spec: &StudySpec) -> Result<Self, SearchError> {
        let Some(config) = &spec.study_stopping_config else {
            return Ok(Self::default());
        };
        // Time is different in every run, and so would be the trials.
        let timed = [
            (
                "studyStoppingConfig.shouldStopAsap",
                config.should_stop_asap == Some(true),
            ),
            (
                "studyStoppingConfig.maxDurationNoProgress",
                config.max_duration_no_progress.is_some(),
            ),
            (
                "studyStoppingConfig.minimumRuntimeConstraint",
                config.minimum_runtime_constraint.is_some(),
            ),
            (
                "studyStoppingConfig.maximumRuntimeConstraint",
                config.maximum_runtime_constraint.is_some(),
            ),
        ];
        if let Some((field, _)) = timed.into_iter().find(|(_, is)| *is) {
            return Err(SearchError::Unsupported { field });
        }
        // Zero is proto3's way to say nothing.
        let count = |count: Option<u32>| count.filter(|n| *n > 0).map(|n| n as usize);
        Ok(Self {
            most: count(config.max_num_trials),
            least: count(config.min_num_trials).unwrap_or(0),
            without_progress: count(config.max_num_trials_no_progress),
        })
    }
}
