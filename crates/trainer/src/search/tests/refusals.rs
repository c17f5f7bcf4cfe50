//! What a study is refused for, whole messages.

use serde_json::{Value, json};

use super::{Study, StudyOptions, spec};

/// The error of a small study that was changed like this.
fn error(change: &dyn Fn(&mut Value)) -> String {
    let mut value = json!({
        "metrics": [{"metricId": "cost", "goal": "MINIMIZE"}],
        "parameters": [{"parameterId": "x", "doubleValueSpec": {"minValue": 0.1, "maxValue": 1.0}}],
    });
    change(&mut value);
    let study = Study::new(&spec(value), StudyOptions::default());
    study.unwrap_err().to_string()
}

/// The error of a small study whose parameter was changed like this.
fn parameter(change: &Value) -> String {
    error(&|value| {
        for (key, field) in change.as_object().unwrap() {
            value["parameters"][0][key] = field.clone();
        }
    })
}

#[test]
fn metrics_and_stopping_rules_that_are_not_supported_are_refused_by_name() {
    assert_eq!(
        error(&|v| v["metrics"] = json!([])),
        "the study has no metrics"
    );
    let metric = json!({"metricId": "cost", "goal": "MINIMIZE"});
    assert_eq!(
        error(&|v| v["metrics"] = json!([metric, metric])),
        "metric `cost` is specified twice"
    );
    let unsupported =
        |field: &str| format!("the study sets `{field}`, which this tuner does not support");
    for (field, value) in [
        ("convexAutomatedStoppingSpec", json!({"maxStepCount": "9"})),
        ("observationNoise", json!("HIGH")),
    ] {
        assert_eq!(error(&|v| v[field] = value.clone()), unsupported(field));
    }
    for (field, value) in [
        ("shouldStopAsap", json!(true)),
        ("maxDurationNoProgress", json!("60s")),
        ("minimumRuntimeConstraint", json!({"maxDuration": "60s"})),
        ("maximumRuntimeConstraint", json!({"maxDuration": "60s"})),
    ] {
        assert_eq!(
            error(&|v| v["studyStoppingConfig"] = json!({ field: value })),
            unsupported(&format!("studyStoppingConfig.{field}"))
        );
    }
    let rules = ["medianAutomatedStoppingSpec", "decayCurveStoppingSpec"];
    for rule in rules {
        assert_eq!(
            error(&|v| v[rule] = json!({"useElapsedDuration": true})),
            format!(
                "the study's {rule} sets `useElapsedDuration`; this tuner compares trials by \
                 their steps, so that a study gives the same trials on every machine"
            )
        );
        let other = json!({"metricId": "size", "goal": "MINIMIZE"});
        assert_eq!(
            error(&|v| {
                v["metrics"] = json!([metric, other]);
                v[rule] = json!({"useElapsedDuration": false});
            }),
            format!(
                "the study has 2 metrics and sets `{rule}`; trials can be stopped early in a \
                 study of one metric"
            )
        );
    }
    assert_eq!(
        error(&|v| rules.iter().for_each(|rule| v[rule] = json!({}))),
        "the study sets `medianAutomatedStoppingSpec` and `decayCurveStoppingSpec`; give at most \
         one of them"
    );
}

#[test]
fn algorithms_and_spaces_that_are_not_supported_are_refused_by_name() {
    assert_eq!(
        error(&|v| v["algorithm"] = json!("HILL_CLIMBING")),
        "the study's algorithm is `HILL_CLIMBING`; this tuner knows ALGORITHM_UNSPECIFIED \
         (Gaussian process), RANDOM_SEARCH and GRID_SEARCH"
    );
    assert_eq!(
        error(&|v| v["measurementSelectionType"] = json!("FIRST")),
        "the study's measurementSelectionType is `FIRST`; this tuner knows LAST_MEASUREMENT and \
         BEST_MEASUREMENT"
    );
    assert_eq!(
        error(&|v| v["algorithm"] = json!("GRID_SEARCH")),
        "GRID_SEARCH needs a finite space, but parameter `x` is a double; list its values in a \
         discreteValueSpec"
    );
    assert_eq!(
        error(&|v| v["parameters"] = json!([])),
        "the study has no parameters"
    );
    let twice = |id: &str| json!({"parameterId": id, "categoricalValueSpec": {"values": ["a"]}});
    assert_eq!(
        error(&|v| v["parameters"] = json!([twice("num_layers"), twice("num-layers")])),
        "parameter `num-layers` is specified twice (hyphens and underscores are the same)"
    );
}

