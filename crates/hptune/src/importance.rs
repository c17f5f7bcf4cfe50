//! How much of a study's outcome each parameter alone explains.

use artifacts::Trials;
use serde_json::Value;

/// Fewest measured trials from which anything is said.
const FEWEST: usize = 8;
/// Groups a numeric parameter's values are divided into, by rank.
const GROUPS: usize = 4;

/// For each parameter its name and the part of the variance of the trials' ranks that lies between
/// groups of like values (η², the correlation ratio): 1 where the parameter alone decides the
/// order of the trials, near 0 where it does not matter. Ranks, so that one terrible trial does
/// not decide it. Empty for a study with few measured trials.
pub(crate) fn importance(trials: &Trials, names: &[&str]) -> Vec<(String, f64)> {
    let measured: Vec<_> = trials
        .trials
        .iter()
        .filter_map(|trial| Some((trial, trial.metric(&trials.metric_id)?)))
        .collect();
    if measured.len() < FEWEST {
        return Vec::new();
    }
    let metrics: Vec<f64> = measured.iter().map(|(_, metric)| *metric).collect();
    let ranks = ranks(&metrics);
    let of = |name: &str| {
        let values = measured.iter().map(|(trial, _)| trial.parameter(name));
        explained(&ranks, &groups(&values.collect::<Vec<_>>()))
    };
    names
        .iter()
        .map(|name| ((*name).to_owned(), of(name)))
        .collect()
}

/// The group of each value: names by themselves, numbers in parts of about equal size; equal
/// values share a group, and so do the trials in which the parameter does not exist.
fn groups(values: &[Option<&Value>]) -> Vec<usize> {
    let numbers: Vec<f64> = values.iter().flatten().filter_map(|v| v.as_f64()).collect();
    let existing = values.iter().flatten().count();
    if numbers.len() < existing {
        let place = |value| values.iter().position(|other| *other == value);
        return values.iter().filter_map(|value| place(*value)).collect();
    }
    let count = numbers.len() as f64;
    let group = |rank: f64| ((rank / count * GROUPS as f64) as usize).min(GROUPS - 1);
    let mut grouped = ranks(&numbers).into_iter().map(group);
    let one = |value: Option<&Value>| match value {
        Some(_) => grouped.next().unwrap_or(GROUPS),
        None => GROUPS,
    };
    values.iter().copied().map(one).collect()
}

/// Rank of each number, from 0; equal numbers have their mean rank.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let rank = |number: &f64| {
        let below = numbers.iter().filter(|other| *other < number).count();
        let equal = numbers.iter().filter(|other| *other == number).count();
        below as f64 + (equal as f64 - 1.0) / 2.0
    };
    numbers.iter().map(rank).collect()
}

/// Variance between the groups as a part of the whole.
fn explained(ranks: &[f64], groups: &[usize]) -> f64 {
    let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
    let whole: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
    let last = groups.iter().copied().max().unwrap_or_default();
    let between = (0..=last).map(|group| {
        let members = ranks.iter().zip(groups).filter(|(_, g)| **g == group);
        let (sum, count) = members.fold((0.0, 0.0), |(s, n), (rank, _)| (s + rank, n + 1.0));
        if count > 0.0 {
            count * (sum / count - mean).powi(2)
        } else {
            0.0
        }
    });
    let between: f64 = between.sum();
    if whole > 0.0 { between / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use artifacts::{Goal, Measurement, MetricValue, Trial, TrialParameter, TrialState};
    use serde_json::json;

    use super::*;

    const NAMES: [&str; 3] = ["rate", "other", "kind"];

    fn study(rows: usize, metric: fn(usize) -> f64) -> Trials {
        let mut trials = Trials::new("rmse", Goal::Minimize);
        let parameter = |name: &str, value| TrialParameter {
            parameter_id: name.to_owned(),
            value,
        };
        trials.trials = (0..rows)
            .map(|i| Trial {
                id: (i + 1).to_string(),
                state: TrialState::Succeeded,
                parameters: vec![
                    parameter("rate", json!(i)),
                    parameter("other", json!(i * 7 % 5)),
                    parameter("kind", json!(["a", "b"][i % 2])),
                ],
                final_measurement: Some(Measurement {
                    step_count: 1,
                    metrics: vec![MetricValue {
                        metric_id: "rmse".to_owned(),
                        value: metric(i),
                    }],
                }),
                measurements: Vec::new(),
                infeasible_reason: None,
            })
            .collect();
        trials
    }

    #[test]
    fn the_parameter_that_decides_is_the_important_one() {
        // A valley over the rate: no line would see it.
        let found = importance(&study(40, |i| (i as f64 - 20.0).abs()), &NAMES);
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["rate", "other", "kind"]);
        assert!(
            found[0].1 > 0.7 && found[1].1 < 0.2 && found[2].1 < 0.2,
            "{found:?}"
        );
        let found = importance(&study(40, |i| (i % 2 * 1000 + i) as f64), &NAMES);
        assert!(found[2].1 > 0.7 && found[1].1 < 0.2, "{found:?}");
    }

    #[test]
    fn few_or_equal_trials_say_nothing() {
        assert_eq!(importance(&study(7, |i| i as f64), &NAMES), []);
        let equal = importance(&study(20, |_| 1.0), &NAMES);
        assert!(equal.iter().all(|(_, part)| *part == 0.0), "{equal:?}");
    }

    #[test]
    fn a_parameter_that_is_there_in_the_good_trials_only_is_important() {
        let mut study = study(20, |i| i as f64);
        for trial in &mut study.trials[10..] {
            trial.parameters.remove(1);
        }
        let found = importance(&study, &["other"]);
        assert!(found[0].1 > 0.7, "{found:?}");
    }
}
