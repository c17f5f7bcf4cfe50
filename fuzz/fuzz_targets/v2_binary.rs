//! The same with tensors as bytes after the JSON, whose length a header tells.
#![no_main]

use fuzz::{check, server};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (length, body) = input;
    let length = length.to_string();
    let header = [("inference-header-content-length", length.as_str())];
    check(server().answer("/v2/models/m/infer", &header, body));
});
