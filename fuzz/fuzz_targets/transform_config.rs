//! A transform's configuration, up to the plan made from it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| transform::fuzzing::config(text));
