//! Checks every component's tests call.

use clap::{Args, FromArgMatches};

use crate::diagnose::final_line;
use crate::{Contract, Diagnose, arguments};

/// The line that ends stderr after this error.
pub fn last_line(error: &impl Diagnose) -> String {
    final_line(error, error.hint().as_deref())
}

/// Fails when the flags do not carry the contract: each artifact is a flag of its name, every
/// flag has help and an environment variable, and clap finds no conflict.
///
/// # Panics
/// When the contract does not hold, naming the flag.
pub fn assert_contract<A: Args + FromArgMatches>(contract: &Contract) {
    let mut command = arguments::command::<A>(contract);
    command.build();
    command.clone().debug_assert();
    assert_artifacts(contract, &command);
    for known in contract.subcommands {
        let sub = command.find_subcommand(known.name);
        let sub = sub.unwrap_or_else(|| panic!("there is no subcommand {}", known.name));
        assert_artifacts(known, sub);
    }
    let commands = std::iter::once(&command).chain(command.get_subcommands());
    for arg in commands.flat_map(clap::Command::get_arguments) {
        let Some(flag) = arg.get_long() else { continue };
        if matches!(flag, "help" | "version" | "describe") {
            continue;
        }
        assert!(
            arg.get_env().is_some(),
            "--{flag} has no environment variable"
        );
        assert!(arg.get_help().is_some(), "--{flag} has no help");
    }
}

fn assert_artifacts(contract: &Contract, command: &clap::Command) {
    let artifacts = contract
        .input_artifacts
        .iter()
        .chain(contract.output_artifacts);
    for artifact in artifacts {
        let flag = artifact.name.replace('_', "-");
        assert!(
            command
                .get_arguments()
                .any(|arg| arg.get_long() == Some(&flag)),
            "artifact {} has no flag --{flag}",
            artifact.name
        );
    }
}
