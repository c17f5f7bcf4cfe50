//! Instances as rows of CSV, a line each.
#![no_main]

use fuzz::{JSON, check, server};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let instances: Vec<&str> = text.lines().collect();
    let body = serde_json::json!({ "instances": instances, "parameters": { "details": true } });
    check(server().answer("/v1/models/m:predict", &[JSON], body.to_string().as_bytes()));
});
