//! A model file: what is read is written and read again to the same model.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{Model, PredictScratch};

fuzz_target!(|file: &[u8]| {
    let Ok(model) = Model::from_onnx(file) else {
        return;
    };
    let written = model.to_onnx();
    let again = Model::from_onnx(&written).expect("what is written can be read");
    assert_eq!(written, again.to_onnx());
    let row = vec![1.0; model.transform().input_width()];
    if model.transform().check(&row).is_ok() {
        let predict = |model: &Model| model.predict(&row, &mut PredictScratch::default())[0];
        assert_eq!(predict(&model).to_bits(), predict(&again).to_bits());
    }
});
