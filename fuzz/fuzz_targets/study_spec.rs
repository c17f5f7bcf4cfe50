//! A study configuration, YAML or JSON, up to the first trials it suggests.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| hptune::fuzzing::study(text));
