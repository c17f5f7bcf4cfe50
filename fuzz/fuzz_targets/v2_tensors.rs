//! The body of an Open Inference Protocol request: named, typed tensors in JSON.
#![no_main]

use fuzz::{check, server};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| check(server().answer("/v2/models/m/infer", &[], body)));
