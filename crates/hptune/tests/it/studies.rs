//! Parts of a study's specification, and studies that begin from others.

use artifacts::{Trial, TrialState, Trials};
use serde_json::{Value, json};

use crate::{Workspace, study};

fn trials(workspace: &Workspace, name: &str) -> Trials {
    let bytes = std::fs::read(workspace.path(name)).unwrap();
    artifacts::parse("trials.json", &bytes).unwrap()
}

/// A workspace whose study was changed like this.
fn changed(change: impl Fn(&mut Value)) -> Workspace {
    let workspace = Workspace::new();
    let mut study = study();
    change(&mut study["studySpec"]);
    workspace.write("study.json", study.to_string());
    workspace
}

fn steps(trial: &Trial) -> i64 {
    trial.measurements.last().unwrap().step_count
}

#[test]
fn hopeless_trials_are_stopped_the_same_ones_every_time() {
    for rule in ["medianAutomatedStoppingSpec", "decayCurveStoppingSpec"] {
        let workspace = changed(|spec| {
            spec[rule] = json!({});
            spec["parameters"][2] = json!({
                "parameterId": "train_steps", "discreteValueSpec": {"values": [200.0]},
            });
        });
        let flags = |workers| {
            [
                "--max-trial-count",
                "30",
                "--eval-steps",
                "10",
                "--parallel-trial-count",
                workers,
            ]
        };
        let document = workspace.succeed("1", &flags("1"));
        workspace.succeed("3", &flags("3"));
        assert_eq!(workspace.files("1"), workspace.files("3"), "{rule}");
        let table = trials(&workspace, "1/trials.json");
        let (stopped, ended): (Vec<_>, Vec<_>) = table
            .trials
            .iter()
            .partition(|t| t.state == TrialState::Stopped);
        assert!(
            (3..25).contains(&stopped.len()),
            "{rule}: {} of 30",
            stopped.len()
        );
        for trial in &stopped {
            assert!(steps(trial) < 200, "{rule}: it was cut short");
            assert_eq!(trial.final_measurement, trial.measurements.last().cloned());
        }
        assert!(ended.iter().all(|trial| steps(trial) == 200));
        assert!(ended.contains(&table.best().unwrap()));
        let count = &document["artifacts"]["metrics"]["metadata"]["stopped_trials"];
        assert_eq!(count.as_u64(), Some(stopped.len() as u64));
        let report = std::fs::read_to_string(workspace.path("1/report.html")).unwrap();
        assert!(report.contains("stopped early"));

        // A journal cut off after any trial leads to the same end.
        workspace.succeed(
            "2",
            &[&flags("2")[..], &["--journal", "journal.json"]].concat(),
        );
        let mut journal = workspace.json("journal.json");
        journal["trials"].as_array_mut().unwrap().truncate(17);
        workspace.write("journal.json", journal.to_string());
        workspace.succeed(
            "again",
            &[&flags("2")[..], &["--journal", "journal.json"]].concat(),
        );
        assert_eq!(workspace.files("again"), workspace.files("1"), "{rule}");
    }
}

#[test]
fn the_best_measurement_counts_where_the_study_says_so() {
    let results = ["LAST_MEASUREMENT", "BEST_MEASUREMENT"].map(|selection| {
        let workspace = changed(|spec| {
            spec["measurementSelectionType"] = json!(selection);
            spec["algorithm"] = json!("RANDOM_SEARCH");
        });
        workspace.succeed("out", &["--eval-steps", "5"]);
        trials(&workspace, "out/trials.json").trials
    });
    let [last, best] = results;
    let mut differ = 0;
    for (last, best) in last.iter().zip(&best) {
        assert_eq!(last.measurements, best.measurements);
        let trained = last.measurements.iter().filter(|look| look.step_count > 0);
        let lowest = trained
            .map(|look| look.metrics[0].value)
            .fold(f64::INFINITY, f64::min);
        assert_eq!(last.final_measurement.as_ref(), last.measurements.last());
        assert_eq!(best.metric("rmse"), Some(lowest));
        differ += usize::from(best.metric("rmse") < last.metric("rmse"));
    }
    assert!(differ > 0, "some trial ends worse than it was");
}

