//! Studies of several metrics, with earlier studies, and that stop trials or themselves.

use artifacts::Trials;
use serde_json::{Value, json};

use super::{
    Curve, Effort, Outcome, Study, StudyOptions, StudySpec, Suggestion, TrialParameter, best,
    branin, doubles, median, numbers, run, spec,
};

fn with(base: &StudySpec, change: &Value) -> StudySpec {
    let mut value = serde_json::to_value(base).unwrap();
    for (key, field) in change.as_object().unwrap() {
        value[key] = field.clone();
    }
    spec(value)
}

fn ask(study: &mut Study) -> (usize, Vec<TrialParameter>) {
    match study.ask() {
        Suggestion::Trial { number, parameters } => (number, parameters),
        other => panic!("{other:?}"),
    }
}

#[test]
fn several_metrics_are_all_searched_and_the_first_is_optimised() {
    // Costs that are at odds: the front is the line x1 = 0.2.
    let metrics = json!({"metrics": [
        {"metricId": "left", "goal": "MINIMIZE"}, {"metricId": "right", "goal": "MAXIMIZE"},
    ]});
    let space = with(&doubles(2, "ALGORITHM_UNSPECIFIED"), &metrics);
    let mut study = Study::new(&space, StudyOptions { seed: 1, ahead: 1 }).unwrap();
    let mut found = Vec::new();
    for _ in 0..40 {
        let (number, parameters) = ask(&mut study);
        let point = numbers(&parameters);
        let off = (point[1] - 0.2).powi(2);
        let values = vec![point[0] + off, point[0] - off];
        found.push(values.clone());
        study.tell(number, Outcome::Measured(values), Vec::new());
    }
    let first = found.iter().map(|v| v[0]).fold(f64::INFINITY, f64::min);
    assert!(first < 0.01, "{first}");
    for target in [0.25, 0.5, 0.75, 1.0] {
        let near = |v: &&Vec<f64>| (v[0] - target).abs() < 0.13 && v[0] - v[1] < 0.02;
        assert!(
            found.iter().any(|v| near(&v)),
            "nothing near {target}: {found:?}"
        );
    }
}

#[test]
fn an_earlier_study_saves_trials_and_what_lies_outside_is_left_out() {
    let space = doubles(2, "ALGORITHM_UNSPECIFIED");
    let cost = |point: &[f64]| Outcome::Measured(vec![branin(point)]);
    let options = StudyOptions { seed: 3, ahead: 1 };
    // The same valley on another scale, as another table would give.
    let known: Vec<_> = run(&space, options, 30, 1, cost)
        .into_iter()
        .map(|point| {
            let value = 7.0 * branin(&point) + 100.0;
            (parameters(&point), Some(vec![value]))
        })
        .collect();
    let mut outside = known.clone();
    outside[4].0[1].value = json!(1.5);
    outside[9].0.pop();
    let mut study = Study::new(&space, StudyOptions { seed: 4, ahead: 1 }).unwrap();
    assert_eq!(study.learn_from(&outside), 28);
    let mut points = Vec::new();
    for _ in 0..8 {
        let (number, parameters) = ask(&mut study);
        points.push(numbers(&parameters));
        study.tell(number, cost(&points[number - 1]), Vec::new());
    }
    assert!(branin(&points[0]) < 0.6, "the earlier best comes first");
    let found = best(&points, branin);
    assert!(found < 0.42, "{found}");
    let cold = run(&space, StudyOptions { seed: 4, ahead: 1 }, 8, 1, cost);
    assert!(
        best(&cold, branin) > 1.0,
        "without it, 8 trials are not enough"
    );
}

#[test]
fn a_search_that_knows_what_trials_take_finds_as_much_for_less() {
    // Branin's three minima lie at 0.12, 0.54 and 0.96 of the first parameter.
    let takes = |point: &[f64]| (6.0 * point[0]).exp();
    let search = |weighs: bool| {
        let runs = (0..7).map(|seed| {
            let space = doubles(2, "ALGORITHM_UNSPECIFIED");
            let mut study = Study::new(&space, StudyOptions { seed, ahead: 2 }).unwrap();
            if weighs {
                let takes = move |parameters: &[TrialParameter]| takes(&numbers(parameters));
                study = study.weigh(Effort::new(takes));
            }
            let mut points = Vec::new();
            for _ in 0..40 {
                let (number, parameters) = ask(&mut study);
                points.push(numbers(&parameters));
                let value = branin(&points[number - 1]);
                study.tell(number, Outcome::Measured(vec![value]), Vec::new());
            }
            let effort: f64 = points.iter().map(|point| takes(point)).sum();
            (best(&points, branin), effort)
        });
        let (bests, efforts): (Vec<f64>, Vec<f64>) = runs.unzip();
        (median(bests), median(efforts))
    };
    let ((found, effort), (found_anyhow, effort_anyhow)) = (search(true), search(false));
    assert!(
        found < 0.45 && found_anyhow < 0.45,
        "{found}, {found_anyhow}"
    );
    assert!(
        effort < 0.5 * effort_anyhow,
        "it took {effort}, and {effort_anyhow} without looking"
    );
}

fn parameters(point: &[f64]) -> Vec<TrialParameter> {
    let named = |(i, value): (usize, &f64)| TrialParameter {
        parameter_id: format!("x{i}"),
        value: (*value).into(),
    };
    point.iter().enumerate().map(named).collect()
}

