//! The body of a predict request, as Vertex AI and KServe send it.
#![no_main]

use fuzz::{JSON, check, server};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| check(server().answer("/predict", &[JSON], body)));
