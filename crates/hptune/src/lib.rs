//! Tunes the hyperparameters of the dense regressor, trials in process.
//!
//! ```text
//! study + examples {train, eval} → trials on threads → best hyperparameters, trials, report
//! ```
//!
//! A study gives the same bytes whatever the number of trials at a time. `train` with the best
//! hyperparameters and the same seed repeats the winning trial.

mod args;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod importance;
mod input;
mod journal;
mod metric;
mod output;
mod report;
mod study;
mod trial;
mod tuning;
mod vertex;
mod warm_start;

use component::{Artifact, ArtifactKind, Context, Contract, Outcome, Parameter, ParameterKind};
use storage::Storage;

pub use args::{Acquisition, Args, Runner};
pub use error::{Error, StudyError};

/// What the pipeline sees of this component.
pub const CONTRACT: Contract = Contract {
    name: "hptune",
    about: "Tune the hyperparameters of the dense regressor",
    input_artifacts: &[Artifact {
        name: "examples",
        kind: ArtifactKind::Dataset,
        help: "Examples folder that transform wrote",
    }],
    output_artifacts: &[
        Artifact {
            name: "best_hyperparameters",
            kind: ArtifactKind::Artifact,
            help: "Hyperparameters of the best trial, for train",
        },
        Artifact {
            name: "trials",
            kind: ArtifactKind::Artifact,
            help: "Table of all trials",
        },
        Artifact {
            name: "metrics",
            kind: ArtifactKind::Metrics,
            help: "Best metric, hyperparameters and counts of the study",
        },
        Artifact {
            name: "report",
            kind: ArtifactKind::Html,
            help: "Optimisation history and all trials",
        },
    ],
    output_parameters: &[
        Parameter {
            name: "best_metric_value",
            kind: ParameterKind::Double,
            help: "The best trial's root mean squared error on the eval split, in the label's unit",
        },
        cloud::GCP_RESOURCES,
    ],
    subcommands: &[],
};

/// Runs the component.
pub async fn run(args: Args, context: Context) -> Result<Outcome, Error> {
    // Finds wrong flags before anything is read.
    let built_in = study::built_in(&args)?;
    if context.dry_run && args.runner == Runner::Local {
        return Ok(Outcome::Plan(output::plan(&args, &built_in)));
    }
    let storage = Storage::from_env();
    let plan = match args.study_config {
        Some(_) => study::read(&storage, &args).await?,
        None => built_in,
    };
    let input = input::read(&storage, &args).await?;
    tracing::info!(
        train_rows = input.train.len(),
        eval_rows = input.eval.len(),
        trials = plan.max_trial_count,
        at_a_time = plan.parallel_trial_count,
        "examples read"
    );
    let mut warm_start = warm_start::WarmStart::read(&storage, &args.warm_start, &plan).await?;
    if args.runner == Runner::Vertex {
        return vertex::run(&storage, &args, &plan, &input, &context).await;
    }
    let journal = match &args.journal {
        Some(uri) => {
            let build = context.build();
            let opened =
                journal::Journal::open(&storage, uri, &plan, &input, &warm_start, &args, build);
            Some(opened.await?)
        }
        None => None,
    };
    let cancel = context.cancel.clone();
    let task_args = args.clone();
    let tuned = component::blocking(move || {
        let journal = journal.as_ref();
        let trials = tuning::run(
            &input,
            &plan,
            &task_args,
            &context,
            journal,
            &mut warm_start,
        )?;
        output::Tuned::new(&input, &plan, trials, &warm_start)
    });
    let tuned = tuned.await?;
    if cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    tuned.write(&storage, &args).await?;
    let resources = cloud::NO_RESOURCES.to_owned();
    Ok(Outcome::Done(tuned.outputs(&args, resources)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_flags_carry_the_contract() {
        component::testing::assert_contract::<super::Args>(&super::CONTRACT);
    }
}