/// A curve that falls to the point's own height over ten looks.
fn curve(point: &[f64]) -> Curve {
    let end = 10.0 * point[0];
    (1..=10_u64)
        .map(|look| (look, end + 50.0 * (-(look as f64)).exp()))
        .collect()
}

/// Runs a study that stops trials; gives each trial's last look.
fn stopping(rule: &str, workers: usize) -> Vec<(Vec<f64>, u64)> {
    let space = with(&doubles(2, "RANDOM_SEARCH"), &json!({ rule: {} }));
    let mut study = Study::new(&space, StudyOptions { seed: 5, ahead: 3 }).unwrap();
    let mut ended: Vec<(Vec<f64>, u64)> = Vec::new();
    let mut running = Vec::new();
    while ended.len() < 40 || !running.is_empty() {
        if ended.len() < 40
            && running.len() < workers
            && let Suggestion::Trial { number, parameters } = study.ask()
        {
            let stopper = study.stopper(number).unwrap();
            let whole = curve(&numbers(&parameters));
            let looks = (1..10).find(|looks| stopper.should_stop(&whole[..*looks]));
            let curve = whole[..looks.unwrap_or(10)].to_vec();
            ended.push((numbers(&parameters), curve.len() as u64));
            running.push((number, looks.is_some(), curve));
            continue;
        }
        let (number, stopped, curve) = running.pop().unwrap();
        let value = vec![curve.last().unwrap().1];
        let outcome = if stopped {
            Outcome::Stopped(value)
        } else {
            Outcome::Measured(value)
        };
        study.tell(number, outcome, curve);
    }
    ended
}

#[test]
fn stopping_saves_steps_keeps_the_best_and_does_not_depend_on_the_workers() {
    for rule in ["medianAutomatedStoppingSpec", "decayCurveStoppingSpec"] {
        let one = stopping(rule, 1);
        for workers in [2, 3, 8] {
            assert_eq!(stopping(rule, workers), one, "{rule}, {workers} workers");
        }
        let stopped = one.iter().filter(|(_, looks)| *looks < 10).count();
        assert!((8..35).contains(&stopped), "{rule}: {stopped} of 40");
        let best = one.iter().min_by(|a, b| a.0[0].total_cmp(&b.0[0])).unwrap();
        assert_eq!(best.1, 10, "{rule}: the best trial runs to its end");
    }
}

#[test]
fn a_study_ends_after_trials_without_progress() {
    let config = json!({"studyStoppingConfig": {
        "maxNumTrialsNoProgress": 4, "minNumTrials": 9, "shouldStopAsap": false,
    }});
    for algorithm in ["RANDOM_SEARCH", "ALGORITHM_UNSPECIFIED"] {
        let space = with(&doubles(1, algorithm), &config);
        let number_of_trials = |workers, costs: fn(usize) -> f64| {
            let mut study = Study::new(&space, StudyOptions { seed: 0, ahead: 2 }).unwrap();
            let mut running = Vec::new();
            let mut trials = 0;
            loop {
                match study.ask() {
                    Suggestion::Trial { number, .. } if running.len() < workers => {
                        running.push(number);
                        trials += 1;
                        if running.len() < workers {
                            continue;
                        }
                    }
                    Suggestion::Trial { number, .. } => running.push(number),
                    Suggestion::Finished => return trials,
                    Suggestion::Wait => {}
                }
                let number = running.pop().unwrap();
                study.tell(number, Outcome::Measured(vec![costs(number)]), Vec::new());
            }
        };
        for workers in [1, 2] {
            // Nothing is better than trial 1; trial 11 is the first to know of 9.
            assert_eq!(number_of_trials(workers, |_| 1.0), 10, "{algorithm}");
            // Trial 8 is the best; four more are seen when trial 14 would be next.
            let late = |number: usize| if number == 8 { 0.0 } else { 1.0 };
            assert_eq!(number_of_trials(workers, late), 13, "{algorithm}");
        }
    }
    let most = json!({"studyStoppingConfig": {"maxNumTrials": 3}});
    let space = with(&doubles(1, "RANDOM_SEARCH"), &most);
    let points = run(&space, StudyOptions::default(), 3, 1, |_| {
        Outcome::Infeasible
    });
    assert_eq!(points.len(), 3);
    let mut study = Study::new(&space, StudyOptions::default()).unwrap();
    for _ in 0..3 {
        ask(&mut study);
    }
    assert_eq!(study.ask(), Suggestion::Finished);
}

#[test]
fn a_specification_survives_the_wire() {
    let sent = json!({
        "metrics": [{"metricId": "cost", "goal": "GOAL_TYPE_UNSPECIFIED"}],
        "parameters": [{
            "parameterId": "kind", "categoricalValueSpec": {"values": ["a"]},
            "scaleType": "SCALE_TYPE_UNSPECIFIED",
        }],
        "medianAutomatedStoppingSpec": {"useElapsedDuration": false},
        "studyStoppingConfig": {"maxNumTrialsNoProgress": 5},
    });
    let study = spec(sent);
    assert!(Study::new(&study, StudyOptions::default()).is_ok());
    let again = serde_json::to_value(&study).unwrap();
    assert_eq!(
        again["studyStoppingConfig"],
        json!({"maxNumTrialsNoProgress": 5})
    );
    assert_eq!(spec(again), study);
    // A table of one metric is as it always was.
    let table = serde_json::to_value(Trials::new("cost", artifacts::Goal::Minimize)).unwrap();
    assert_eq!(
        table,
        json!({"version": 1, "metricId": "cost", "goal": "MINIMIZE", "trials": []})
    );
}
