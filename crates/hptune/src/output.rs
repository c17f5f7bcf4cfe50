//! What a study hands on.

use artifacts::{
    BestHyperparameters, FORMAT_VERSION, RegressionMetrics, TrialState, Trials, to_json,
};
use component::{Outputs, Plan};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use storage::{PutOptions, Storage, Uri};
use trainer::baselines::Baselines;

use crate::{
    Args, Error, input::Input, report, study, trial::with_parameters, warm_start::WarmStart,
};

/// A finished study.
pub(crate) struct Tuned {
    trials: Trials,
    best: BestHyperparameters,
    /// The study's figures, flat.
    figures: Map<String, Value>,
    report: String,
}

impl Tuned {
    /// Picks the best trial and describes the study; fails when no trial gave a metric.
    pub(crate) fn new(
        input: &Input,
        plan: &study::Plan,
        trials: Trials,
        warm_start: &WarmStart,
    ) -> Result<Self, Error> {
        let Some((trial, metric_value)) = best(&trials) else {
            let last = trials
                .trials
                .last()
                .and_then(|trial| trial.infeasible_reason.clone());
            return Err(Error::AllFailed {
                trials: trials.trials.len(),
                last: last.unwrap_or_default(),
            });
        };
        let hyperparameters =
            with_parameters(&plan.fixed, &trial.parameters).map_err(|source| Error::Study {
                study: plan.name.clone(),
                source: source.into(),
            })?;
        let best = BestHyperparameters {
            version: FORMAT_VERSION,
            trial_id: trial.id.clone(),
            metric_id: trials.metric_id.clone(),
            metric_value,
            hyperparameters: hyperparameters.to_map(),
        };
        let schema = input.dataset.schema();
        let params = input.dataset.transform().params();
        let baselines = Baselines::fit(schema, params, &input.train.examples)
            .map_err(Error::Baselines)?
            .evaluate(&input.eval.examples)?;
        Ok(Self {
            report: report::html(schema, plan, &trials, &best, &baselines),
            figures: figures(&trials, &best, &baselines, warm_start),
            trials,
            best,
        })
    }

    /// Writes everything, what `train` reads last.
    pub(crate) async fn write(&self, storage: &Storage, args: &Args) -> Result<(), Error> {
        const JSON: &str = "application/json";
        storage.delete(&args.best_hyperparameters).await?;
        if let Some(uri) = &args.trials {
            write(storage, uri, to_json(&self.trials), JSON).await?;
        }
        if let Some(uri) = &args.metrics {
            write(storage, uri, to_json(&self.figures), JSON).await?;
        }
        if let Some(uri) = &args.report {
            let html = self.report.clone().into_bytes();
            write(storage, uri, html, "text/html; charset=utf-8").await?;
        }
        write(
            storage,
            &args.best_hyperparameters,
            to_json(&self.best),
            JSON,
        )
        .await
    }

    /// What the pipeline is told.
    pub(crate) fn outputs(&self, args: &Args, resources: String) -> Outputs {
        let mut best = Map::from_iter([("trial_id".to_owned(), json!(self.best.trial_id))]);
        best.extend(self.best.hyperparameters.clone());
        let mut outputs = Outputs::new()
            .artifact(
                "best_hyperparameters",
                &args.best_hyperparameters,
                Value::Object(best),
            )
            .parameter("best_metric_value", self.best.metric_value)
            .parameter(cloud::GCP_RESOURCES.name, resources);
        if let Some(uri) = &args.trials {
            let count = json!({ "trials": self.trials.trials.len() });
            outputs = outputs.artifact("trials", uri, count);
        }
        if let Some(uri) = &args.metrics {
            outputs = outputs.artifact("metrics", uri, Value::Object(self.figures.clone()));
        }
        if let Some(uri) = &args.report {
            outputs = outputs.artifact("report", uri, json!({ "display_name": "Tuning report" }));
        }
        outputs
    }
}

fn best(trials: &Trials) -> Option<(&artifacts::Trial, f64)> {
    let best = trials.best()?;
    Some((best, best.metric(&trials.metric_id)?))
}

pub(crate) async fn write(
    storage: &Storage,
    uri: &Uri,
    bytes: Vec<u8>,
    content_type: &str,
) -> Result<(), Error> {
    let options = PutOptions::of_type(content_type);
    storage.write(uri, bytes, options).await?;
    Ok(())
}

fn figures(
    trials: &Trials,
    best: &BestHyperparameters,
    baselines: &BTreeMap<String, RegressionMetrics>,
    warm_start: &WarmStart,
) -> Map<String, Value> {
    let mut figures = Map::from_iter([
        (
            format!("best_eval_{}", long_name(&best.metric_id)),
            json!(best.metric_value),
        ),
        ("trials".to_owned(), json!(trials.trials.len())),
        (
            "infeasible_trials".to_owned(),
            json!(count(trials, TrialState::Infeasible)),
        ),
        (
            "stopped_trials".to_owned(),
            json!(count(trials, TrialState::Stopped)),
        ),
    ]);
    if !warm_start.digest.is_empty() {
        figures.insert("warm_start_trials".to_owned(), json!(warm_start.taken()));
        let left_out = json!(warm_start.left_out());
        figures.insert("warm_start_trials_left_out".to_owned(), left_out);
    }
    if !trials.pareto_front.is_empty() {
        let front = json!(trials.pareto_front.len());
        figures.insert("pareto_front_trials".to_owned(), front);
    }
    for (name, metrics) in baselines {
        let name = format!("eval_{name}_root_mean_squared_error");
        figures.insert(name, json!(metrics.root_mean_squared_error));
    }
    for (name, value) in &best.hyperparameters {
        figures.insert(format!("best_{name}"), value.clone());
    }
    for trial in &trials.trials {
        if let Some(value) = trial.metric(&trials.metric_id) {
            // Padded, so that a table sorted by name is in the order of the trials.
            figures.insert(
                format!("trial_{:0>3}_{}", trial.id, trials.metric_id),
                json!(value),
            );
        }
    }
    figures
}

/// Trials in a state.
pub(crate) fn count(trials: &Trials, state: TrialState) -> usize {
    let trials = trials.trials.iter();
    trials.filter(|trial| trial.state == state).count()
}

/// A metric's name as the figures spell it.
fn long_name(metric_id: &str) -> &str {
    match metric_id {
        "rmse" => "root_mean_squared_error",
        "mae" => "mean_absolute_error",
        other => other,
    }
}

/// What a dry run says.
pub(crate) fn plan(args: &Args, built_in: &study::Plan) -> Plan {
    let mut reads = vec![format!(
        "examples {} (train and eval, not test)",
        args.examples
    )];
    reads.extend(args.study_config.iter().map(|uri| format!("study {uri}")));
    reads.extend(args.warm_start.iter().map(|uri| format!("trials {uri}")));
    let does = match &args.study_config {
        Some(uri) => format!("runs the study of {uri}, seed {}", args.seed),
        None => format!(
            "runs {} trials of {}, {} at a time, seed {}",
            built_in.max_trial_count, built_in.name, built_in.parallel_trial_count, args.seed
        ),
    };
    let mut writes = vec![format!(
        "best hyperparameters {}",
        args.best_hyperparameters
    )];
    for (name, uri) in [
        ("trials", &args.trials),
        ("metrics", &args.metrics),
        ("report", &args.report),
    ] {
        writes.extend(uri.iter().map(|uri| format!("{name} {uri}")));
    }
    Plan {
        reads,
        does: vec![does],
        writes,
    }
}
