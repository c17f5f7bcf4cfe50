//! Reading a model file.

use artifacts::{ModelMetadata, layout};
use prost::Message;

use super::graph::{self, DENSE};
use super::proto::{FLOAT, GraphProto, ModelProto, NodeProto, TensorProto};
use super::{IR_VERSION, OPSET, limits};
use crate::{Dense, Model, ModelError, Network};

/// The operators of the format.
const OPERATORS: [&str; 10] = [
    "Add", "Concat", "Div", "Exp", "Gather", "Gemm", "Log", "Mul", "Relu", "Sub",
];

/// Why a file is not a model this build can serve.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// Larger than a model may be.
    #[error("{what} has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// The file or a part of it.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// Cut off, or not a protobuf message.
    #[error("it is not an ONNX file, or it is cut off")]
    Malformed,
    /// A protobuf message, but not this one.
    #[error("it is not an ONNX file")]
    Decode(#[source] prost::DecodeError),
    /// No graph in the file.
    #[error("it holds no graph")]
    NoGraph,
    /// Written for another version of the representation or operators.
    #[error("it has {what} version {found}, this build reads version {expected}")]
    Version {
        /// `IR` or `operator set`.
        what: &'static str,
        /// Version found.
        found: i64,
        /// Version this build reads.
        expected: i64,
    },
    /// No metadata under the project's key.
    #[error(
        "its metadata_props have no `{}`; it was not written by `train`",
        layout::model::METADATA_KEY
    )]
    NoMetadata,
    /// The metadata is not valid.
    #[error("its metadata is not valid")]
    Metadata(#[source] artifacts::ParseError),
    /// An operator outside the format.
    #[error("node `{node}` is a {operator}, which this build does not run")]
    Operator {
        /// Name of the node.
        node: String,
        /// Its operator, with the domain where there is one.
        operator: String,
    },
    /// A weight tensor is absent or not as declared.
    #[error("tensor `{tensor}` {problem}")]
    Tensor {
        /// Name of the initialiser.
        tensor: String,
        /// What is wrong.
        problem: String,
    },
    /// The graph computes something else than its metadata says.
    #[error("{place} is not what the model's metadata and weights describe")]
    Graph {
        /// The first node, tensor or list that differs.
        place: String,
    },
}

impl Model {
    /// Reads the bytes of an ONNX file written by [`Model::to_onnx`], with this build or
    /// another. Anything else is refused by name: see [`OnnxError`]. Memory is bounded by a
    /// small multiple of the file's size.
    pub fn from_onnx(file: &[u8]) -> Result<Self, ModelError> {
        limits::check(file)?;
        let proto = ModelProto::decode(file).map_err(OnnxError::Decode)?;
        let opset = proto
            .opset_import
            .iter()
            .find(|opset| opset.domain.is_empty());
        version("IR", proto.ir_version, IR_VERSION)?;
        version(
            "operator set",
            opset.map_or(0, |opset| opset.version),
            OPSET,
        )?;
        let metadata = metadata(&proto)?;
        let graph = proto.graph.ok_or(OnnxError::NoGraph)?;
        operators(&graph)?;
        let model = Self::new(metadata, network(&graph)?)?;
        match difference(&graph, &graph::build(model.transform(), model.network())) {
            None => Ok(model),
            Some(place) => Err(OnnxError::Graph { place }.into()),
        }
    }
}

fn version(what: &'static str, found: i64, expected: i64) -> Result<(), OnnxError> {
    if found == expected {
        Ok(())
    } else {
        Err(OnnxError::Version {
            what,
            found,
            expected,
        })
    }
}

fn metadata(proto: &ModelProto) -> Result<ModelMetadata, OnnxError> {
    let key = layout::model::METADATA_KEY;
    let entry = proto.metadata_props.iter().find(|entry| entry.key == key);
    let entry = entry.ok_or(OnnxError::NoMetadata)?;
    artifacts::parse(key, entry.value.as_bytes()).map_err(OnnxError::Metadata)
}

fn operators(graph: &GraphProto) -> Result<(), OnnxError> {
    let unknown =
        |node: &&NodeProto| !node.domain.is_empty() || !OPERATORS.contains(&node.op_type.as_str());
    let Some(node) = graph.node.iter().find(unknown) else {
        return Ok(());
    };
    let operator = match node.domain.as_str() {
        "" => shown(&node.op_type),
        domain => format!("{}.{}", shown(domain), shown(&node.op_type)),
    };
    Err(OnnxError::Operator {
        node: shown(&node.name),
        operator,
    })
}

/// A name out of the file, fit for one line of a log whatever it holds.
fn shown(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

/// The layers, from the tensors that carry their names.
fn network(graph: &GraphProto) -> Result<Network, ModelError> {
    let layers = graph
        .node
        .iter()
        .filter(|node| node.op_type == "Gemm")
        .count();
    let layers = (0..layers).map(|i| {
        let (dims, weights) = tensor(graph, &format!("{DENSE}{i}.weights"))?;
        let (_, bias) = tensor(graph, &format!("{DENSE}{i}.bias"))?;
        Dense::new(dims.first().copied().unwrap_or(0), weights, bias)
    });
    Network::new(layers.collect::<Result<_, _>>()?)
}

/// Shape and values of a float initialiser.
fn tensor(graph: &GraphProto, name: &str) -> Result<(Vec<usize>, Vec<f32>), OnnxError> {
    let problem = |problem: &str| OnnxError::Tensor {
        tensor: name.to_owned(),
        problem: problem.to_owned(),
    };
    let tensor = graph.initializer.iter().find(|tensor| tensor.name == name);
    let TensorProto {
        dims,
        data_type,
        raw_data,
        data_location,
        ..
    } = tensor.ok_or_else(|| problem("is missing"))?;
    if *data_location != 0 {
        return Err(problem("keeps its data in another file"));
    }
    if *data_type != FLOAT {
        return Err(problem("is not of type float"));
    }
    let sizes: Option<Vec<usize>> = dims
        .iter()
        .map(|&size| usize::try_from(size).ok())
        .collect();
    let sizes = sizes.ok_or_else(|| problem("has a negative size"))?;
    let bytes = sizes
        .iter()
        .try_fold(4, |bytes: usize, size| bytes.checked_mul(*size));
    if bytes != Some(raw_data.len()) {
        let found = raw_data.len();
        return Err(problem(&format!(
            "has {found} bytes of data, which its shape {dims:?} is not"
        )));
    }
    let (cells, _) = raw_data.as_chunks::<4>();
    Ok((
        sizes,
        cells.iter().map(|cell| f32::from_le_bytes(*cell)).collect(),
    ))
}

/// The first place in which two graphs differ.
fn difference(found: &GraphProto, expected: &GraphProto) -> Option<String> {
    if found.input != expected.input {
        return Some("the list of inputs".to_owned());
    }
    if found.output != expected.output {
        return Some("the list of outputs".to_owned());
    }
    let node = |node: &NodeProto| format!("node `{}`", shown(&node.name));
    first_difference(&found.node, &expected.node, node).or_else(|| {
        let tensor = |tensor: &TensorProto| format!("tensor `{}`", shown(&tensor.name));
        first_difference(&found.initializer, &expected.initializer, tensor)
    })
}

fn first_difference<T: PartialEq>(
    found: &[T],
    expected: &[T],
    name: impl Fn(&T) -> String,
) -> Option<String> {
    let common = found.iter().zip(expected).position(|(a, b)| a != b);
    let place =
        common.or((found.len() != expected.len()).then_some(found.len().min(expected.len())))?;
    found.get(place).or(expected.get(place)).map(name)
}
