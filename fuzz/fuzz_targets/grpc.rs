//! A gRPC message to each method of the inference service.
#![no_main]

use fuzz::server;
use libfuzzer_sys::fuzz_target;

const METHODS: [&str; 3] = [
    "/inference.GRPCInferenceService/ModelInfer",
    "/inference.GRPCInferenceService/ModelMetadata",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];

fuzz_target!(|input: (u8, &[u8])| {
    let (method, message) = input;
    let method = METHODS[usize::from(method) % METHODS.len()];
    // An uncompressed message of this length.
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    let (status, _) = server().answer(method, &[("content-type", "application/grpc")], &frame);
    // gRPC tells its own status in a header or trailer.
    assert_eq!(status, 200);
});
