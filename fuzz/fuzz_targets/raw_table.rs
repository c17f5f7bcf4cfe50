//! A raw table: the search for a series finds what reading every record finds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| transform::fuzzing::table(text));
