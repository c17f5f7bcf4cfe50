//! What Kubeflow Pipelines passes as `--executor-input`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &str| component::fuzzing::executor_input(json));