#[test]
fn conditional_parameters_are_searched_where_they_exist() {
    let workspace = changed(|spec| {
        spec["parameters"][1] = json!({
            "parameterId": "num_layers",
            "integerValueSpec": {"minValue": "0", "maxValue": "2"},
            "conditionalParameterSpecs": [{
                "parentIntValues": {"values": ["1", "2"]},
                "parameterSpec": {
                    "parameterId": "first_layer_size",
                    "integerValueSpec": {"minValue": "2", "maxValue": "8"},
                    "conditionalParameterSpecs": [],
                },
            }],
        });
    });
    workspace.succeed("out", &["--max-trial-count", "20"]);
    let table = trials(&workspace, "out/trials.json");
    let mut seen = [false; 2];
    for trial in &table.trials {
        let layers = trial
            .parameter("num_layers")
            .and_then(Value::as_u64)
            .unwrap();
        let size = trial.parameter("first_layer_size");
        assert_eq!(size.is_some(), layers > 0, "{trial:?}");
        seen[usize::from(layers > 0)] = true;
    }
    assert_eq!(seen, [true; 2]);
    let unknown = changed(|spec| {
        spec["parameters"][2]["conditionalParameterSpecs"] = json!([{
            "parentDiscreteValues": {"values": [50.0]},
            "parameterSpec": {
                "parameterId": "first_layer_size",
                "integerValueSpec": {"minValue": "0", "maxValue": "8"},
            },
        }]);
        spec["parameters"].as_array_mut().unwrap().remove(1);
    });
    assert_eq!(
        unknown.fail(2, &[]),
        "error: study.json cannot be run: hyperparameter `first_layer_size` is 0; it must be a \
         whole number from 1 to 1024. Next step: change the study file"
    );
}

#[test]
fn several_metrics_give_a_front_and_the_first_one_the_best() {
    let workspace = changed(|spec| {
        spec["metrics"] = json!([
            {"metricId": "rmse", "goal": "MINIMIZE"},
            {"metricId": "parameter_count", "goal": "MINIMIZE"},
        ]);
    });
    let document = workspace.succeed("out", &["--max-trial-count", "20"]);
    let table = trials(&workspace, "out/trials.json");
    assert_eq!(table.pareto_front, table.compromises());
    assert!(table.pareto_front.contains(&table.best().unwrap().id));
    let fewest = table
        .trials
        .iter()
        .filter_map(|t| t.metric("parameter_count"));
    let fewest = fewest.fold(f64::INFINITY, f64::min);
    let front = table
        .trials
        .iter()
        .filter(|t| table.pareto_front.contains(&t.id));
    assert!(
        front
            .filter_map(|t| t.metric("parameter_count"))
            .any(|n| n == fewest)
    );
    let count = &document["artifacts"]["metrics"]["metadata"]["pareto_front_trials"];
    assert_eq!(count.as_u64(), Some(table.pareto_front.len() as u64));
    let report = std::fs::read_to_string(workspace.path("out/report.html")).unwrap();
    assert!(report.contains("Compromises") && report.contains("on the front"));
}

