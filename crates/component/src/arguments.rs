//! The command line: a component's flags plus the ones every component has.

use std::any::TypeId;
use std::ffi::OsString;

use clap::{Arg, ArgAction, Args, Command, FromArgMatches};
use serde_json::{Value, json};

use crate::{Artifact, Contract, ParameterKind, executor::ExecutorInput, version};

/// Flags every component has.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CommonArgs {
    /// The executor input as JSON: pass Kubeflow's `{{$}}` placeholder here
    #[arg(
        long,
        value_name = "JSON",
        global = true,
        help_heading = "Common options"
    )]
    pub(crate) executor_input: Option<String>,
    /// Print what would be read, done and written; touch nothing
    #[arg(long, global = true, help_heading = "Common options")]
    pub(crate) dry_run: bool,
    /// Log format; `auto` is text on a terminal and JSON (Cloud Logging) elsewhere
    #[arg(
        long,
        default_value = "auto",
        value_name = "FORMAT",
        global = true,
        help_heading = "Common options"
    )]
    pub(crate) log_format: LogFormat,
    /// Least severe log lines to show: error, warn, info, debug, trace, or a filter such as
    /// `info,storage=debug`
    #[arg(
        long,
        default_value = "info",
        value_name = "LEVEL",
        global = true,
        help_heading = "Common options"
    )]
    pub(crate) log_level: String,
    /// Print the component's contract and flags as JSON
    #[arg(long, hide = true)]
    pub(crate) describe: bool,
}

/// Form of the log on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// Readable text.
    Text,
}

/// Why the command line was refused: clap's own report, or one of ours.
#[derive(Debug)]
pub(crate) enum ArgumentError {
    Clap(Box<clap::Error>),
    Message(String),
}

impl From<clap::Error> for ArgumentError {
    fn from(error: clap::Error) -> Self {
        Self::Clap(Box::new(error))
    }
}

/// What the process was asked for.
pub(crate) enum Invocation<A> {
    /// Describe the component.
    Describe(Value),
    /// Do its work.
    Run(Box<Parsed<A>>),
}

/// A parsed command line.
pub(crate) struct Parsed<A> {
    pub(crate) args: A,
    pub(crate) common: CommonArgs,
    pub(crate) executor: Option<ExecutorInput>,
    /// What the pipeline expects of this run: the component's contract, or a subcommand's.
    pub(crate) contract: &'static Contract,
}

/// The component's whole command: its flags, the common ones, and an environment variable for
/// every flag.
pub(crate) fn command<A: Args>(contract: &Contract) -> Command {
    let command = Command::new(contract.name)
        .version(version())
        .disable_help_subcommand(true)
        .max_term_width(100);
    // The doc comment of a group of flags would become the help's first line.
    let command = CommonArgs::augment_args(A::augment_args(command))
        .about(contract.about)
        .long_about(None);
    with_environment(command, &contract.name.to_uppercase().replace('-', "_"))
}

/// Names every flag's environment variable after the command path: `TRAIN_SEED`,
/// `DEPLOY_SERVE_PORT`.
fn with_environment(command: Command, prefix: &str) -> Command {
    let command = command.mut_args(|arg| {
        let is_builtin = matches!(
            arg.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
        );
        let long = arg.get_long().filter(|_| !is_builtin && !arg.is_hide_set());
        let Some(long) = long else { return arg };
        let name = long.to_uppercase().replace('-', "_");
        arg.env(OsString::from(format!("{prefix}_{name}")))
            .hide_env_values(true)
    });
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    names.into_iter().fold(command, |command, name| {
        let prefix = format!("{prefix}_{}", name.to_uppercase().replace('-', "_"));
        command.mut_subcommand(name, |sub| with_environment(sub, &prefix))
    })
}

/// Parses the process's arguments, merging the executor input.
pub(crate) fn parse<A: Args + FromArgMatches>(
    contract: &'static Contract,
    argv: Vec<OsString>,
) -> Result<Invocation<A>, ArgumentError> {
    let mut command = command::<A>(contract);
    command.build();
    // Before anything is required: the description needs no work to do.
    if argv.iter().skip(1).any(|argument| argument == "--describe") {
        return Ok(Invocation::Describe(describe(contract, &command)));
    }
    let executor = executor_input(contract, &argv)?;
    // A pipeline names a subcommand first: `["/deploy", "finish"]`.
    let subcommand = argv.get(1).and_then(|name| {
        let known = contract.subcommands.iter().find(|sub| name == sub.name)?;
        Some((known, command.find_subcommand(known.name)?))
    });
    let (contract, target) = subcommand.unwrap_or((contract, &command));
    let argv = match &executor {
        Some(input) => merge(
            target,
            argv,
            if subcommand.is_some() { 2 } else { 1 },
            input,
        )?,
        None => argv,
    };
    let matches = command.try_get_matches_from_mut(argv)?;
    Ok(Invocation::Run(Box::new(Parsed {
        args: A::from_arg_matches(&matches)?,
        common: CommonArgs::from_arg_matches(&matches)?,
        executor,
        contract,
    })))
}

