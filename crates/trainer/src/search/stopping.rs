//! When a running trial has no prospects.
//!
//! A trial is compared with the trials at least [`super::StudyOptions::ahead`] places before it,
//! all of which are over, at equal steps: so which trials are stopped, and where, does not depend
//! on how many run at a time or how fast.

use artifacts::{Goal, StudySpec};

use super::{
    acquisition::normal_cdf, error::SearchError, gaussian_process::GaussianProcess, sampling,
};

/// Finished trials without which nothing is compared.
const FEWEST: usize = 5;
/// Chance to become the best below which a trial is stopped.
const HOPELESS: f64 = 0.01;

/// Values of a trial's metric, by step, in the order they were measured.
pub type Curve = Vec<(u64, f64)>;

/// Which rule stops trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Median,
    DecayCurve,
}

impl Rule {
    /// The rule of a specification, where it has one.
    pub(super) fn of(spec: &StudySpec) -> Result<Option<Self>, SearchError> {
        let median = ("medianAutomatedStoppingSpec", Self::Median);
        let decay = ("decayCurveStoppingSpec", Self::DecayCurve);
        let ((field, rule), given) = match (
            spec.median_automated_stopping_spec,
            spec.decay_curve_stopping_spec,
        ) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(SearchError::TwoStoppingRules),
            (Some(given), None) => (median, given),
            (None, Some(given)) => (decay, given),
        };
        if given.use_elapsed_duration {
            return Err(SearchError::ElapsedDuration { field });
        }
        match spec.metrics.len() {
            1 => Ok(Some(rule)),
            metrics => Err(SearchError::StoppingByMetrics { field, metrics }),
        }
    }
}

/// A trial that is over, as costs: smaller is better.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) curve: Curve,
    /// What it came to; `None` if it was stopped itself.
    pub(super) result: Option<f64>,
}

/// Decides about one running trial.
#[derive(Clone, Debug)]
pub struct Stopper {
    pub(super) rule: Rule,
    pub(super) goal: Goal,
    pub(super) seed: u64,
    pub(super) peers: Vec<Peer>,
}

impl Stopper {
    /// Whether a trial with this curve so far should be stopped at its last step.
    pub fn should_stop(&self, curve: &[(u64, f64)]) -> bool {
        let curve: Curve = curve
            .iter()
            .map(|(step, value)| (*step, cost(*value, self.goal)))
            .collect();
        let Some((step, _)) = curve.last() else {
            return false;
        };
        match self.rule {
            Rule::Median => self.worse_than_median(&curve, *step),
            Rule::DecayCurve => self.hopeless(&curve, *step),
        }
    }

    /// Vertex AI's median rule: the trial's best value is worse than the median of the finished
    /// trials' averages, each over what it reported up to the same step.
    fn worse_than_median(&self, curve: &[(u64, f64)], step: u64) -> bool {
        let average = |peer: &Peer| {
            let (sum, count) = up_to(&peer.curve, step)
                .iter()
                .fold((0.0, 0.0), |(sum, count), (_, cost)| {
                    (sum + cost, count + 1.0)
                });
            (count > 0.0).then(|| sum / count)
        };
        let mut averages: Vec<f64> = self.peers.iter().filter_map(average).collect();
        if averages.len() < FEWEST {
            return false;
        }
        averages.sort_by(f64::total_cmp);
        let middle = averages.len() / 2;
        let median = if averages.len().is_multiple_of(2) {
            f64::midpoint(averages[middle - 1], averages[middle])
        } else {
            averages[middle]
        };
        let best = curve.iter().map(|(_, cost)| *cost).fold(f64::NAN, f64::min);
        best > median
    }

    /// Vertex AI's decay-curve rule: a Gaussian process over the finished trials' curves predicts
    /// what the trial will come to from where it is and how it came there; it is stopped where it
    /// has next to no chance to beat the best.
    fn hopeless(&self, curve: &[(u64, f64)], step: u64) -> bool {
        let peers: Vec<(Position, f64)> = self
            .peers
            .iter()
            .filter_map(|peer| Some((Position::of(&peer.curve, step)?, peer.result?)))
            .collect();
        let Some(here) = Position::of(curve, step).filter(|_| peers.len() >= FEWEST) else {
            return false;
        };
        // A scale on which one terrible trial does not flatten the others.
        let mut results: Vec<f64> = peers.iter().map(|(_, result)| *result).collect();
        results.sort_by(f64::total_cmp);
        let seen = peers
            .iter()
            .flat_map(|(p, result)| [p.now, p.before, *result]);
        let low = seen.chain([here.now, here.before]).fold(f64::NAN, f64::min);
        let unit = Some(results[results.len() / 2] - low).filter(|unit| *unit > 0.0);
        let scale = |cost: f64| ((cost - low) / unit.unwrap_or(1.0)).ln_1p();
        let features = |p: &Position| [scale(p.now), scale(p.before) - scale(p.now)];
        let gains: Vec<f64> = peers
            .iter()
            .map(|(p, result)| scale(*result) - scale(p.now))
            .collect();
        let (gains, mean, deviation) = standardised(&gains);
        let mut places: Vec<[f64; 2]> = peers.iter().map(|(p, _)| features(p)).collect();
        places.push(features(&here));
        let mut places = unit_square(&places);
        let place = places.pop().unwrap_or_default();
        let mut random = sampling::stream(self.seed, step);
        let ordered = [false; 2];
        let shape = GaussianProcess::fit_shape(&places, &ordered, &gains, None, &mut random);
        let Some(process) = GaussianProcess::condition(&places, &ordered, &gains, shape) else {
            return false;
        };
        let (gain, unsure) = process.predict_observation(&place);
        let (end, unsure) = (
            scale(here.now) + mean + deviation * gain,
            (deviation * unsure).max(1e-9),
        );
        normal_cdf((scale(results[0]) - end) / unsure) < HOPELESS
    }
}