#[test]
fn parameters_that_cannot_be_searched_are_refused_by_name() {
    assert_eq!(
        parameter(&json!({"integerValueSpec": {"minValue": 1, "maxValue": 2}})),
        "parameter `x`: 2 value specifications; give exactly one of doubleValueSpec, \
         integerValueSpec, discreteValueSpec and categoricalValueSpec"
    );
    assert_eq!(
        parameter(&json!({"doubleValueSpec": {"minValue": 2.0, "maxValue": 1.0}})),
        "parameter `x`: minValue 2 and maxValue 1 are not a finite, increasing interval"
    );
    assert_eq!(
        parameter(
            &json!({"doubleValueSpec": {"minValue": 0.0, "maxValue": 1.0}, "scaleType": "UNIT_LOG_SCALE"})
        ),
        "parameter `x`: a logarithmic scale needs values above 0, minValue is 0"
    );
    assert_eq!(
        parameter(&json!({"doubleValueSpec": null, "discreteValueSpec": {"values": [2.0, 1.0]}})),
        "parameter `x`: the values of a discreteValueSpec must be finite numbers in increasing \
         order"
    );
    let names = |values: Value| json!({"doubleValueSpec": null, "categoricalValueSpec": {"values": values}});
    assert_eq!(
        parameter(&names(json!(["a", "a"]))),
        "parameter `x`: the values of a categoricalValueSpec must be different names, at least one"
    );
    let mut scaled = names(json!(["a"]));
    scaled["scaleType"] = json!("UNIT_LINEAR_SCALE");
    assert_eq!(
        parameter(&scaled),
        "parameter `x`: a categorical parameter has no scaleType"
    );
    let many: Vec<f64> = (0..1001).map(f64::from).collect();
    assert_eq!(
        parameter(&json!({"doubleValueSpec": null, "discreteValueSpec": {"values": many}})),
        "parameter `x`: a discreteValueSpec has at most 1000 values, this one has 1001"
    );
}

/// The error of a study with this conditional parameter below a parent of this kind.
fn refused(parent: &Value, condition: &Value) -> String {
    let mut child = condition.clone();
    child["parameterSpec"] =
        json!({"parameterId": "child", "doubleValueSpec": {"minValue": 0.0, "maxValue": 1.0}});
    let mut parameter = parent.clone();
    parameter["parameterId"] = json!("parent");
    parameter["conditionalParameterSpecs"] = json!([child]);
    let study = spec(json!({"metrics": [{"metricId": "cost"}], "parameters": [parameter]}));
    let error = Study::new(&study, StudyOptions::default()).unwrap_err();
    error.to_string()
}

#[test]
fn conditions_that_cannot_hold_are_refused_by_name() {
    let kinds = json!({"categoricalValueSpec": {"values": ["a", "b"]}});
    let integers = json!({"integerValueSpec": {"minValue": "1", "maxValue": "3"}});
    let values = |list: &str, values: Value| json!({ list: { "values": values } });
    assert_eq!(
        refused(&kinds, &json!({})),
        "parameter `child`: its condition has 0 lists of values; give exactly one of \
         parentDiscreteValues, parentIntValues and parentCategoricalValues"
    );
    assert_eq!(
        refused(&kinds, &values("parentIntValues", json!(["1"]))),
        "parameter `child`: its condition gives parentIntValues, but its parent `parent` takes \
         parentCategoricalValues"
    );
    assert_eq!(
        refused(&kinds, &values("parentCategoricalValues", json!([]))),
        "parameter `child`: its condition's parentCategoricalValues are empty"
    );
    assert_eq!(
        refused(&kinds, &values("parentCategoricalValues", json!(["c"]))),
        "parameter `child`: its parent `parent` never has the value \"c\""
    );
    assert_eq!(
        refused(&integers, &values("parentIntValues", json!(["2", "many"]))),
        "parameter `child`: its parent `parent` never has the value \"many\""
    );
    let double = json!({"doubleValueSpec": {"minValue": 0.0, "maxValue": 1.0}});
    assert_eq!(
        refused(&double, &values("parentDiscreteValues", json!([0.5]))),
        "parameter `child`: its parent `parent` is a double; only parameters of integer, discrete \
         and categorical values have conditional ones"
    );
}
