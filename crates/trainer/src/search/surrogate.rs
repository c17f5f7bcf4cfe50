//! What is believed about the cost of points that were not tried.

use super::gaussian_process::GaussianProcess;
use crate::Random;

/// A result as the search sees it: smaller is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Observation {
    Cost(f64),
    Infeasible,
}

/// A model of the cost, and the lowest one seen, on the model's own scale.
#[derive(Clone, Debug)]
pub(super) struct Surrogate {
    pub(super) process: GaussianProcess,
    pub(super) lowest: f64,
    /// The observed points, lowest cost first.
    pub(super) ranking: Vec<usize>,
}

/// Fits the model to the results of the first `observed.len()` points; the points after them are
/// still running and are taken to cost what the average point does (the constant liar of
/// Ginsbourger, Le Riche & Carraro, 2010), so that no two workers try the same place. `None`
/// while fewer than two points have a cost.
pub(super) fn fit(
    points: &[Vec<f64>],
    observed: &[Observation],
    categorical: &[bool],
    random: &mut Random,
) -> Option<Surrogate> {
    let costs = warp(observed)?;
    let shape = GaussianProcess::fit_shape(&points[..costs.len()], categorical, &costs, random);
    let lowest = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let mut ranking: Vec<usize> = (0..costs.len()).collect();
    ranking.sort_by(|a, b| costs[*a].total_cmp(&costs[*b]));
    // The costs have mean 0: that is the liar's constant.
    let mut values = costs;
    values.resize(points.len(), 0.0);
    let process = GaussianProcess::condition(points.to_vec(), categorical, &values, shape)?;
    Some(Surrogate {
        process,
        lowest,
        ranking,
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