/// A value as a cost: smaller is better.
pub(super) fn cost(value: f64, goal: Goal) -> f64 {
    match goal {
        Goal::Minimize => value,
        Goal::Maximize => -value,
    }
}

/// Where a curve stands at a step, and where it stood at half of it.
struct Position {
    now: f64,
    before: f64,
}

impl Position {
    fn of(curve: &[(u64, f64)], step: u64) -> Option<Self> {
        let (_, now) = up_to(curve, step).last()?;
        let (_, before) = up_to(curve, step / 2).last().or(curve.first())?;
        let position = Self {
            now: *now,
            before: *before,
        };
        (now.is_finite() && before.is_finite()).then_some(position)
    }
}

/// The part of a curve up to a step.
fn up_to(curve: &[(u64, f64)], step: u64) -> &[(u64, f64)] {
    &curve[..curve.partition_point(|(at, _)| *at <= step)]
}

/// Numbers with mean 0 and variance 1, with what they were: mean and standard deviation.
fn standardised(numbers: &[f64]) -> (Vec<f64>, f64, f64) {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    let scaled = numbers.iter().map(|x| (x - mean) / deviation);
    (scaled.collect(), mean, deviation)
}

/// Points moved and stretched so that they fill the unit square.
fn unit_square(points: &[[f64; 2]]) -> Vec<Vec<f64>> {
    let along = |axis: usize| points.iter().map(move |point| point[axis]);
    let ends = [0, 1].map(|axis| {
        (
            along(axis).fold(f64::NAN, f64::min),
            along(axis).fold(f64::NAN, f64::max),
        )
    });
    let place = |value: f64, (low, high): (f64, f64)| {
        if high > low {
            (value - low) / (high - low)
        } else {
            0.5
        }
    };
    points
        .iter()
        .map(|point| vec![place(point[0], ends[0]), place(point[1], ends[1])])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopper(rule: Rule, peers: usize) -> Stopper {
        // Costs that fall from 100 towards 1, 2, 3, …
        let curve = |end: f64| -> Curve {
            (1..=10_u64)
                .map(|k| (100 * k, end + (100.0 - end) * (-(k as f64)).exp()))
                .collect()
        };
        let peer = |end: usize| Peer {
            curve: curve(end as f64),
            result: Some(end as f64),
        };
        Stopper {
            rule,
            goal: Goal::Minimize,
            seed: 1,
            peers: (1..=peers).map(peer).collect(),
        }
    }

    #[test]
    fn the_median_rule_compares_the_best_with_the_averages() {
        // Averages of the first two looks lie near 25, whatever the end.
        let rule = stopper(Rule::Median, 7);
        assert!(!rule.should_stop(&[]));
        assert!(!rule.should_stop(&[(100, 90.0), (200, 20.0)]));
        assert!(rule.should_stop(&[(100, 90.0), (200, 80.0)]));
        assert!(
            !rule.should_stop(&[(100, 20.0), (200, 80.0)]),
            "its best counts"
        );
        assert!(
            !rule.should_stop(&[(50, 1e9)]),
            "no one has a look that early"
        );
        let few = stopper(Rule::Median, FEWEST - 1);
        assert!(!few.should_stop(&[(100, 90.0), (200, 80.0)]));
        let up = Stopper {
            goal: Goal::Maximize,
            ..rule
        };
        assert!(
            !up.should_stop(&[(100, 90.0), (200, 80.0)]),
            "the other way round"
        );
    }

    #[test]
    fn the_decay_rule_stops_what_cannot_become_the_best() {
        let rule = stopper(Rule::DecayCurve, 12);
        let at = |end: f64, k: i32| end + (100.0 - end) * f64::from(-k).exp();
        let curve = |end: f64, looks: i32| -> Curve {
            (1..=looks).map(|k| (100 * k as u64, at(end, k))).collect()
        };
        assert!(!rule.should_stop(&curve(1.0, 5)), "as good as the best");
        assert!(
            rule.should_stop(&curve(11.0, 8)),
            "among the worst, near its end"
        );
        let few = stopper(Rule::DecayCurve, FEWEST - 1);
        assert!(!few.should_stop(&curve(11.0, 8)));
    }

    #[test]
    fn constant_curves_are_no_trouble() {
        let peers = (0..6).map(|_| Peer {
            curve: vec![(100, 5.0), (200, 5.0)],
            result: Some(5.0),
        });
        for rule in [Rule::Median, Rule::DecayCurve] {
            let stopper = Stopper {
                rule,
                goal: Goal::Minimize,
                seed: 0,
                peers: peers.clone().collect(),
            };
            assert!(!stopper.should_stop(&[(100, 5.0)]), "{rule:?}");
        }
    }
}