/// The executor input, from the flag or its environment variable, ahead of the real parse: its
/// values may be what makes the command line complete.
fn executor_input(
    contract: &Contract,
    argv: &[OsString],
) -> Result<Option<ExecutorInput>, ArgumentError> {
    const FLAG: &str = "--executor-input";
    let mut given = None;
    for (index, argument) in argv.iter().enumerate() {
        let Some(text) = argument.to_str() else {
            continue;
        };
        if text == FLAG {
            given = argv
                .get(index + 1)
                .and_then(|value| value.to_str())
                .map(str::to_owned);
        } else if let Some(value) = text.strip_prefix("--executor-input=") {
            given = Some(value.to_owned());
        }
    }
    let variable = format!(
        "{}_EXECUTOR_INPUT",
        contract.name.to_uppercase().replace('-', "_")
    );
    let Some(json) = given.or_else(|| std::env::var(variable).ok()) else {
        return Ok(None);
    };
    let input = ExecutorInput::parse(&json).map_err(|error| {
        ArgumentError::Message(format!(
            "--executor-input is not a Kubeflow executor input: {error}. \
             Next step: pass the placeholder {{{{$}}}} as one argument"
        ))
    })?;
    Ok(Some(input))
}

/// Puts the executor input's values in front of the explicit arguments, which begin at `start`,
/// leaving out every flag that was given explicitly.
fn merge(
    command: &Command,
    mut argv: Vec<OsString>,
    start: usize,
    input: &ExecutorInput,
) -> Result<Vec<OsString>, ArgumentError> {
    let explicit = |flag: &str| {
        let (alone, with_value) = (format!("--{flag}"), format!("--{flag}="));
        argv.iter()
            .skip(start)
            .filter_map(|argument| argument.to_str())
            .any(|argument| argument == alone || argument.starts_with(&with_value))
    };
    let name_of_command = command.get_bin_name().unwrap_or(command.get_name());
    let mut merged = Vec::new();
    for (name, values) in input.flags() {
        let flag = name.replace('_', "-");
        let Some(arg) = command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(&flag))
        else {
            return Err(ArgumentError::Message(format!(
                "the executor input names {name:?}, but {name_of_command} has no flag --{flag}. \
                 Next step: compare the pipeline's component with '{name_of_command} --help'"
            )));
        };
        if explicit(&flag) {
            continue;
        }
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        for value in values {
            if !is_switch {
                merged.push(OsString::from(format!("--{flag}={value}")));
            } else if value == "true" {
                merged.push(OsString::from(format!("--{flag}")));
            }
        }
    }
    argv.splice(start..start, merged);
    Ok(argv)
}

/// The contract and all flags as JSON, for tests that compare the binary with the pipeline.
fn describe(contract: &Contract, command: &Command) -> Value {
    let subcommands = command.get_subcommands().map(|sub| {
        let known = contract
            .subcommands
            .iter()
            .find(|known| known.name == sub.get_name());
        match known {
            Some(contract) => describe(contract, sub),
            None => json!({ "name": sub.get_name(), "flags": flags(sub) }),
        }
    });
    let artifact = |artifact: &Artifact| {
        json!({
            "name": artifact.name, "type": artifact.kind.schema_title(), "help": artifact.help,
        })
    };
    json!({
        "name": contract.name,
        "about": contract.about,
        "version": version(),
        "input_artifacts": contract.input_artifacts.iter().map(artifact).collect::<Vec<_>>(),
        "output_artifacts": contract.output_artifacts.iter().map(artifact).collect::<Vec<_>>(),
        "output_parameters": contract
            .output_parameters
            .iter()
            .map(|p| json!({ "name": p.name, "type": p.kind.as_str(), "help": p.help }))
            .collect::<Vec<_>>(),
        "flags": flags(command),
        "subcommands": subcommands.collect::<Vec<_>>(),
    })
}

fn flags(command: &Command) -> Vec<Value> {
    command
        .get_arguments()
        .filter(|arg| arg.get_long().is_some() && !arg.is_hide_set())
        .map(|arg| {
            let text = |value: &std::ffi::OsStr| value.to_string_lossy().into_owned();
            json!({
                "flag": format!("--{}", arg.get_long().unwrap_or_default()),
                "env": arg.get_env().map(text),
                "required": arg.is_required_set(),
                "repeatable": matches!(arg.get_action(), ArgAction::Append),
                "switch": matches!(arg.get_action(), ArgAction::SetTrue),
                "type": type_of(arg).as_str(),
                "default": arg.get_default_values().iter().map(|v| text(v)).next(),
                "help": arg.get_help().map(ToString::to_string),
            })
        })
        .collect()
}

/// The type a flag's values have in a pipeline.
fn type_of(arg: &Arg) -> ParameterKind {
    let value = arg.get_value_parser().type_id();
    let is = |types: &[TypeId]| types.iter().any(|known| value == *known);
    if is(&[TypeId::of::<bool>()]) {
        ParameterKind::Boolean
    } else if is(&[
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<usize>(),
        TypeId::of::<i64>(),
    ]) {
        ParameterKind::Integer
    } else if is(&[TypeId::of::<f64>()]) {
        ParameterKind::Double
    } else {
        ParameterKind::String
    }
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
