//! Validates, installs and serves a trained model.
//!
//! A deployment goes through these steps; each ends the run with the reason when it fails:
//!
//! 1. The model folder is read and validated: it loads, its documents agree, and it reproduces
//!    its golden rows.
//! 2. The gate: its error on the test split is below a baseline's.
//! 3. It is installed in the model repository as a new, immutable version; the same bytes as the
//!    served version are that version.
//! 4. The served version is switched atomically.
//! 5. The golden rows are predicted through HTTP, by a server started for the purpose or by a
//!    running one, and compared. If that fails, the switch is undone.
//!
//! # The model repository
//!
//! A directory that deployments write and servers follow:
//!
//! ```text
//! <repository>/
//!   .<model name>.lock        held (advisory lock) by the process that changes the model
//!   .<model name>.removed/    a model a killed teardown left; removed by the next change
//!   <model name>/
//!     current.json            which version is served, and the history for a rollback
//!     1/                      a version: the files of the model folder, as deployed
//!       model.onnx  metrics.json  golden.json
//!     2/ …
//!     .incoming/              a version being written; renamed to its number when complete
//! ```
//!
//! - A version never changes and its number is never used again while the model exists.
//! - `current.json` is replaced by a rename, so a reader sees the state before a switch or after
//!   it, and the version it names is complete.
//! - Until the new version has answered over HTTP, `current.json` also holds the state before the
//!   switch (`unconfirmed`). A run after a killed one resumes the same deployment or, for
//!   another model, starts from that state.
//! - Readers need no lock. Everything is written to the disk before the name that shows it.

mod args;
mod check;
mod error;
mod finish;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gate;
mod golden;
mod predict;
mod record;
mod release;
mod report;
mod repository;
mod servable;
mod serve;
mod status;
mod target;
mod teardown;
mod vertex;

use component::{Artifact, ArtifactKind, Context, Contract, Outcome, Parameter, ParameterKind};

pub use args::{
    Args, Command, FinishArgs, GateMode, LimitArgs, PredictArgs, ReleaseArgs, ServeArgs, ServeOn,
    StatusArgs, TargetArgs, TeardownArgs, VertexArgs,
};
pub use check::CheckError;
pub use error::Error;
pub use gate::UnknownBaseline;
pub use golden::GoldenError;
pub use predict::{PredictError, Problem};
pub use repository::RepositoryError;
pub use servable::{InvalidModel, LoadError, ReadError};
pub use serve::{AccessMode, ServeError};

/// What the pipeline sees of this component.
pub const CONTRACT: Contract = Contract {
    name: "deploy",
    about: "Validates a trained model, installs it as a new version and serves it",
    input_artifacts: &[Artifact {
        name: "model",
        kind: ArtifactKind::Model,
        help: "Folder with the model, its metrics and its golden rows",
    }],
    output_artifacts: &[
        Artifact {
            name: "deployment",
            kind: ArtifactKind::Artifact,
            help: "What became of the model: version, gate, provenance",
        },
        Artifact {
            name: "report",
            kind: ArtifactKind::Html,
            help: "The decision, the comparison behind it, and the predictions checked",
        },
    ],
    output_parameters: &[
        Parameter {
            name: "deployed",
            kind: ParameterKind::Boolean,
            help: "Whether the model given is the one that is served now",
        },
        Parameter {
            name: "model_version",
            kind: ParameterKind::String,
            help: "Version that is served now; empty when none is",
        },
        Parameter {
            name: "served_endpoint",
            kind: ParameterKind::String,
            help: "Predict address of the running server; empty without --endpoint",
        },
        cloud::GCP_RESOURCES,
    ],
    subcommands: &[FINISH, PREDICT],
};

/// The exit handler of a pipeline.
const FINISH: Contract = Contract {
    name: "finish",
    about: "Reports how a pipeline run ended and cleans up what a killed deployment left",
    input_artifacts: &[],
    output_artifacts: &[Artifact {
        name: "summary",
        kind: ArtifactKind::Markdown,
        help: "How the run ended, what is served, what was cleaned up",
    }],
    output_parameters: &[Parameter {
        name: "succeeded",
        kind: ParameterKind::Boolean,
        help: "Whether the tasks before ended well; a model that was not deployed is no failure",
    }],
    subcommands: &[],
};

/// Predictions for a whole table.
const PREDICT: Contract = Contract {
    name: "predict",
    about: "Adds predictions to a table, Parquet or CSV, of any size",
    input_artifacts: &[
        Artifact {
            name: "model",
            kind: ArtifactKind::Model,
            help: "Folder with the model, its metrics and its golden rows",
        },
        Artifact {
            name: "input",
            kind: ArtifactKind::Dataset,
            help: "Table with the model's inputs among its columns",
        },
    ],
    output_artifacts: &[Artifact {
        name: "output",
        kind: ArtifactKind::Dataset,
        help: "The table with one more column, `prediction`",
    }],
    output_parameters: &[
        Parameter {
            name: "rows",
            kind: ParameterKind::Integer,
            help: "Rows of the table",
        },
        Parameter {
            name: "refused_rows",
            kind: ParameterKind::Integer,
            help: "Rows the model cannot predict; their prediction is empty",
        },
    ],
    subcommands: &[],
};

/// Runs the action the arguments name.
pub async fn run(args: Args, context: Context) -> Result<Outcome, Error> {
    match &args.command {
        None => match args.release.serve_on {
            ServeOn::Local => release::run(&args.release, &context).await,
            ServeOn::Vertex => Box::pin(vertex::run(&args.release, &context)).await,
        },
        Some(Command::Predict(args)) => predict::run(args, &context).await,
        Some(Command::Status(args)) => status::run(args, &context).await,
        Some(Command::Serve(args)) => serve::run(args, &context).await,
        Some(Command::Teardown(args)) => match args.serve_on {
            ServeOn::Local => teardown::run(args, &context).await,
            ServeOn::Vertex => vertex::teardown::run(args, &context).await,
        },
        Some(Command::Finish(args)) => finish::run(args, &context).await,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_flags_carry_the_contract() {
        component::testing::assert_contract::<crate::Args>(&crate::CONTRACT);
    }
}
