//! The `transform` binary.

fn main() -> std::process::ExitCode {
    component::main(&transform::CONTRACT, transform::run)
}
