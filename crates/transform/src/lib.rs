//! Turns a raw table into train, eval and test examples.
//!
//! ```text
//! files → scan: records of the series → collect: typed rows, bad ones aside
//!       → timeline: order, duplicates, gaps → examples: windows and labels
//!       → split → fit (train rows only) → statistics, report → publish
//! ```
//!
//! Every step after the scan reads and writes columns through [`scratch`], part by part: what does
//! not fit in memory goes through a file, and the outputs are the same either way.

mod args;
pub mod collect;
pub mod config;
pub mod data_report;
pub mod dataflow;
pub mod date;
pub mod digest;
pub mod documents;
pub mod dry_run;
mod error;
pub mod examples;
pub mod findings;
pub mod fit;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod input;
pub mod moments;
pub mod number;
pub mod plan;
pub mod policy;
pub mod publish;
pub mod quantiles;
pub mod rolling;
mod run;
pub mod scan;
pub mod scratch;
pub mod split;
pub mod statistics;
pub mod table;
pub mod timeline;
pub mod write;

use component::{Artifact, ArtifactKind, Contract, Parameter, ParameterKind};

pub use args::{Args, DataflowArgs, Runner};
pub use error::Error;
pub use run::run;

/// What the pipeline knows about this component.
pub const CONTRACT: Contract = Contract {
    name: "transform",
    about: "Turns a raw table into train, eval and test examples",
    input_artifacts: &[Artifact {
        name: "raw_data",
        kind: ArtifactKind::Dataset,
        help: "The raw table: CSV, plain, gzip or zstd; a file, a folder or a glob",
    }],
    output_artifacts: &[
        Artifact {
            name: "examples",
            kind: ArtifactKind::Dataset,
            help: "Folder with the train, eval and test rows, their schema and their statistics",
        },
        Artifact {
            name: "report",
            kind: ArtifactKind::Html,
            help: "The data report",
        },
    ],
    output_parameters: &[
        Parameter {
            name: "train_rows",
            kind: ParameterKind::Integer,
            help: "Rows of the train split",
        },
        Parameter {
            name: "eval_rows",
            kind: ParameterKind::Integer,
            help: "Rows of the eval split",
        },
        Parameter {
            name: "test_rows",
            kind: ParameterKind::Integer,
            help: "Rows of the test split",
        },
        cloud::GCP_RESOURCES,
    ],
    subcommands: &[],
};

#[cfg(test)]
mod tests {
    #[test]
    fn every_artifact_and_parameter_is_a_flag() {
        component::testing::assert_contract::<crate::Args>(&crate::CONTRACT);
    }
}
