mod conditional;
mod refusals;
mod studies;

use serde_json::{Value, json};

use super::*;

fn spec(value: Value) -> StudySpec {
    serde_json::from_value(value).unwrap()
}

fn doubles(width: usize, algorithm: &str) -> StudySpec {
    let parameters: Vec<Value> = (0..width)
        .map(|i| json!({"parameterId": format!("x{i}"), "doubleValueSpec": {"minValue": 0.0, "maxValue": 1.0}}))
        .collect();
    spec(json!({
        "metrics": [{"metricId": "cost", "goal": "MINIMIZE"}],
        "parameters": parameters,
        "algorithm": algorithm,
    }))
}

fn numbers(parameters: &[TrialParameter]) -> Vec<f64> {
    parameters
        .iter()
        .map(|parameter| parameter.value.as_f64().unwrap())
        .collect()
}

/// Runs a study with `workers` trials at once, of which the newest always ends first, and gives
/// the points by trial.
fn run(
    spec: &StudySpec,
    options: StudyOptions,
    trials: usize,
    workers: usize,
    cost: impl Fn(&[f64]) -> Outcome,
) -> Vec<Vec<f64>> {
    let mut study = Study::new(spec, options).unwrap();
    let (mut points, mut running) = (Vec::new(), Vec::new());
    while points.len() < trials || !running.is_empty() {
        if points.len() < trials && running.len() < workers {
            match study.ask() {
                Suggestion::Trial { number, parameters } => {
                    assert_eq!(number, points.len() + 1);
                    points.push(numbers(&parameters));
                    running.push(number);
                    continue;
                }
                Suggestion::Finished if running.is_empty() => break,
                Suggestion::Finished | Suggestion::Wait => {}
            }
        }
        let ended = running.pop().expect("waiting for nothing");
        study.tell(ended, cost(&points[ended - 1]), Vec::new());
    }
    points
}

fn branin(point: &[f64]) -> f64 {
    use std::f64::consts::PI;
    let (x, y) = (15.0 * point[0] - 5.0, 15.0 * point[1]);
    let b = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    b * b + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x.cos() + 10.0
}

