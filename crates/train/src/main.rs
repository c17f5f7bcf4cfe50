//! The `train` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    component::main(&train::CONTRACT, train::run)
}
