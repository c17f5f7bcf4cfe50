//! Parameters that exist for some values of others.

use serde_json::{Value, json};

use super::{Outcome, Study, StudyOptions, StudySpec, Suggestion, spec};

/// A kind, and for each kind what it needs; `depth` has two ranges, and a child of its own.
fn space(algorithm: &str) -> StudySpec {
    let when = |list: &str, values: Value, parameter: Value| json!({ list: {"values": values}, "parameterSpec": parameter });
    spec(json!({
        "metrics": [{"metricId": "cost", "goal": "MINIMIZE"}],
        "parameters": [{
            "parameterId": "kind",
            "categoricalValueSpec": {"values": ["flat", "deep", "deeper"]},
            "conditionalParameterSpecs": [
                when("parentCategoricalValues", json!(["deep"]), json!({
                    "parameterId": "depth",
                    "integerValueSpec": {"minValue": "1", "maxValue": "2"},
                    "conditionalParameterSpecs": [when("parentIntValues", json!(["2"]), json!({
                        "parameterId": "factor", "discreteValueSpec": {"values": [0.25, 0.5]},
                    }))],
                })),
                when("parentCategoricalValues", json!(["deeper"]), json!({
                    "parameterId": "depth", "integerValueSpec": {"minValue": "8", "maxValue": "9"},
                })),
            ],
        }],
        "algorithm": algorithm,
    }))
}

fn all_trials(algorithm: &str, most: usize) -> Vec<String> {
    let mut study = Study::new(&space(algorithm), StudyOptions::default()).unwrap();
    let mut found = Vec::new();
    while found.len() < most {
        match study.ask() {
            Suggestion::Trial { number, parameters } => {
                let cost = parameters.len() as f64 + number as f64;
                let values = parameters
                    .iter()
                    .map(|p| format!("{}={}", p.parameter_id, p.value));
                found.push(values.collect::<Vec<_>>().join(" "));
                study.tell(number, Outcome::Measured(vec![cost]), Vec::new());
            }
            Suggestion::Finished => break,
            Suggestion::Wait => panic!("everything was told"),
        }
    }
    found
}

#[test]
fn a_grid_has_each_combination_that_exists_once() {
    let wanted = [
        r#"kind="flat""#,
        r#"kind="deep" depth=1"#,
        r#"kind="deep" depth=2 factor=0.25"#,
        r#"kind="deep" depth=2 factor=0.5"#,
        r#"kind="deeper" depth=8"#,
        r#"kind="deeper" depth=9"#,
    ];
    assert_eq!(all_trials("GRID_SEARCH", 100), wanted);
}

#[test]
fn the_default_search_finds_each_combination_once_too() {
    let mut found = all_trials("ALGORITHM_UNSPECIFIED", 100);
    found.sort();
    let mut wanted = all_trials("GRID_SEARCH", 100);
    wanted.sort();
    assert_eq!(found, wanted);
}

#[test]
fn random_trials_have_what_exists_and_nothing_else() {
    let found = all_trials("RANDOM_SEARCH", 60);
    let grid = all_trials("GRID_SEARCH", 100);
    assert!(found.iter().all(|trial| grid.contains(trial)), "{found:?}");
    assert!(grid.iter().all(|point| found.contains(point)), "{found:?}");
}

#[test]
fn the_better_branch_is_searched_most() {
    let when = |name: &str, parameter: &str| {
        json!({"parentCategoricalValues": {"values": [name]}, "parameterSpec": {
            "parameterId": parameter, "doubleValueSpec": {"minValue": 0.0, "maxValue": 1.0}}})
    };
    let space = spec(json!({
        "metrics": [{"metricId": "cost", "goal": "MINIMIZE"}],
        "parameters": [{
            "parameterId": "kind",
            "categoricalValueSpec": {"values": ["good", "bad"]},
            "conditionalParameterSpecs": [when("good", "x"), when("bad", "y")],
        }],
    }));
    let mut study = Study::new(&space, StudyOptions { seed: 0, ahead: 1 }).unwrap();
    let (mut good, mut best) = (0, f64::INFINITY);
    for _ in 0..30 {
        let Suggestion::Trial { number, parameters } = study.ask() else {
            panic!("a double has no end");
        };
        let value = parameters[1].value.as_f64().unwrap();
        let cost = match parameters[1].parameter_id.as_str() {
            "x" => (value - 0.7).powi(2),
            _ => 1.0 + value,
        };
        good += usize::from(cost < 1.0);
        best = best.min(cost);
        study.tell(number, Outcome::Measured(vec![cost]), Vec::new());
    }
    assert!(good >= 20 && best < 1e-4, "{good} of 30, best {best}");
}

#[test]
fn one_name_for_two_parameters_that_may_both_exist_is_refused() {
    let mut twice = space("ALGORITHM_UNSPECIFIED");
    let below = &mut twice.parameters[0].conditional_parameter_specs;
    below[1].parent_categorical_values = below[0].parent_categorical_values.clone();
    let error = Study::new(&twice, StudyOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "parameter `depth` is specified twice (hyphens and underscores are the same)"
    );
}
