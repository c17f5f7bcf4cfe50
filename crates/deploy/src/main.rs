//! The `deploy` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    component::main(&deploy::CONTRACT, deploy::run)
}
