//! The smallest component: writes a text to a file. It shows the whole shape of a component, and
//! the tests of this crate drive it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use component::{
    Artifact, ArtifactKind, Context, Contract, Diagnose, Exit, Outcome, Outputs, Parameter,
    ParameterKind, Plan, Unit,
};
use serde_json::json;

const CONTRACT: Contract = Contract {
    name: "copy-text",
    about: "Writes a text to a file",
    input_artifacts: &[],
    output_artifacts: &[Artifact {
        name: "copy",
        kind: ArtifactKind::Dataset,
        help: "The file",
    }],
    output_parameters: &[Parameter {
        name: "characters",
        kind: ParameterKind::Integer,
        help: "Characters written",
    }],
    subcommands: &[],
};

#[derive(Debug, clap::Args)]
struct Args {
    /// What to write
    #[arg(long)]
    text: String,
    /// Where to write it
    #[arg(long)]
    copy: PathBuf,
    /// Seconds to wait before writing
    #[arg(long, default_value_t = 0)]
    wait: u64,
    /// End well when asked to stop, as a server that drains
    #[arg(long)]
    drain: bool,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the text is empty")]
    Empty,
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("stopped")]
    Stopped,
}

impl Diagnose for Error {
    fn exit(&self) -> Exit {
        if matches!(self, Self::Empty) {
            Exit::Usage
        } else {
            Exit::Failure
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Empty => Some("give --text some characters".to_owned()),
            Self::Write { .. } => Some("check that the folder exists and is writable".to_owned()),
            Self::Stopped => None,
        }
    }
}

async fn run(args: Args, context: Context) -> Result<Outcome, Error> {
    if args.text.is_empty() {
        return Err(Error::Empty);
    }
    if context.dry_run {
        return Ok(Outcome::Plan(Plan {
            reads: vec![],
            does: vec![format!("counts {} characters", args.text.chars().count())],
            writes: vec![args.copy.display().to_string()],
        }));
    }
    tracing::info!(build = context.build(), "waiting {} s", args.wait);
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(args.wait)) => {}
        () = context.cancel.cancelled() => {
            return if args.drain { Ok(Outcome::Drained) } else { Err(Error::Stopped) };
        }
    }
    let progress = context.progress("writing", Unit::Bytes, Some(args.text.len() as u64));
    std::fs::write(&args.copy, &args.text).map_err(|source| Error::Write {
        path: args.copy.clone(),
        source,
    })?;
    progress.inc(args.text.len() as u64);
    progress.finish();
    Ok(Outcome::Done(
        Outputs::new()
            .artifact(
                "copy",
                args.copy.display(),
                json!({ "bytes": args.text.len() }),
            )
            .parameter("characters", args.text.chars().count()),
    ))
}

fn main() -> ExitCode {
    component::main(&CONTRACT, run)
}
