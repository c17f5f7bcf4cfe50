//! What a study writes.

use artifacts::{BestHyperparameters, TrialState, Trials};
use serde_json::json;

use crate::{Workspace, study};

#[test]
fn the_best_trial_is_handed_on_with_every_hyperparameter() {
    let workspace = Workspace::new();
    let document = workspace.succeed("out", &["--batch-size", "10"]);
    let read = |name: &str| std::fs::read(workspace.path(name)).unwrap();
    let trials: Trials = artifacts::parse("trials.json", &read("out/trials.json")).unwrap();
    let best: BestHyperparameters = artifacts::parse("best.json", &read("out/best.json")).unwrap();
    assert_eq!(trials.trials.len(), 10);
    let winner = trials.best().unwrap();
    assert_eq!(best.trial_id, winner.id);
    assert_eq!(Some(best.metric_value), winner.metric("rmse"));
    let lowest = trials
        .trials
        .iter()
        .filter_map(|trial| trial.metric("rmse"));
    assert_eq!(best.metric_value, lowest.fold(f64::INFINITY, f64::min));
    for parameter in &winner.parameters {
        let name = parameter.parameter_id.replace('-', "_");
        let (found, wanted) = (&best.hyperparameters[&name], &parameter.value);
        assert_eq!(found.as_f64(), wanted.as_f64(), "{name}");
    }
    assert_eq!(
        best.hyperparameters["batch_size"], 10,
        "what the study does not search"
    );
    assert_eq!(best.hyperparameters.len(), 7);

    let metadata = &document["artifacts"]["metrics"]["metadata"];
    assert_eq!(
        document["parameters"],
        json!({
            "best_metric_value": best.metric_value, "gcp_resources": "{\"resources\":[]}"
        })
    );
    assert_eq!(
        metadata["best_eval_root_mean_squared_error"],
        best.metric_value
    );
    assert_eq!(metadata["trials"], 10);
    assert_eq!(metadata, &workspace.json("out/metrics.json"));
    let naive = metadata["eval_naive_open_root_mean_squared_error"]
        .as_f64()
        .unwrap();
    assert!(
        best.metric_value < naive,
        "tuning finds something: {} {naive}",
        best.metric_value
    );

    let report = String::from_utf8(read("out/report.html")).unwrap();
    for part in [
        "Optimisation history",
        "best so far",
        "Parallel coordinates",
        "Importance",
        "Slices",
        "learning-rate",
        "All trials",
    ] {
        assert!(report.contains(part), "the report has no {part}");
    }
    // The pipeline's UI shows it in a frame that runs no script and loads nothing.
    for part in ["<script", "http:", "https:", "url(", "NaN"] {
        assert!(!report.contains(part), "the report has {part}");
    }
}

#[test]
fn the_test_split_is_not_read() {
    let workspace = Workspace::new();
    std::fs::remove_file(workspace.path("examples/test.csv")).unwrap();
    workspace.succeed("out", &["--max-trial-count", "2"]);
}

#[test]
fn a_study_is_the_same_bytes_whatever_the_number_of_workers() {
    let workspace = Workspace::new();
    for workers in ["1", "2", "7"] {
        workspace.succeed(workers, &["--parallel-trial-count", workers]);
    }
    workspace.succeed("other", &["--seed", "1"]);
    let one = workspace.files("1");
    assert_eq!(one, workspace.files("2"));
    assert_eq!(one, workspace.files("7"));
    assert_ne!(one, workspace.files("other"), "another seed");
}

#[test]
fn a_diverged_trial_is_infeasible_and_the_study_goes_on() {
    let workspace = Workspace::new();
    let mut study = study();
    study["studySpec"]["parameters"][0] = json!({
        "parameterId": "learning_rate", "discreteValueSpec": { "values": [0.01, 1e9] },
    });
    study["studySpec"]["parameters"][2] = json!({
        "parameterId": "weight_decay", "discreteValueSpec": { "values": [0.0] },
    });
    workspace.write("study.json", study.to_string());
    let document = workspace.succeed("out", &["--train-steps", "50"]);
    let trials = workspace.read("out/trials.json");
    let trials: Trials = artifacts::parse("trials.json", &trials).unwrap();
    let failed: Vec<_> = trials
        .trials
        .iter()
        .filter(|trial| trial.state == TrialState::Infeasible)
        .collect();
    assert!(
        !failed.is_empty() && failed.len() < 10,
        "{} of 10",
        failed.len()
    );
    for trial in &failed {
        assert_eq!(trial.metric("rmse"), None);
        let reason = trial.infeasible_reason.as_ref().unwrap();
        assert!(reason.starts_with("training diverged at step "), "{reason}");
    }
    let count = &document["artifacts"]["metrics"]["metadata"]["infeasible_trials"];
    assert_eq!(count.as_u64(), Some(failed.len() as u64));
}

#[test]
fn a_yaml_study_and_flags_over_it_are_understood() {
    let workspace = Workspace::new();
    let yaml = "studySpec:\n  metrics: [{ metricId: root_mean_squared_error, goal: MINIMIZE }]\n  \
                parameters:\n  - parameterId: num_layers\n    integerValueSpec: { minValue: 0, maxValue: 3 }\n  \
                algorithm: GRID_SEARCH\nmaxTrialCount: 2\n";
    workspace.write("study.json", yaml);
    workspace.succeed("out", &["--max-trial-count", "50", "--train-steps", "50"]);
    let trials = workspace.json("out/trials.json");
    assert_eq!(trials["metricId"], "root_mean_squared_error");
    let layers: Vec<_> = trials["trials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trial| trial["parameters"][0]["value"].as_u64().unwrap())
        .collect();
    assert_eq!(
        layers,
        [0, 1, 2, 3],
        "the flag's 50 trials, but the grid has 4 points"
    );
}

#[test]
fn progress_names_each_trial_and_the_best_so_far() {
    let workspace = Workspace::new();
    let log = workspace
        .run("out", &["--max-trial-count", "3", "--log-format", "text"])
        .stderr;
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("best so far"))
        .collect();
    assert_eq!(lines.len(), 3, "{log}");
    for number in 1..=3 {
        assert!(
            lines
                .iter()
                .any(|line| line.contains(&format!("trial {number}/3: rmse "))),
            "{log}"
        );
    }
}

#[test]
fn a_dry_run_tells_its_plan_and_touches_nothing() {
    let workspace = Workspace::new();
    let before = workspace.path("out");
    let run = workspace.run("out", &["--dry-run"]);
    assert_eq!(run.code, Some(0));
    assert_eq!(
        run.stdout,
        "reads examples examples (train and eval, not test)\nreads study study.json\n\
         then runs the study of study.json, seed 0\n\
         writes best hyperparameters out/best.json\nwrites trials out/trials.json\n\
         writes metrics out/metrics.json\nwrites report out/report.html\n"
    );
    assert!(!before.exists());
}

#[test]
fn threads_and_memory_change_no_byte() {
    let workspace = Workspace::new();
    let with = |to: &str, flags: &[&str]| {
        let run = workspace.run(to, flags);
        let stored = run
            .stderr
            .contains("room for: examples/train.csv goes through ");
        run.outputs();
        (workspace.files(to), stored)
    };
    let (alone, stored) = with("alone", &["--threads", "1", "--batch-size", "128"]);
    assert!(alone.contains_key("best.json") && !stored);
    let flags = [
        "--threads",
        "3",
        "--batch-size",
        "128",
        "--memory-limit",
        "0",
    ];
    let (other, stored) = with("other", &flags);
    assert!(stored);
    assert!(other == alone, "other files");
}