#[test]
fn a_study_begins_from_the_trials_of_others() {
    let workspace = Workspace::new();
    let first = ["--max-trial-count", "25", "--journal", "journal.json"];
    workspace.succeed("first", &first);
    let best = workspace.json("first/best.json");
    let winner = best["trial_id"].as_str().unwrap().parse::<usize>().unwrap() - 1;
    // A narrower space of the layer's size leaves some trials out.
    let mut narrow = study();
    narrow["studySpec"]["parameters"][1]["integerValueSpec"]["maxValue"] = json!("14");
    workspace.write("study.json", narrow.to_string());
    let earlier = workspace.json("first/trials.json");
    let outside = earlier["trials"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|trial| trial["parameters"][1]["value"].as_u64().unwrap() > 14);
    let outside = outside.count() as u64;
    for (name, source) in [("table", "first/trials.json"), ("log", "journal.json")] {
        let flags = ["--seed", "7", "--warm-start", source];
        let document = workspace.succeed(name, &[&flags[..], &["--max-trial-count", "4"]].concat());
        let metadata = &document["artifacts"]["metrics"]["metadata"];
        assert_eq!(metadata["warm_start_trials_left_out"], outside, "{name}");
        assert_eq!(metadata["warm_start_trials"], 25 - outside, "{name}");
        let table = workspace.json(&format!("{name}/trials.json"));
        if earlier["trials"][winner]["parameters"][1]["value"]
            .as_u64()
            .unwrap()
            <= 14
        {
            assert_eq!(
                table["trials"][0]["parameters"], earlier["trials"][winner]["parameters"],
                "the earlier best comes first"
            );
        }
    }
    assert!(outside > 0, "some trial lies outside");
    let warm = ["--warm-start", "first/trials.json", "--dry-run"];
    let plan = workspace.run("again", &warm).stdout;
    assert!(plan.contains("reads trials first/trials.json\n"), "{plan}");
}

#[test]
fn another_warm_start_is_another_study() {
    let workspace = Workspace::new();
    workspace.succeed("first", &["--max-trial-count", "3"]);
    let journal = ["--journal", "journal.json", "--max-trial-count", "2"];
    let warm = [&journal[..], &["--warm-start", "first/trials.json"]].concat();
    workspace.succeed("second", &warm);
    assert_eq!(
        workspace.fail(1, &journal),
        "error: journal.json is the journal of another study: its warm start differs. Next step: \
         name another file as --journal, or remove this one"
    );
}

#[test]
fn a_large_network_has_to_promise_more_than_small_ones() {
    let workspace = changed(|spec| {
        spec["parameters"] = json!([
            {"parameterId": "first_layer_size", "integerValueSpec": {"minValue": 2, "maxValue": 128}},
            {"parameterId": "num_layers", "integerValueSpec": {"minValue": 1, "maxValue": 4}},
        ]);
    });
    let journal = ["--max-trial-count", "20", "--journal", "journal.json"];
    let plain = ["--acquisition", "expected-improvement"];
    workspace.succeed("weighed", &journal);
    workspace.succeed("plain", &[&journal[..2], &plain].concat());
    let units = |name: &str| -> f64 {
        let table = trials(&workspace, name);
        let number = |trial: &Trial, i: usize| trial.parameters[i].value.as_f64().unwrap();
        let each = table.trials.iter().map(|t| number(t, 0) * number(t, 1));
        each.sum()
    };
    let (weighed, plainly) = (units("weighed/trials.json"), units("plain/trials.json"));
    assert!(weighed < 0.5 * plainly, "{weighed} of {plainly}");
    assert_eq!(
        workspace.fail(1, &[&journal[..], &plain].concat()),
        "error: journal.json is the journal of another study: its acquisition differs. Next step: \
         name another file as --journal, or remove this one"
    );
}

#[test]
fn a_trial_whose_values_do_not_work_together_is_infeasible() {
    let workspace = changed(|spec| {
        spec["parameters"][0] = json!({
            "parameterId": "learning_rate", "discreteValueSpec": {"values": [0.001, 0.5]},
        });
    });
    workspace.succeed("out", &["--weight-decay", "3"]);
    let table = trials(&workspace, "out/trials.json");
    let failed = table
        .trials
        .iter()
        .filter(|t| t.state == TrialState::Infeasible);
    let reasons: Vec<_> = failed
        .filter_map(|t| t.infeasible_reason.as_deref())
        .collect();
    assert!(!reasons.is_empty());
    for reason in reasons {
        assert_eq!(
            reason,
            "`weight_decay` is 3; it must be at least 0 and below 1 / learning_rate"
        );
    }
    assert_eq!(
        table.best().unwrap().parameter("learning_rate"),
        Some(&json!(0.001))
    );
}
