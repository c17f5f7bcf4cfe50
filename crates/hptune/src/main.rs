//! The `hptune` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    component::main(&hptune::CONTRACT, hptune::run)
}
