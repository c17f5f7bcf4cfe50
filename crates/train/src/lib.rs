//! Trains the dense regressor and measures it beside the baselines.
//!
//! ```text
//! examples + best hyperparameters → read → train → publish → model, metrics, report, card
//! ```
//!
//! The model folder (see [`artifacts::layout::model`]) is complete when its marker, `model.onnx`,
//! is there; it is written last, and read back to see that it predicts what was trained.

mod args;
mod backtest;
mod checkpoint;
mod error;
mod hypertune;
mod input;
mod model_card;
mod publish;
mod report;
mod tensorboard;
mod training;
mod vertex;

use artifacts::ModelMetadata;
use component::{
    Artifact, ArtifactKind, Context, Contract, Outcome, Outputs, Parameter, ParameterKind, Plan,
};
use storage::{Storage, Uri};

pub use args::{Args, Runner};
pub use error::Error;

/// What the pipeline sees of this component.
pub const CONTRACT: Contract = Contract {
    name: "train",
    about: "Train the dense regressor and measure it beside the baselines",
    input_artifacts: &[
        Artifact {
            name: "examples",
            kind: ArtifactKind::Dataset,
            help: "Examples folder that transform wrote",
        },
        Artifact {
            name: "best_hyperparameters",
            kind: ArtifactKind::Artifact,
            help: "Hyperparameters that hptune found",
        },
    ],
    output_artifacts: &[
        Artifact {
            name: "model",
            kind: ArtifactKind::Model,
            help: "Model folder: model.onnx, metrics.json, golden.json",
        },
        Artifact {
            name: "metrics",
            kind: ArtifactKind::Metrics,
            help: "Metrics on the eval and test splits, beside the baselines",
        },
        Artifact {
            name: "report",
            kind: ArtifactKind::Html,
            help: "Learning curves, predictions and residuals",
        },
        Artifact {
            name: "model_card",
            kind: ArtifactKind::Markdown,
            help: "What the model is, what it is worth, its limits and how to reproduce it",
        },
    ],
    output_parameters: &[
        Parameter {
            name: "test_root_mean_squared_error",
            kind: ParameterKind::Double,
            help: "Root mean squared error on the test split, in the label's unit",
        },
        cloud::GCP_RESOURCES,
    ],
    subcommands: &[],
};

/// Runs the component.
pub async fn run(mut args: Args, context: Context) -> Result<Outcome, Error> {
    let flags = input::from_flags(&args)?;
    args.model = args.model.or_else(model_dir);
    if args.model.is_none() {
        return Err(Error::NoModelFolder);
    }
    let storage = Storage::from_env();
    match args.runner {
        Runner::Vertex => vertex::run(&storage, &args, &context).await,
        Runner::Local if context.dry_run => Ok(Outcome::Plan(plan(&args, &flags))),
        Runner::Local => local(&storage, &args, &context).await,
    }
}

/// Where Vertex AI wants the model of the job this process is in.
fn model_dir() -> Option<Uri> {
    let text = std::env::var("AIP_MODEL_DIR").ok()?;
    text.parse().ok()
}

async fn local(storage: &Storage, args: &Args, context: &Context) -> Result<Outcome, Error> {
    let input = input::read(storage, args).await?;
    tracing::info!(
        train_rows = input.train.len(),
        eval_rows = input.eval.len(),
        test_rows = input.test.len(),
        "examples read"
    );
    let checkpoint = checkpoint::Checkpoint::open(storage, args, &input, context).await?;
    let (trained, checkpoint) = training::run(input, args, context, checkpoint).await?;
    if context.cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let files = publish::Files::of(&trained);
    tensorboard::write(storage, &trained.history).await?;
    publish::publish(storage, args, &files, Some(&trained)).await?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.remove().await?;
    }
    let resources = cloud::NO_RESOURCES.to_owned();
    Ok(Outcome::Done(outputs(
        args,
        trained.model.metadata(),
        resources,
    )))
}

fn outputs(args: &Args, metadata: &ModelMetadata, resources: String) -> Outputs {
    let metrics = publish::flat_metrics(&metadata.metrics);
    let mut outputs = Outputs::new()
        .artifact("model", args.model(), publish::model_metadata(metadata))
        .parameter(
            "test_root_mean_squared_error",
            metadata.metrics.test.model.root_mean_squared_error,
        )
        .parameter(cloud::GCP_RESOURCES.name, resources);
    if let Some(uri) = &args.metrics {
        outputs = outputs.artifact("metrics", uri, metrics);
    }
    if let Some(uri) = &args.report {
        let title = serde_json::json!({ "display_name": "Training report" });
        outputs = outputs.artifact("report", uri, title);
    }
    if let Some(uri) = &args.model_card {
        let title = serde_json::json!({ "display_name": "Model card" });
        outputs = outputs.artifact("model_card", uri, title);
    }
    outputs
}

fn plan(args: &Args, flags: &trainer::hyperparameters::Hyperparameters) -> Plan {
    let mut reads = vec![format!("examples {}", args.examples)];
    if let Some(uri) = &args.best_hyperparameters {
        reads.push(format!("best hyperparameters {uri}"));
    }
    let settings = flags.to_map();
    let settings = settings
        .iter()
        .map(|(name, value)| format!("{name} {value}"));
    let unless = match args.best_hyperparameters {
        Some(_) => " unless the best hyperparameters say otherwise",
        None => "",
    };
    let mut writes = vec![format!("model {}", args.model())];
    if let Some(folder) = &args.checkpoint_dir {
        writes.push(format!("checkpoints, until it is done, {folder}"));
    }
    writes.extend(args.metrics.iter().map(|uri| format!("metrics {uri}")));
    writes.extend(args.report.iter().map(|uri| format!("report {uri}")));
    writes.extend(
        args.model_card
            .iter()
            .map(|uri| format!("model card {uri}")),
    );
    Plan {
        reads,
        does: vec![format!(
            "trains with {}{unless}, looks at the eval split every {} steps, seed {}",
            settings.collect::<Vec<_>>().join(", "),
            args.eval_steps,
            args.seed
        )],
        writes,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_flags_carry_the_contract() {
        component::testing::assert_contract::<super::Args>(&super::CONTRACT);
    }
}
