//! What is believed about the cost of points that were not tried.

use super::gaussian_process::{GaussianProcess, Shape};
use crate::Random;

/// A result as the search sees it: smaller is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Observation {
    Cost(f64),
    Infeasible,
}

/// The costs of another study: points in this study's cube and what they came to there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Earlier {
    pub(super) points: Vec<Vec<f64>>,
    pub(super) observed: Vec<Observation>,
}

/// A model of the cost, and the lowest one seen, on the model's own scale.
#[derive(Clone, Debug)]
pub(super) struct Surrogate {
    pub(super) process: GaussianProcess,
    pub(super) lowest: f64,
    /// Points worth looking around, lowest cost first.
    pub(super) ranking: Vec<Vec<f64>>,
    /// Whether points have an axis for the study they were observed in.
    studies: bool,
}

impl Surrogate {
    /// Mean of the cost at a point, see [`GaussianProcess::mean`].
    pub(super) fn mean(&self, point: &[f64], scratch: &mut Vec<f64>) -> f64 {
        if self.studies {
            self.process.mean(&in_study(point.to_vec(), THIS), scratch)
        } else {
            self.process.mean(point, scratch)
        }
    }
}

/// The study that is searched, on the axis of studies.
const THIS: f64 = 0.0;

fn in_study(mut point: Vec<f64>, study: f64) -> Vec<f64> {
    point.push(study);
    point
}

/// Fits the model to the results of the first `observed.len()` points; the points after them are
/// still running and are taken to cost what the average point does (the constant liar of
/// Ginsbourger, Le Riche & Carraro, 2010), so that no two workers try the same place.
///
/// Earlier studies have costs of their own scale, and one more axis says which study a point was
/// observed in: how far their results carry over is learned like any length scale. `None` while
/// fewer than two points of any study have a cost. `start` is where the search for the shape
/// begins, beside the prior.
pub(super) fn fit(
    points: &[Vec<f64>],
    observed: &[Observation],
    earlier: &[Earlier],
    categorical: &[bool],
    start: Option<&Shape>,
    random: &mut Random,
) -> Option<Surrogate> {
    let studies = !earlier.is_empty();
    let place = |point: &Vec<f64>, study: f64| {
        if studies {
            in_study(point.clone(), study)
        } else {
            point.clone()
        }
    };
    let mut categorical = categorical.to_vec();
    categorical.extend(studies.then_some(true));
    let own = match warp(observed) {
        Some(costs) => costs,
        None if studies => vec![0.0; observed.len()],
        None => return None,
    };
    let mut costs = own.clone();
    let mut places: Vec<Vec<f64>> = points[..own.len()].iter().map(|p| place(p, THIS)).collect();
    let mut ranked: Vec<(f64, &Vec<f64>)> = own.iter().copied().zip(points).collect();
    for (study, Earlier { points, observed }) in (1..).zip(earlier) {
        let Some(warped) = warp(observed) else {
            continue;
        };
        places.extend(points.iter().map(|p| place(p, f64::from(study))));
        ranked.extend(warped.iter().copied().zip(points));
        costs.extend(warped);
    }
    if costs.len() < 2 {
        return None;
    }
    let shape = GaussianProcess::fit_shape(&places, &categorical, &costs, start, random);
    let known = if own.len() < 2 { &costs } else { &own };
    let lowest = known.iter().copied().fold(f64::INFINITY, f64::min);
    // Stable: an own point stands before an earlier study's of the same cost.
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ranking = ranked.into_iter().map(|(_, point)| point.clone()).collect();
    // The costs have mean 0: that is the liar's constant.
    for point in &points[own.len()..] {
        places.push(place(point, THIS));
        costs.push(0.0);
    }
    let process = GaussianProcess::condition(&places, &categorical, &costs, shape)?;
    Some(Surrogate {
        process,
        lowest,
        ranking,
        studies,
    })
}

/// Costs with mean 0 and variance 1 on a scale that is linear up to about the median and
/// logarithmic beyond it, so that one terrible trial does not flatten the rest. A trial without
/// a cost counts as the worst seen. `None` for fewer than two costs.
fn warp(observed: &[Observation]) -> Option<Vec<f64>> {
    let mut sorted: Vec<f64> = observed
        .iter()
        .filter_map(|observation| match observation {
            Observation::Cost(cost) => Some(*cost),
            Observation::Infeasible => None,
        })
        .collect();
    sorted.sort_by(f64::total_cmp);
    let [lowest, .., highest] = sorted[..] else {
        return None;
    };
    let unit = [sorted[sorted.len() / 2] - lowest, highest - lowest, 1.0];
    let unit = unit
        .into_iter()
        .find(|unit| *unit > 0.0)
        .expect("1 is above 0");
    let mut costs: Vec<f64> = observed
        .iter()
        .map(|observation| match observation {
            Observation::Cost(cost) => *cost,
            Observation::Infeasible => highest,
        })
        .map(|cost| ((cost - lowest) / unit).ln_1p())
        .collect();
    let count = costs.len() as f64;
    let mean = costs.iter().sum::<f64>() / count;
    let variance = costs.iter().map(|cost| (cost - mean).powi(2)).sum::<f64>() / count;
    let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    for cost in &mut costs {
        *cost = (*cost - mean) / deviation;
    }
    Some(costs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_keeps_the_order_and_tames_outliers() {
        let costs = [3.0, 1.0, 1e9, 2.0].map(Observation::Cost);
        let warped = warp(&[&costs[..], &[Observation::Infeasible]].concat()).unwrap();
        assert!(warped[1] < warped[3] && warped[3] < warped[0] && warped[0] < warped[2]);
        assert_eq!(
            warped[4], warped[2],
            "an infeasible trial is as bad as the worst"
        );
        assert!(
            warped[3] - warped[1] > 0.01 * (warped[2] - warped[1]),
            "{warped:?}"
        );
        assert!(warped.iter().sum::<f64>().abs() < 1e-12);
    }

    #[test]
    fn two_costs_are_the_least_to_learn_from() {
        let one = [Observation::Cost(1.0), Observation::Infeasible];
        assert_eq!(warp(&one), None);
        assert_eq!(warp(&[Observation::Cost(2.0); 3]), Some(vec![0.0; 3]));
    }
}
