//! The file format: the round trip, and files that are refused.

use std::error::Error;

use artifacts::layout;
use model::{Model, PredictScratch};
use proptest::prelude::*;

use crate::sample;

/// The refusal's own message and its causes', outermost first.
fn refusal(file: &[u8]) -> Vec<String> {
    let error = Model::from_onnx(file).unwrap_err();
    assert_eq!(
        error.hint(),
        Some("run `train` again to write the model anew")
    );
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        causes.push(error.to_string());
        source = error.source();
    }
    causes
}

/// The file with every occurrence of `from` replaced by `to`, of the same length.
fn replaced(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut file = file.to_vec();
    let mut found = 0;
    for start in 0..=file.len() - from.len() {
        if file[start..].starts_with(from) {
            file[start..start + from.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert!(found > 0, "nothing to replace");
    file
}

#[test]
fn every_sample_survives_the_round_trip() {
    for name in sample::NAMES {
        let model = sample::model(name);
        let file = model.to_onnx();
        let read = Model::from_onnx(&file).unwrap();
        assert_eq!(read, model);
        assert_eq!(read.to_onnx(), file, "the same model is the same bytes");
        let (rows, mut scratch) = (sample::rows(50), PredictScratch::default());
        assert_eq!(
            read.predict(&rows, &mut scratch),
            model.predict(&rows, &mut scratch)
        );
    }
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let file = sample::model("log_ratio").to_onnx();
    for length in 0..file.len() {
        assert!(Model::from_onnx(&file[..length]).is_err(), "{length} bytes");
    }
    let cut = [
        "the model file is refused",
        "it is not an ONNX file, or it is cut off",
    ];
    assert_eq!(refusal(&file[..file.len() / 2]), cut);
    assert_eq!(refusal(b"<html>not a model</html>"), cut);
}

#[test]
fn an_operator_outside_the_format_is_refused_by_name() {
    let file = sample::model("log_ratio").to_onnx();
    // The second name must not break the line it is reported in.
    for (operator, shown) in [(b"Tanh", "Tanh"), (b"R\nlu", "R\\nlu")] {
        let node = "node `dense_0.activations`";
        let expected = [
            "the model file is refused".to_owned(),
            format!("{node} is a {shown}, which this build does not run"),
        ];
        assert_eq!(refusal(&replaced(&file, b"Relu", operator)), expected);
    }
}

#[test]
fn other_versions_are_refused() {
    let file = sample::model("raw").to_onnx();
    assert_eq!(file[..2], [8, 8], "field 1, IR version 8");
    let newer = [&[8, 9], &file[2..]].concat();
    let expected = "it has IR version 9, this build reads version 8";
    assert_eq!(refusal(&newer), ["the model file is refused", expected]);
    let opset = |version| [0x42, 2, 16, version]; // field 8 { field 2 }
    let expected = "it has operator set version 21, this build reads version 17";
    assert_eq!(
        refusal(&replaced(&file, &opset(17), &opset(21))),
        ["the model file is refused", expected]
    );
}

#[test]
fn metadata_must_be_there_and_valid() {
    let file = sample::model("raw").to_onnx();
    let key = layout::model::METADATA_KEY.as_bytes();
    assert_eq!(
        refusal(&replaced(&file, key, b"xyz.model_metadata")),
        [
            "the model file is refused",
            "its metadata_props have no `kfp.model_metadata`; it was not written by `train`"
        ]
    );
    let start = b"{\n  \"version\": 1";
    assert_eq!(
        refusal(&replaced(&file, start, b"{\n  \"version\": 7")),
        [
            "the model file is refused",
            "its metadata is not valid",
            "kfp.model_metadata has format version 7, this build reads version 1"
        ]
    );
}

#[test]
fn tensors_are_refused_by_name() {
    let file = sample::model("raw").to_onnx();
    let expected = |problem: &str| ["the model file is refused".to_owned(), problem.to_owned()];
    assert_eq!(
        refusal(&replaced(&file, b"dense_1.bias", b"dense_9.bias")),
        expected("tensor `dense_1.bias` is missing")
    );
    // dims (3, 7), type float, name
    let head = |dims: [u8; 2], kind| [8, dims[0], 8, dims[1], 16, kind, b'B', 15, b'd'];
    assert_eq!(
        refusal(&replaced(&file, &head([3, 7], 1), &head([3, 8], 1))),
        expected("tensor `dense_0.weights` has 84 bytes of data, which its shape [3, 8] is not")
    );
    assert_eq!(
        refusal(&replaced(&file, &head([3, 7], 1), &head([3, 7], 6))),
        expected("tensor `dense_0.weights` is not of type float")
    );
}

#[test]
fn a_graph_that_is_not_the_metadata_s_is_refused_by_place() {
    let file = sample::model("mixed").to_onnx();
    let expected = |place: &str| {
        let message = format!("{place} is not what the model's metadata and weights describe");
        ["the model file is refused".to_owned(), message]
    };
    let (mean, other) = (
        b"feature_mean\x12\x07centred",
        b"label_scale.\x12\x07centred",
    );
    let swapped = replaced(&file, mean, other);
    assert_eq!(refusal(&swapped), expected("node `centred`"));
    assert_eq!(
        refusal(&replaced(
            &file,
            &2.5_f32.to_le_bytes(),
            &2.0_f32.to_le_bytes()
        )),
        expected("tensor `feature_scale`")
    );
    assert_eq!(
        refusal(&replaced(
            &file,
            b"\x0a\x0bpredictions",
            b"\x0a\x0bprediction_"
        )),
        expected("the list of outputs")
    );
}

#[test]
fn other_messages_are_refused() {
    let versions = [8, 8, 0x42, 2, 16, 17];
    let text = |key: &str| [&[10, key.len() as u8], key.as_bytes()].concat();
    let metadata = artifacts::to_json(sample::model("raw").metadata());
    assert!(
        metadata.len() > 0x7f && metadata.len() < 0x4000,
        "a length of two bytes"
    );
    let length = |length: usize| [(length & 0x7f) as u8 | 0x80, (length >> 7) as u8];
    let mut entry = text(layout::model::METADATA_KEY);
    entry.extend([&[0x12][..], &length(metadata.len()), &metadata].concat());
    let no_graph = [&versions[..], &[0x72], &length(entry.len()), &entry].concat();
    assert_eq!(
        refusal(&no_graph),
        ["the model file is refused", "it holds no graph"]
    );
    let causes = refusal(&[0x12, 1, 0xff]);
    assert_eq!(
        causes[..2],
        ["the model file is refused", "it is not an ONNX file"]
    );
    assert_eq!(causes.len(), 3, "the decoder's own message");
    let large = vec![0; (256 << 20) + 1];
    assert_eq!(
        refusal(&large),
        [
            "the model file is refused",
            "the file has 268435457 bytes, the limit is 268435456"
        ]
    );
}

#[test]
fn a_small_file_that_decodes_to_a_large_structure_is_refused_before_it_is_decoded() {
    // A graph of a million empty nodes: two bytes each here, a hundred in memory.
    let nodes = [0x0a, 0].repeat(1 << 20);
    let mut file = vec![0x3a];
    let mut length = nodes.len();
    while length > 0x7f {
        file.push(length as u8 | 0x80);
        length >>= 7;
    }
    file.push(length as u8);
    file.extend(nodes);
    assert_eq!(
        refusal(&file),
        [
            "the model file is refused",
            "the part of the file outside the weights has 2097157 bytes, the limit is 1048576"
        ]
    );
}

proptest! {
    #[test]
    fn a_damaged_file_never_panics(places in prop::collection::vec((0_usize..4768, any::<u8>()), 1..8)) {
        let mut file = sample::model("log_ratio").to_onnx();
        for (place, byte) in places {
            let place = place % file.len();
            file[place] = byte;
        }
        // Where only a weight's or the prose's bytes changed, the file is still a model.
        let _ = Model::from_onnx(&file);
    }
}
