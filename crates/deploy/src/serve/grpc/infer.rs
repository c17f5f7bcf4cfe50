//! `ModelInfer`

use std::sync::Arc;

use axum::http::Extensions;
use bytes::Bytes;
use model::onnx::OUTPUT;

use super::super::app::App;
use super::super::rejection::Rejection;
use super::super::telemetry::Note;
use super::super::v2::tensor::{self, DataType};
use super::messages::{Contents, ModelInferRequest, ModelInferResponse, Tensor};
use super::{decode, framing};

/// Predicts. The answer's tensor is raw bytes when the request's are, as other servers do it.
pub(super) async fn infer(
    app: &Arc<App>,
    message: Bytes,
) -> Result<(Bytes, Extensions), Rejection> {
    let size = message.len();
    let request: ModelInferRequest = decode(message)?;
    let served = app.chosen(&request.model_name, &request.model_version)?;
    let is_raw = !request.raw_input_contents.is_empty();
    let id = request.id.clone();
    let (worker, model) = (app.clone(), served.clone());
    let work = move || {
        let (app, served) = (worker, model);
        if let Some(other) = request.outputs.iter().find(|output| output.name != OUTPUT) {
            return refused(format!(
                "`{}` is not an output; the model gives `{OUTPUT}`",
                other.name
            ));
        }
        let rows = tensor::rows(&served.model, tensors(&request)?)?;
        let predictions = served.predict(&rows, "row ")?;
        let sample = app.sample(&served, &rows, &predictions);
        Ok((predictions, sample))
    };
    let (predictions, sample) = app.work(&served.model, size, work).await?;
    let rows = predictions.len();
    let values = predictions.into_iter().map(|value| value as f32);
    let mut output = Tensor {
        name: OUTPUT.to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![rows as i64, 1],
        contents: None,
    };
    let mut raw_output_contents = Vec::new();
    if is_raw {
        let bytes = values.flat_map(f32::to_le_bytes).collect();
        raw_output_contents.push(bytes);
    } else {
        output.contents = Some(Contents {
            fp32: values.collect(),
            ..Contents::default()
        });
    }
    let response = ModelInferResponse {
        model_name: app.slot.model_name().to_owned(),
        model_version: served.version_text(),
        id,
        outputs: vec![output],
        raw_output_contents,
    };
    let mut told = Extensions::new();
    told.insert(Note::predicted(rows, &served));
    if let Some(sample) = sample {
        told.insert(sample);
    }
    Ok((framing::frame(&response), told))
}

fn tensors(request: &ModelInferRequest) -> Result<Vec<tensor::Tensor<'_>>, Rejection> {
    let raw = &request.raw_input_contents;
    if !raw.is_empty() && raw.len() != request.inputs.len() {
        let (tensors, inputs) = (raw.len(), request.inputs.len());
        return refused(format!(
            "there are {tensors} raw contents for {inputs} inputs"
        ));
    }
    let mut raw = raw.iter();
    let mut tensors = Vec::with_capacity(request.inputs.len());
    for input in &request.inputs {
        tensors.push(tensor::Tensor {
            name: &input.name,
            shape: &input.shape,
            values: values(input, raw.next())?,
        });
    }
    Ok(tensors)
}

fn values(input: &Tensor, raw: Option<&Bytes>) -> Result<Vec<f32>, Rejection> {
    let Tensor { name, datatype, .. } = input;
    let kind = DataType::of(name, datatype)?;
    match (&input.contents, raw) {
        (None, Some(raw)) => kind.read(raw).map_or_else(
            || {
                let size = raw.len();
                refused(format!(
                    "`{name}` has {size} bytes, which is no list of {datatype}"
                ))
            },
            Ok,
        ),
        (Some(contents), None) => Ok(numbers(contents, kind)),
        (Some(_), Some(_)) => refused(format!("`{name}` has contents and raw contents")),
        (None, None) => refused(format!("`{name}` has no contents")),
    }
}

/// The numbers in the field that belongs to the type; where that is empty, so is the tensor.
fn numbers(contents: &Contents, kind: DataType) -> Vec<f32> {
    match kind {
        DataType::Int8 | DataType::Int16 | DataType::Int32 => each(&contents.int, |n| n as f32),
        DataType::Int64 => each(&contents.int64, |n| n as f32),
        DataType::Uint8 | DataType::Uint16 | DataType::Uint32 => each(&contents.uint, |n| n as f32),
        DataType::Uint64 => each(&contents.uint64, |n| n as f32),
        DataType::Fp32 => contents.fp32.clone(),
        DataType::Fp64 => each(&contents.fp64, |n| n as f32),
    }
}

fn each<T: Copy>(numbers: &[T], convert: impl Fn(T) -> f32) -> Vec<f32> {
    numbers.iter().map(|number| convert(*number)).collect()
}

fn refused<T>(problem: String) -> Result<T, Rejection> {
    Err(Rejection::Malformed(problem))
}
