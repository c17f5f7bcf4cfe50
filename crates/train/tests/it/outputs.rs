//! What a run writes.

use artifacts::{Golden, Metrics};
use model::{Model, PredictScratch};
use serde_json::json;

use crate::Workspace;

#[test]
fn the_model_folder_is_whole_and_predicts_its_golden_rows() {
    let workspace = Workspace::new();
    let document = workspace.succeed("out", &["--train-steps", "300"]);
    let model = Model::from_onnx(&workspace.read("out/model/model.onnx"));
    let model = model.unwrap();
    let golden = workspace.read("out/model/golden.json");
    let golden: Golden = artifacts::parse("golden.json", &golden).unwrap();
    assert_eq!(golden.inputs, ["open", "high", "low"]);
    assert_eq!(golden.instances.len(), 16);
    let rows: Vec<f32> = golden
        .instances
        .iter()
        .flatten()
        .map(|value| *value as f32)
        .collect();
    assert_eq!(
        model.predict(&rows, &mut PredictScratch::default()),
        golden.predictions
    );

    let metrics = workspace.read("out/metrics.json");
    assert_eq!(metrics, workspace.read("out/model/metrics.json"));
    let metrics: Metrics = artifacts::parse("metrics.json", &metrics).unwrap();
    assert_eq!(&metrics, &model.metadata().metrics);
    assert_eq!(metrics.naive_baseline, "naive_open");
    let names: Vec<&str> = metrics.test.baselines.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["least_squares_encoded", "least_squares_raw", "naive_open"]
    );
    let naive = &metrics.test.baselines["naive_open"];
    let rmse = metrics.test.model.root_mean_squared_error;
    assert!(
        rmse < naive.root_mean_squared_error,
        "there is something to learn: {rmse}"
    );

    assert_eq!(
        document["parameters"],
        json!({ "test_root_mean_squared_error": rmse, "gcp_resources": "{\"resources\":[]}" })
    );
    let flat = &document["artifacts"]["metrics"]["metadata"];
    assert_eq!(flat["test_root_mean_squared_error"], json!(rmse));
    assert_eq!(
        flat["eval_naive_open_mean_absolute_error"],
        json!(metrics.eval.baselines["naive_open"].mean_absolute_error)
    );
    assert!(
        flat.as_object()
            .unwrap()
            .values()
            .all(serde_json::Value::is_number)
    );
    assert_eq!(document["artifacts"]["model"]["uri"], "out/model");

    let provenance = &model.metadata().provenance;
    let inputs: Vec<&str> = provenance
        .inputs
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    let read = [
        "schema.json",
        "transform_params.json",
        "train.csv",
        "eval.csv",
        "test.csv",
    ];
    assert_eq!(inputs, read);
}

#[test]
fn the_report_shows_curves_predictions_residuals_and_baselines() {
    let workspace = Workspace::new();
    workspace.succeed("out", &["--train-steps", "100"]);
    let report = workspace.text("out/report.html");
    for part in [
        "Loss by optimizer step",
        "The eval split over time",
        "The test split over time",
        "Residuals",
        "naive_open",
        "least_squares_raw",
        "learning_rate",
    ] {
        assert!(report.contains(part), "the report has no {part}");
    }
    assert!(!report.contains("NaN"));
}

#[test]
fn the_model_card_names_data_metrics_limits_and_how_to_reproduce_it() {
    let workspace = Workspace::new();
    let document = workspace.succeed("out", &["--train-steps", "60", "--patience", "3"]);
    let card = workspace.text("out/model_card.md");
    let rmse = &document["parameters"]["test_root_mean_squared_error"];
    let rmse = format!("{:.2}", rmse.as_f64().unwrap());
    for part in [
        "# Model card: close",
        "## Data",
        "| train | ",
        "`ln(high / open)`",
        "| `naive_open` | ",
        &format!("| **this model** | {rmse} |"),
        "it is no forecast",
        "`train.csv` | ",
        "--patience 3 --seed 0",
    ] {
        assert!(card.contains(part), "the card has no {part}:\n{card}");
    }
    // The card's own command gives the same card.
    let command = card.split("```").nth(1).unwrap().replace('\\', " ");
    let flags: Vec<&str> = command
        .split_whitespace()
        .skip_while(|word| *word != "MODEL")
        .skip(1)
        .collect();
    workspace.succeed("again", &flags);
    assert_eq!(workspace.files("again"), workspace.files("out"));
}

#[test]
fn the_same_data_flags_and_seed_give_the_same_bytes() {
    let workspace = Workspace::new();
    for to in ["one", "two"] {
        workspace.succeed(to, &["--train-steps", "200"]);
    }
    workspace.succeed("other", &["--train-steps", "200", "--seed", "1"]);
    assert_eq!(workspace.files("one"), workspace.files("two"));
    assert_ne!(workspace.files("one"), workspace.files("other"));
}

