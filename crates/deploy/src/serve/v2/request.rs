//! The JSON of an inference request.

use std::fmt;

use model::onnx::OUTPUT;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::super::rejection::Rejection;
use super::tensor::{DataType, Tensor};

/// An inference request.
#[derive(Debug, Deserialize)]
pub(super) struct InferRequest {
    /// Sent back in the answer.
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    inputs: Vec<Input>,
    #[serde(default)]
    outputs: Vec<Output>,
}

/// Parameters of the request, of an input or of an output; unknown ones are for others.
#[derive(Debug, Default, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are the protocol's")]
struct Parameters {
    #[serde(default)]
    binary_data_output: bool,
    #[serde(default)]
    binary_data: bool,
    #[serde(default)]
    binary_data_size: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Input {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    #[serde(default)]
    parameters: Parameters,
    #[serde(default)]
    data: Option<Numbers>,
}

#[derive(Debug, Deserialize)]
struct Output {
    name: String,
    #[serde(default)]
    parameters: Parameters,
}

impl InferRequest {
    pub(super) fn parse(json: &[u8]) -> Result<Self, Rejection> {
        serde_json::from_slice(json).map_err(|error| {
            Rejection::Malformed(format!("the body is not an inference request: {error}"))
        })
    }

    /// Whether the answer's tensor goes behind the JSON. Outputs that do not exist are refused.
    pub(super) fn wants_binary_output(&self) -> Result<bool, Rejection> {
        if let Some(other) = self.outputs.iter().find(|output| output.name != OUTPUT) {
            return Err(Rejection::Malformed(format!(
                "`{}` is not an output; the model gives `{OUTPUT}`",
                other.name
            )));
        }
        let output = self.outputs.first();
        Ok(match output {
            Some(output) => output.parameters.binary_data,
            None => self.parameters.binary_data_output,
        })
    }

    /// The tensors, from the JSON or from the bytes behind it.
    pub(super) fn tensors<'a>(&'a self, mut tail: &[u8]) -> Result<Vec<Tensor<'a>>, Rejection> {
        let mut tensors = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let Input { name, shape, .. } = input;
            let malformed = |problem: String| Rejection::Malformed(format!("`{name}` {problem}"));
            let datatype = DataType::of(name, &input.datatype)?;
            let values = match (&input.data, input.parameters.binary_data_size) {
                (Some(numbers), None) => numbers.0.clone(),
                (None, Some(size)) => {
                    let (bytes, rest) = tail.split_at_checked(size).ok_or_else(|| {
                        let left = tail.len();
                        malformed(format!("has {size} bytes, the body has {left} more"))
                    })?;
                    tail = rest;
                    let values = datatype.read(bytes);
                    values.ok_or_else(|| {
                        let kind = &input.datatype;
                        malformed(format!("has {size} bytes, which is no list of {kind}"))
                    })?
                }
                (Some(_), Some(_)) => return Err(malformed("has data twice".to_owned())),
                (None, None) => return Err(malformed("has no data".to_owned())),
            };
            tensors.push(Tensor {
                name,
                shape,
                values,
            });
        }
        if !tail.is_empty() {
            let left = tail.len();
            return Err(Rejection::Malformed(format!(
                "the body has {left} bytes that belong to no tensor"
            )));
        }
        Ok(tensors)
    }
}

/// Numbers in nested lists, flattened in row-major order.
#[derive(Clone, Debug)]
struct Numbers(Vec<f32>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let mut values = Vec::new();
        json.deserialize_seq(Flatten(&mut values))?;
        Ok(Self(values))
    }
}

struct Flatten<'a>(&'a mut Vec<f32>);

impl<'de> serde::de::DeserializeSeed<'de> for Flatten<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Flatten<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers in lists")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.0.push(value as f32);
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Flatten(self.0))?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(json: &str, tail: &[u8]) -> Result<Vec<f32>, String> {
        let request = InferRequest::parse(json.as_bytes()).map_err(|error| error.to_string())?;
        let tensors = request.tensors(tail).map_err(|error| error.to_string())?;
        Ok(tensors
            .into_iter()
            .flat_map(|tensor| tensor.values)
            .collect())
    }

    fn input(rest: &str) -> String {
        format!(r#"{{"inputs": [{{"name": "x", "shape": [2], "datatype": "INT16"{rest}}}]}}"#)
    }

    #[test]
    fn nested_lists_are_flattened() {
        let json = input(r#", "data": [[1], [[2.5, -3]]]"#);
        assert_eq!(values(&json, &[]), Ok(vec![1.0, 2.5, -3.0]));
    }

    #[test]
    fn tensors_behind_the_json_are_taken_in_order() {
        let json = input(r#", "parameters": {"binary_data_size": 4}"#);
        assert_eq!(values(&json, &[1, 0, 0, 1]), Ok(vec![1.0, 256.0]));
    }

    #[test]
    fn data_that_is_not_there_or_too_much_is_refused() {
        let sized = input(r#", "parameters": {"binary_data_size": 3}"#);
        let refused = |json: &str, tail| values(json, tail).unwrap_err();
        assert_eq!(refused(&input(""), &[]), "`x` has no data");
        assert_eq!(
            refused(
                &input(r#", "data": [], "parameters": {"binary_data_size": 0}"#),
                &[]
            ),
            "`x` has data twice"
        );
        assert_eq!(
            refused(&sized, &[1]),
            "`x` has 3 bytes, the body has 1 more"
        );
        assert_eq!(
            refused(&sized, &[1, 2, 3]),
            "`x` has 3 bytes, which is no list of INT16"
        );
        assert_eq!(
            refused(&input(r#", "data": [1]"#), &[1]),
            "the body has 1 bytes that belong to no tensor"
        );
        assert_eq!(
            refused("{}", &[]),
            "the body is not an inference request: missing field `inputs` at line 1 column 2"
        );
    }
}
