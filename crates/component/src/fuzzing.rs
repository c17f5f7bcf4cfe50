//! For the fuzz targets.

use crate::executor::ExecutorInput;

/// Reads an executor input, and what a component takes from it.
pub fn executor_input(json: &str) {
    if let Ok(input) = ExecutorInput::parse(json) {
        input.flags();
        input.parameter_files();
    }
}