#[test]
fn a_flag_wins_over_the_best_hyperparameters_and_these_over_the_default() {
    let workspace = Workspace::new();
    let best = json!({
        "version": 1, "trial_id": "3", "metric_id": "rmse", "metric_value": 1.5,
        "hyperparameters": { "learning-rate": 0.002, "num_layers": 1.0, "train_steps": 60 },
    });
    workspace.write("best.json", best.to_string());
    let given = [
        "--best-hyperparameters",
        "best.json",
        "--learning-rate",
        "0.003",
    ];
    let document = workspace.succeed("out", &given);
    let metadata = &document["artifacts"]["model"]["metadata"];
    assert_eq!(metadata["learning_rate"], 0.003, "the flag");
    assert_eq!(metadata["num_layers"], 1, "the best hyperparameters");
    assert_eq!(metadata["train_steps"], 60, "the best hyperparameters");
    assert_eq!(metadata["batch_size"], 20, "the default");
    assert_eq!(metadata["hidden_units"], "8");
}

#[test]
fn skill_and_intervals_come_with_every_model() {
    let workspace = Workspace::new();
    let document = workspace.succeed("out", &["--train-steps", "300"]);
    let flat = &document["artifacts"]["metrics"]["metadata"];
    let number = |name: &str| flat[name].as_f64().unwrap();
    assert!(number("test_skill_low") <= number("test_skill"));
    assert!(number("test_skill") <= number("test_skill_high"));
    let ratio =
        number("test_root_mean_squared_error") / number("test_naive_open_root_mean_squared_error");
    assert!((number("test_skill") - (1.0 - ratio * ratio)).abs() < 1e-12);
    assert_eq!(number("interval_level"), 0.9);
    assert!((0.9..1.0).contains(&number("eval_interval_coverage")));
    assert!(number("test_interval_mean_width") > 0.0);
    let metrics = workspace.json("out/metrics.json");
    assert_eq!(metrics["intervals"]["scale"], "logarithmic");
}

#[test]
fn a_back_test_measures_several_periods_and_leaves_the_model_as_it_is() {
    let workspace = Workspace::new();
    workspace.succeed("plain", &["--train-steps", "60"]);
    workspace.succeed("out", &["--train-steps", "60", "--backtest", "3"]);
    let model = |to: &str| std::fs::read(workspace.path(to).join("model/model.onnx")).unwrap();
    assert_eq!(model("out"), model("plain"));
    let card = workspace.text("out/model_card.md");
    // 140 train and 30 eval rows: periods of 28 rows behind the first 85.
    for rows in ["| 85 |", "| 113 |", "| 141 |"] {
        assert!(card.contains(rows), "{card}");
    }
    let report = workspace.text("out/report.html");
    assert!(report.contains("Back-test") && !report.contains("NaN"));
    let message = workspace.fail_in("few", 1, &["--backtest", "1000"]);
    assert_eq!(
        message,
        "error: 170 train and eval rows are too few for a back-test over 1000 periods. Next step: \
         lower --backtest"
    );
}

#[test]
fn a_horizon_is_measured_against_persistence() {
    let workspace = Workspace::new();
    workspace.replace("examples/schema.json", "\"horizon\":0", "\"horizon\":3");
    workspace.succeed("out", &["--train-steps", "50"]);
    let metrics = workspace.json("out/metrics.json");
    assert_eq!(metrics["naive_baseline"], "persistence");
    assert!(metrics["test"]["baselines"]["persistence"].is_object());
}

#[test]
fn outputs_that_are_not_asked_for_are_not_written() {
    let workspace = Workspace::new();
    let flags = [
        "--examples",
        "examples",
        "--model",
        "out/model",
        "--train-steps",
        "50",
    ];
    workspace.0.run(flags).outputs();
    let names: Vec<_> = workspace.files("out").into_keys().collect();
    let wanted = [
        "model/golden.json",
        "model/metrics.json",
        "model/model.onnx",
    ];
    assert_eq!(names, wanted);
}

#[test]
fn a_dry_run_tells_its_plan_and_touches_nothing() {
    let workspace = Workspace::new();
    let before = workspace.files("");
    let run = workspace.run("out", &["--dry-run", "--train-steps", "7"]);
    assert_eq!(run.code, Some(0));
    assert_eq!(
        run.stdout,
        "reads examples examples\n\
         then trains with batch_size 20, first_layer_size 8, learning_rate 0.001, num_layers 2, \
         scale_factor 0.5, train_steps 7, weight_decay 0.01, looks at the eval split every 100 \
         steps, seed 0\n\
         writes model out/model\nwrites metrics out/metrics.json\nwrites report out/report.html\n\
         writes model card out/model_card.md\n"
    );
    assert_eq!(workspace.files(""), before);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let workspace = Workspace::new();
    // Large enough for the work to be shared between all of them.
    let flags = "--first-layer-size 256 --batch-size 128 --train-steps 60 --backtest 2";
    let with = |threads: &'static str| {
        let mut flags: Vec<&str> = flags.split(' ').collect();
        flags.extend(["--threads", threads]);
        workspace.succeed(threads, &flags);
        workspace.files(threads)
    };
    let alone = with("1");
    assert!(alone.contains_key("model/model.onnx"), "{:?}", alone.keys());
    for threads in ["2", "3"] {
        assert!(
            with(threads) == alone,
            "{threads} threads write other bytes"
        );
    }
}
