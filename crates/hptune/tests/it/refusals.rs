//! The last line of every failure.

use serde_json::{Value, json};

use crate::{Workspace, study};

/// The last line of a study that was changed like this.
fn refused(change: impl Fn(&mut Value)) -> String {
    let workspace = Workspace::new();
    let mut study = study();
    change(&mut study);
    workspace.write("study.json", study.to_string());
    workspace.fail(2, &[])
}

#[test]
fn a_journal_of_another_study_is_kept() {
    let workspace = Workspace::new();
    let journal = ["--journal", "journal.json", "--max-trial-count", "2"];
    workspace.succeed("first", &journal);
    let before = workspace.read("journal.json");
    assert_eq!(
        workspace.fail(1, &[&journal[..], &["--seed", "1"]].concat()),
        "error: journal.json is the journal of another study: its seed differs. Next step: name \
         another file as --journal, or remove this one"
    );
    assert_eq!(workspace.read("journal.json"), before);
    workspace.write("journal.json", "[]");
    assert!(
        workspace
            .fail(1, &journal)
            .starts_with("error: journal.json cannot be used: "),
        "what is no journal is refused"
    );
}

#[test]
fn studies_that_cannot_be_run_are_refused_by_name() {
    let line = |problem: &str, hint: &str| {
        format!("error: study.json cannot be run: {problem}. Next step: {hint}")
    };
    let change_it = "change the study file";
    assert_eq!(
        refused(|study| study["studySpec"]["metrics"][0]["metricId"] = json!("accuracy")),
        line(
            "metric `accuracy` is not measured; a trial measures rmse (or \
             root_mean_squared_error) on the eval split",
            change_it
        )
    );
    assert_eq!(
        refused(|study| study["studySpec"]["metrics"][0] = json!({ "metricId": "rmse" })),
        line(
            "metric `rmse` is an error, but its goal is MAXIMIZE (Vertex AI's default)",
            "set goal: MINIMIZE"
        )
    );
    assert_eq!(
        refused(|study| study["studySpec"]["parameters"][0]["parameterId"] = json!("momentum")),
        line(
            "unknown hyperparameter `momentum`; there are learning_rate, first_layer_size, \
             num_layers, scale_factor, batch_size, train_steps, weight_decay",
            change_it
        )
    );
    assert_eq!(
        refused(|study| {
            study["studySpec"]["parameters"][1]["integerValueSpec"]["maxValue"] = json!(2000);
        }),
        line(
            "hyperparameter `first_layer_size` is 2000; it must be a whole number from 1 to 1024",
            change_it
        )
    );
    assert_eq!(
        refused(|study| {
            study["studySpec"]["parameters"][0]["parameterId"] = json!("num_layers");
            let range = json!({ "minValue": 1.0, "maxValue": 3.0 });
            study["studySpec"]["parameters"][0]["doubleValueSpec"] = range;
        }),
        line(
            "`num_layers` takes whole numbers; give it an integerValueSpec or a discreteValueSpec",
            change_it
        )
    );
    assert_eq!(
        refused(|study| study["studySpec"]["medianAutomatedStoppingSpec"] = json!({})),
        line(
            "the study sets `medianAutomatedStoppingSpec`, which this tuner does not support",
            change_it
        )
    );
    assert_eq!(
        refused(|study| study["maxTrialCount"] = json!(0)),
        line("maxTrialCount is 0", change_it)
    );
}

#[test]
fn files_that_are_no_study_are_refused_with_the_place() {
    let hint = "Next step: write it as {\"studySpec\": {\"metrics\": […], \"parameters\": […]}}";
    let workspace = Workspace::new();
    workspace.write("study.json", "{\"studySpec\": {\"trials\": 3}}");
    assert_eq!(
        workspace.fail(2, &[]),
        format!(
            "error: study.json is not a study: unknown field `trials`, expected one of `metrics`, \
             `parameters`, `algorithm`, `measurementSelectionType`, \
             `medianAutomatedStoppingSpec`, `decayCurveStoppingSpec`, `studyStoppingConfig` at \
             line 1 column 23. {hint}"
        )
    );
    workspace.write("study.json", "maxTrialCount: 3\n");
    assert_eq!(
        workspace.fail(2, &[]),
        format!("error: study.json is not a study: missing field `studySpec`. {hint}")
    );
    std::fs::remove_file(workspace.path("study.json")).unwrap();
    assert_eq!(
        workspace.fail(1, &[]),
        "error: study.json does not exist. Next step: check the address and that the step \
         before wrote it"
    );
}

#[test]
fn flags_out_of_range_are_usage_errors() {
    assert_eq!(
        Workspace::new().fail(2, &["--weight-decay=-1"]),
        "error: hyperparameter `weight_decay` is -1.0; it must be a number at least 0. Next step: \
         see hptune --help for the ranges"
    );
}

#[test]
fn values_that_do_not_work_together_are_named_with_their_trial() {
    let workspace = Workspace::new();
    let mut study = study();
    study["studySpec"]["parameters"][0] = json!({
        "parameterId": "learning_rate", "discreteValueSpec": { "values": [0.5] },
    });
    workspace.write("study.json", study.to_string());
    let flags = ["--weight-decay", "3", "--parallel-trial-count", "1"];
    assert_eq!(
        workspace.fail(2, &flags),
        "error: trial 1 cannot be run: the options do not work together: `weight_decay` is 3; it \
         must be at least 0 and below 1 / learning_rate. Next step: change the study file"
    );
}

/// A study in which every trial diverges.
fn hopeless() -> Value {
    let mut study = study();
    study["studySpec"]["parameters"][0] = json!({
        "parameterId": "learning_rate", "discreteValueSpec": { "values": [1e9] },
    });
    study["maxTrialCount"] = json!(4);
    study
}

#[test]
fn a_study_in_which_every_trial_fails_says_why() {
    let workspace = Workspace::new();
    workspace.write("study.json", hopeless().to_string());
    let last = workspace.fail(1, &["--weight-decay", "0"]);
    let start = "error: all 4 trials failed; the last one: training diverged at step ";
    assert!(last.starts_with(start), "{last}");
    let end = "with a learning rate of 1000000000. Next step: lower the study's largest \
               learning_rate";
    assert!(last.ends_with(end), "{last}");
}

#[test]
fn a_study_with_too_many_failed_trials_ends_early() {
    let workspace = Workspace::new();
    let mut study = hopeless();
    study["maxFailedTrialCount"] = json!(2);
    workspace.write("study.json", study.to_string());
    let last = workspace.fail(1, &["--weight-decay", "0"]);
    let start = "error: 2 trials failed, maxFailedTrialCount is 2; the last one: training diverged";
    assert!(last.starts_with(start), "{last}");
}

#[test]
fn examples_that_do_not_fit_are_named() {
    let workspace = Workspace::new();
    workspace.write("examples/eval.csv", "date,open\n");
    assert_eq!(
        workspace.fail(1, &[]),
        "error: the examples in examples cannot be used: eval.csv has no column `high`; it has \
         date, open. Next step: run `transform` again to write consistent examples"
    );
}
