//! The last line of every failure.

use crate::Workspace;

const AGAIN: &str = "Next step: run `transform` again to write consistent examples";

#[test]
fn a_diverged_run_says_so_and_leaves_an_earlier_model_alone() {
    let workspace = Workspace::new();
    workspace.succeed("out", &["--train-steps", "50"]);
    let before = workspace.files("out");
    let flags = ["--learning-rate", "1e9", "--weight-decay", "0"];
    let run = workspace.run("out", &flags);
    let last = run.error(1);
    let pattern = "error: no model was written: training diverged at step ";
    assert!(last.starts_with(pattern), "{last}");
    let end = "with a learning rate of 1000000000. Next step: lower the learning rate";
    assert!(last.ends_with(end), "{last}");
    assert_eq!(workspace.files("out"), before);
}

#[test]
fn flags_out_of_range_are_usage_errors() {
    let workspace = Workspace::new();
    let help = "Next step: see train --help for the ranges";
    assert_eq!(
        workspace.fail(2, &["--learning-rate", "0"]),
        format!(
            "error: hyperparameter `learning_rate` is 0.0; it must be a number above 0. {help}"
        )
    );
    assert_eq!(
        workspace.fail(2, &["--first-layer-size", "5000"]),
        format!(
            "error: hyperparameter `first_layer_size` is 5000; it must be a whole number from 1 \
             to 1024. {help}"
        )
    );
    assert_eq!(
        workspace.fail(2, &["--learning-rate", "0.5", "--weight-decay", "2"]),
        format!(
            "error: the options do not work together: `weight_decay` is 2; it must be at least 0 \
             and below 1 / learning_rate. {help}"
        )
    );
}

#[test]
fn best_hyperparameters_that_make_no_sense_are_named() {
    let workspace = Workspace::new();
    let hint = "Next step: give the file that hptune wrote as --best-hyperparameters";
    let fail = |text: &str| {
        workspace.write("best.json", text);
        workspace.fail(1, &["--best-hyperparameters", "best.json"])
    };
    let best = |version: u32, hyperparameters: &str| {
        format!(
            "{{\"version\": {version}, \"trial_id\": \"1\", \"metric_id\": \"rmse\", \
             \"metric_value\": 1.0, \"hyperparameters\": {hyperparameters}}}"
        )
    };
    assert_eq!(
        fail(&best(1, "{\"learning_rte\": 0.1}")),
        format!(
            "error: best.json cannot be used: unknown hyperparameter `learning_rte`; there are \
             learning_rate, first_layer_size, num_layers, scale_factor, batch_size, train_steps, \
             weight_decay. {hint}"
        )
    );
    assert_eq!(
        fail(&best(1, "{\"num_layers\": 2.5}")),
        format!(
            "error: best.json cannot be used: hyperparameter `num_layers` is 2.5; it must be a \
             whole number from 0 to 60. {hint}"
        )
    );
    assert_eq!(
        fail(&best(2, "{}")),
        format!(
            "error: best.json cannot be used: best.json has format version 2, this build reads \
             version 1. {hint}"
        )
    );
    assert_eq!(
        workspace.fail(1, &["--best-hyperparameters", "absent.json"]),
        "error: absent.json does not exist. Next step: check the address and that the step \
         before wrote it"
    );
}

#[test]
fn examples_that_do_not_fit_are_named() {
    let workspace = Workspace::new();
    workspace.replace("examples/train.csv", "2020-01-02,", "2020-01-02,x");
    let last = workspace.fail(1, &[]);
    let start =
        "error: the examples in examples cannot be used: train.csv, column `open`, row 2: `x";
    assert!(last.starts_with(start), "{last}");
    assert!(
        last.ends_with(&format!("` is not a number. {AGAIN}")),
        "{last}"
    );

    let workspace = Workspace::new();
    workspace.replace(
        "examples/schema.json",
        "\"open\",\"high\",\"low\"]",
        "\"open\",\"high\"]",
    );
    assert_eq!(
        workspace.fail(1, &[]),
        format!(
            "error: the examples in examples cannot be used: transform_params.json has the \
             inputs open, high, low, but schema.json has open, high. {AGAIN}"
        )
    );

    let workspace = Workspace::new();
    workspace.replace(
        "examples/transform_params.json",
        "\"reference\":\"open\",",
        "",
    );
    assert_eq!(
        workspace.fail(1, &[]),
        format!(
            "error: the examples in examples cannot be used: transform_params.json is not \
             usable: the feature transform is not usable: feature 0 (`high`) is relative but \
             there is no reference. {AGAIN}"
        )
    );

    let workspace = Workspace::new();
    let test = workspace.text("examples/test.csv");
    let first = test.lines().nth(1).unwrap().to_owned();
    let (date, rest) = first.split_once(',').unwrap();
    let (_, rest) = rest.split_once(',').unwrap();
    workspace.replace("examples/test.csv", &first, &format!("{date},-1,{rest}"));
    assert_eq!(
        workspace.fail(1, &[]),
        format!(
            "error: the examples in examples cannot be used: test.csv cannot be encoded: row 0 \
             cannot be encoded: `open` is -1; it must be above 0. {AGAIN}"
        )
    );
}

#[test]
fn missing_examples_are_named() {
    let workspace = Workspace::new();
    std::fs::remove_file(workspace.path("examples/schema.json")).unwrap();
    assert_eq!(
        workspace.fail(1, &[]),
        "error: examples/schema.json does not exist. Next step: check the address and that the \
         step before wrote it"
    );
}

#[test]
fn too_few_rows_for_the_baselines_are_named() {
    let workspace = Workspace::new();
    let train = workspace.text("examples/train.csv");
    let short: String = train
        .lines()
        .take(4)
        .map(|line| format!("{line}\n"))
        .collect();
    workspace.write("examples/train.csv", &short);
    workspace.replace("examples/schema.json", "\"rows\":140", "\"rows\":3");
    assert_eq!(
        workspace.fail(1, &[]),
        "error: the baselines cannot be fitted: least squares with 4 unknowns needs at least as \
         many rows, found 3. Next step: run `transform` on more rows"
    );
}