fn best(points: &[Vec<f64>], cost: impl Fn(&[f64]) -> f64) -> f64 {
    points
        .iter()
        .map(|point| cost(point))
        .fold(f64::INFINITY, f64::min)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn the_gaussian_process_finds_the_minimum_of_branin_where_random_search_does_not() {
    let median_best = |algorithm: &str| {
        let runs = (0..7).map(|seed| {
            let options = StudyOptions {
                seed,
                ..StudyOptions::default()
            };
            let cost = |point: &[f64]| Outcome::Measured(vec![branin(point)]);
            best(&run(&doubles(2, algorithm), options, 40, 1, cost), branin)
        });
        median(runs.collect())
    };
    let (model, random) = (
        median_best("ALGORITHM_UNSPECIFIED"),
        median_best("RANDOM_SEARCH"),
    );
    assert!(model < 0.45, "the minimum is 0.398, found {model}");
    assert!(
        random > model + 0.1,
        "random search found {random}, the model {model}"
    );
}

#[test]
fn a_study_is_the_same_whatever_the_number_of_workers() {
    for algorithm in ["ALGORITHM_UNSPECIFIED", "RANDOM_SEARCH"] {
        let study = |workers| {
            let options = StudyOptions { seed: 7, ahead: 3 };
            run(
                &doubles(2, algorithm),
                options,
                16,
                workers,
                |point| match branin(point) {
                    cost if cost > 60.0 => Outcome::Infeasible,
                    cost => Outcome::Measured(vec![cost]),
                },
            )
        };
        let one = study(1);
        for workers in [2, 3, 8] {
            assert_eq!(study(workers), one, "{algorithm}, {workers} workers");
        }
        let other = StudyOptions { seed: 8, ahead: 3 };
        let cost = |point: &[f64]| Outcome::Measured(vec![branin(point)]);
        assert_ne!(
            run(&doubles(2, algorithm), other, 16, 1, cost),
            one,
            "another seed"
        );
    }
}

#[test]
fn a_proposal_waits_for_the_results_it_depends_on() {
    let mut study = Study::new(
        &doubles(1, "ALGORITHM_UNSPECIFIED"),
        StudyOptions { seed: 0, ahead: 2 },
    )
    .unwrap();
    for _ in 0..4 {
        assert!(matches!(study.ask(), Suggestion::Trial { .. }));
    }
    assert_eq!(
        study.ask(),
        Suggestion::Wait,
        "trial 5 needs the results of trials 1 to 3"
    );
    study.tell(3, Outcome::Measured(vec![1.0]), Vec::new());
    study.tell(1, Outcome::Infeasible, Vec::new());
    assert_eq!(study.ask(), Suggestion::Wait);
    study.tell(2, Outcome::Measured(vec![2.0]), Vec::new());
    assert!(matches!(study.ask(), Suggestion::Trial { number: 5, .. }));
}

#[test]
fn maximising_goes_the_other_way() {
    let mut spec = doubles(1, "ALGORITHM_UNSPECIFIED");
    spec.metrics[0].goal = Goal::Maximize;
    let points = run(&spec, StudyOptions::default(), 20, 1, |p| {
        Outcome::Measured(vec![p[0]])
    });
    assert!(best(&points, |p| -p[0]) < -0.99);
}

#[test]
fn a_space_where_everything_fails_is_searched_to_the_end() {
    let spec = doubles(2, "ALGORITHM_UNSPECIFIED");
    let points = run(&spec, StudyOptions::default(), 30, 2, |_| {
        Outcome::Measured(vec![f64::NAN])
    });
    assert_eq!(points.len(), 30);
}

#[test]
fn values_respect_their_scale_and_kind() {
    let spec = spec(json!({
        "metrics": [{"metricId": "cost", "goal": "MINIMIZE"}],
        "parameters": [
            {"parameterId": "log", "doubleValueSpec": {"minValue": 1e-4, "maxValue": 1.0}, "scaleType": "UNIT_LOG_SCALE"},
            {"parameterId": "reverse", "doubleValueSpec": {"minValue": 0.1, "maxValue": 1.0}, "scaleType": "UNIT_REVERSE_LOG_SCALE"},
            {"parameterId": "integer", "integerValueSpec": {"minValue": "1", "maxValue": "3"}},
            {"parameterId": "discrete", "discreteValueSpec": {"values": [8.0, 64.0]}},
            {"parameterId": "name", "categoricalValueSpec": {"values": ["a", "b"]}},
        ],
        "algorithm": "RANDOM_SEARCH",
    }));
    let mut study = Study::new(&spec, StudyOptions::default()).unwrap();
    let trials: Vec<Vec<TrialParameter>> = (0..600)
        .map(|_| match study.ask() {
            Suggestion::Trial { parameters, .. } => parameters,
            other => panic!("{other:?}"),
        })
        .collect();
    let part = |axis: usize, holds: &dyn Fn(&Value) -> bool| {
        trials
            .iter()
            .filter(|trial| holds(&trial[axis].value))
            .count() as f64
            / 600.0
    };
    let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 0.07, "{found}");
    close(part(0, &|v| v.as_f64().unwrap() < 1e-2), 0.5);
    // Reverse logarithmic: the middle of the cube is 1.1 − 0.1 · 10^0.5.
    close(part(1, &|v| v.as_f64().unwrap() > 0.784), 0.5);
    for integer in 1..=3 {
        close(part(2, &|v| v.as_i64() == Some(integer)), 1.0 / 3.0);
    }
    close(part(3, &|v| v.as_f64() == Some(64.0)), 0.5);
    close(part(4, &|v| v.as_str() == Some("a")), 0.5);
}

fn small_space(algorithm: &str) -> StudySpec {
    spec(json!({
        "metrics": [{"metricId": "cost", "goal": "MINIMIZE"}],
        "parameters": [
            {"parameterId": "a", "integerValueSpec": {"minValue": 1, "maxValue": 3}, "scaleType": "UNIT_LOG_SCALE"},
            {"parameterId": "b", "discreteValueSpec": {"values": [0.5, 2.0]}},
        ],
        "algorithm": algorithm,
    }))
}

#[test]
fn a_grid_visits_every_point_once_in_order() {
    let cost = |_: &[f64]| Outcome::Measured(vec![1.0]);
    let points = run(
        &small_space("GRID_SEARCH"),
        StudyOptions::default(),
        100,
        2,
        cost,
    );
    let all = [
        [1.0, 0.5],
        [1.0, 2.0],
        [2.0, 0.5],
        [2.0, 2.0],
        [3.0, 0.5],
        [3.0, 2.0],
    ]
    .map(Vec::from);
    assert_eq!(points, all);
}

#[test]
fn a_small_space_is_never_visited_more_often_than_it_has_points() {
    let cost = |point: &[f64]| Outcome::Measured(vec![point[0]]);
    let spec = small_space("ALGORITHM_UNSPECIFIED");
    assert_eq!(run(&spec, StudyOptions::default(), 100, 2, cost).len(), 6);
}
