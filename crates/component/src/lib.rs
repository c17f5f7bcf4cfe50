//! The Kubeflow Pipelines component contract: arguments, executor input and output, logs,
//! progress, exit codes and termination. A binary built on this crate works the same with plain
//! flags and no Kubeflow.
//!
//! A component declares a [`Contract`], its flags as [`clap::Args`] and a `run` function; its
//! `main` is one call of [`main`]. `examples/copy-text.rs` is a whole component.
//!
//! Everything the pipeline passes is a flag of the same name: an input parameter, input artifact
//! or output artifact `raw_data` is `--raw-data`. A value is taken from the first place that has
//! it: the command line, the executor input, the environment variable (`TRANSFORM_RAW_DATA`),
//! the default.

mod arguments;
mod blocking;
mod context;
mod contract;
mod diagnose;
mod entry;
mod executor;
#[cfg(fuzzing)]
pub mod fuzzing;
mod logging;
mod memory;
mod outcome;
mod progress;
pub mod testing;
mod version;

pub use blocking::blocking;
pub use context::Context;
pub use contract::{Artifact, ArtifactKind, Contract, Parameter, ParameterKind};
pub use diagnose::{Diagnose, Exit, chain};
pub use entry::main;
pub use memory::MemoryLimit;
pub use outcome::{Outcome, Outputs, Plan};
pub use progress::{Progress, Unit};
pub use version::version;
