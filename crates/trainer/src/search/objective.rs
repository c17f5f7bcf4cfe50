//! From the values of one or several metrics to one cost.

use std::collections::BTreeSet;

use artifacts::{Goal, MetricSpec};

use super::{Outcome, error::SearchError, sampling, stopping::cost, surrogate::Observation};

/// Part of the plain weighted sum in a cost of several metrics: without it, points that differ
/// only where it is not worst would be equal.
const SUM_PART: f64 = 0.05;

/// Refuses a study without metrics, or with one twice.
pub(super) fn check(metrics: &[MetricSpec]) -> Result<(), SearchError> {
    if metrics.is_empty() {
        return Err(SearchError::NoMetrics);
    }
    let mut seen = BTreeSet::new();
    match metrics
        .iter()
        .find(|metric| !seen.insert(&metric.metric_id))
    {
        Some(metric) => Err(SearchError::RepeatedMetric {
            metric: metric.metric_id.clone(),
        }),
        None => Ok(()),
    }
}

/// Weights of the metrics in the proposal of a trial; their sum is 1.
pub(super) fn weights(metrics: usize, seed: u64, index: usize) -> Vec<f64> {
    let mut weights = vec![0.0; metrics];
    if metrics == 1 || index.is_multiple_of(2) {
        weights[0] = 1.0;
        return weights;
    }
    // Uniform on the simplex.
    let mut random = sampling::stream(!seed, index as u64);
    weights.fill_with(|| -(1.0 - random.uniform()).ln());
    let sum: f64 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}

/// One cost for each outcome. Several metrics are brought to the range from 0 to 1 over all
/// outcomes; the cost is the largest weighted one, and a little of all (the augmented Chebyshev
/// function of Knowles, "`ParEGO`", 2006).
pub(super) fn costs(
    outcomes: &mut dyn Iterator<Item = &Outcome>,
    goals: &[Goal],
    weights: &[f64],
) -> Vec<Observation> {
    let values: Vec<Option<Vec<f64>>> = outcomes
        .map(|outcome| {
            let values = outcome.values()?.iter().zip(goals);
            Some(values.map(|(value, goal)| cost(*value, *goal)).collect())
        })
        .collect();
    let range = |metric: usize| {
        let all = values.iter().flatten().map(|costs| costs[metric]);
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        all.fold(ends, |(low, high), cost| (low.min(cost), high.max(cost)))
    };
    let ranges: Vec<(f64, f64)> = (0..goals.len()).map(range).collect();
    let combined = |costs: &Vec<f64>| {
        if let [cost] = costs[..] {
            return cost;
        }
        let parts = costs.iter().zip(&ranges).zip(weights);
        let parts = parts.map(|((cost, (low, high)), weight)| {
            weight * (cost - low) / (high - low).max(f64::MIN_POSITIVE)
        });
        let (largest, sum) = parts.fold((0.0_f64, 0.0), |(largest, sum), part| {
            (largest.max(part), sum + part)
        });
        largest + SUM_PART * sum
    };
    let observe = |costs: &Option<Vec<f64>>| match costs {
        Some(costs) => Observation::Cost(combined(costs)),
        None => Observation::Infeasible,
    };
    values.iter().map(observe).collect()
}
