//! What can be told about a prediction besides its value: its interval, and what each input
//! contributes.

use serde_json::{Map, Value, json};

use super::instances::Parameters;
use super::rejection::Rejection;
use super::slot::Served;
use crate::servable::Servable;

/// Rows that are predicted to explain the rows of one request: a millisecond or two.
const MAX_COALITIONS: usize = 2048;

/// The predictions as objects, with what the parameters ask for.
pub(super) fn describe(
    served: &Served,
    rows: &[f32],
    predictions: &[f64],
    parameters: Parameters,
) -> Result<Vec<Value>, Rejection> {
    let model = &served.model;
    let mut details: Vec<Value> = predictions
        .iter()
        .map(|prediction| json!({ "prediction": prediction }))
        .collect();
    if parameters.intervals {
        let Some(intervals) = &model.metrics().intervals else {
            return refused("the model has no prediction intervals");
        };
        for (detail, prediction) in details.iter_mut().zip(predictions) {
            let (lower, upper) = intervals.around(*prediction);
            detail["lower"] = json!(lower);
            detail["upper"] = json!(upper);
            detail["level"] = json!(intervals.level);
        }
    }
    if parameters.explanations {
        let width = model.inputs().len();
        let coalitions = 1_usize.checked_shl(width as u32).unwrap_or(usize::MAX);
        let most = MAX_COALITIONS / coalitions;
        if most == 0 {
            return refused(&format!("a model with {width} inputs is not explained"));
        }
        if predictions.len() > most {
            return refused(&format!("at most {most} instances are explained at a time"));
        }
        let background = background(model);
        for (detail, row) in details.iter_mut().zip(rows.chunks_exact(width)) {
            let (baseline, contributions) = explain(model, row, &background);
            let names = model.inputs().iter().cloned();
            let contributions = contributions.into_iter().map(Value::from);
            detail["baseline"] = json!(baseline);
            detail["contributions"] = names.zip(contributions).collect::<Map<_, _>>().into();
        }
    }
    Ok(details)
}

fn refused<T>(problem: &str) -> Result<T, Rejection> {
    Err(Rejection::Malformed(format!("parameters: {problem}")))
}

/// The row that others are compared with: the golden row with the median prediction.
fn background(model: &Servable) -> Vec<f32> {
    let golden = model.golden();
    let mut order: Vec<usize> = (0..golden.predictions.len()).collect();
    order.sort_by(|a, b| golden.predictions[*a].total_cmp(&golden.predictions[*b]));
    let median = order[order.len() / 2];
    let row = golden.instances[median].iter();
    row.map(|value| *value as f32).collect()
}

/// The background's prediction, and each input's Shapley value (Shapley 1953): its contribution
/// averaged over all orders in which the row's values can replace the background's. They add up
/// to the difference between the two predictions.
fn explain(model: &Servable, row: &[f32], background: &[f32]) -> (f64, Vec<f64>) {
    let width = row.len();
    let mixed = (0..1_usize << width).flat_map(|coalition| {
        (0..width).map(move |i| {
            let from_row = coalition >> i & 1 == 1;
            if from_row { row[i] } else { background[i] }
        })
    });
    let predictions = model.predict(&mixed.collect::<Vec<f32>>());
    let weights = weights(width);
    let contribution = |i: usize| {
        let without = (0..predictions.len()).filter(|coalition| coalition >> i & 1 == 0);
        without
            .map(|coalition| {
                let gain = predictions[coalition | 1 << i] - predictions[coalition];
                weights[coalition.count_ones() as usize] * gain
            })
            .sum()
    };
    (predictions[0], (0..width).map(contribution).collect())
}

/// The part of all orders of `n` inputs in which a given one comes right after `s` given others:
/// s! (n − s − 1)! / n!
fn weights(n: usize) -> Vec<f64> {
    let mut weights = vec![1.0 / n as f64];
    for s in 1..n {
        weights.push(weights[s - 1] * s as f64 / (n - s) as f64);
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_of_all_coalitions_add_up_to_one() {
        assert_eq!(weights(3), [1.0 / 3.0, 1.0 / 6.0, 1.0 / 3.0]);
        let binomials = [1.0, 4.0, 6.0, 4.0, 1.0];
        let total: f64 = weights(5).iter().zip(binomials).map(|(w, b)| w * b).sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
    }
}
