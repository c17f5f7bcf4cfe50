//! The graph of a transform and a network.

use artifacts::Encoding;

use super::proto::{
    ATTRIBUTE_INT, AttributeProto, Dimension, DimensionValue, FLOAT, GraphProto, INT64, NodeProto,
    TensorProto, TensorShapeProto, TensorType, TypeProto, ValueInfoProto,
};
use super::{INPUT, OUTPUT};
use crate::{FeatureTransform, Network};

/// Prefix of the dense layers' nodes and tensors: `dense_0.weights`, `dense_0.bias`, ….
pub(super) const DENSE: &str = "dense_";

/// The whole graph, from `inputs` to `predictions`.
pub(super) fn build(transform: &FeatureTransform, network: &Network) -> GraphProto {
    let mut builder = Builder::default();
    let reference = builder.reference(transform);
    let features = builder.features(transform, reference.as_deref());
    let output = builder.network(network, &features);
    builder.label(transform, reference.as_deref(), &output);
    GraphProto {
        node: builder.nodes,
        name: "predictor".to_owned(),
        initializer: builder.initializers,
        input: vec![value_info(INPUT, transform.input_width())],
        output: vec![value_info(OUTPUT, 1)],
    }
}

/// Collects nodes in the order they are computed. Every node has one output and its name.
#[derive(Default)]
struct Builder {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl Builder {
    fn node(&mut self, op_type: &str, inputs: &[&str], output: &str) -> String {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: op_type.to_owned(),
            attribute: Vec::new(),
            domain: String::new(),
        });
        output.to_owned()
    }

    /// Like `node`, along the columns (`axis` = 1).
    fn node_on_columns(&mut self, op_type: &str, inputs: &[&str], output: &str) -> String {
        let axis = AttributeProto {
            name: "axis".to_owned(),
            i: 1,
            r#type: ATTRIBUTE_INT,
        };
        let output = self.node(op_type, inputs, output);
        self.nodes
            .last_mut()
            .expect("just pushed")
            .attribute
            .push(axis);
        output
    }

    fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) {
        let raw_data = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.initializer(name, dims, FLOAT, raw_data);
    }

    fn initializer(&mut self, name: &str, dims: &[usize], data_type: i32, raw_data: Vec<u8>) {
        let dims = dims.iter().map(|&size| size as i64).collect();
        let name = name.to_owned();
        self.initializers.push(TensorProto {
            dims,
            data_type,
            name,
            raw_data,
            data_location: 0,
        });
    }

    /// Picks columns of the raw inputs.
    fn gather(&mut self, columns: &[usize], output: &str) -> String {
        let indices = format!("{output}.columns");
        let raw_data = columns
            .iter()
            .flat_map(|&column| (column as i64).to_le_bytes())
            .collect();
        self.initializer(&indices, &[columns.len()], INT64, raw_data);
        self.node_on_columns("Gather", &[INPUT, &indices], output)
    }

    fn reference(&mut self, transform: &FeatureTransform) -> Option<String> {
        let relative = transform
            .features()
            .iter()
            .any(|f| f.encoding.is_relative())
            || transform.label().encoding.is_relative();
        let index = transform.reference_index().filter(|_| relative)?;
        Some(self.gather(&[index], "reference"))
    }

    /// Neighbouring features of one encoding are encoded together.
    fn features(&mut self, transform: &FeatureTransform, reference: Option<&str>) -> String {
        let features = transform.features();
        let groups = features.chunk_by(|a, b| a.encoding == b.encoding);
        let encoded: Vec<String> = groups
            .enumerate()
            .map(|(i, group)| {
                let columns: Vec<usize> = group.iter().map(|feature| feature.input).collect();
                let raw = self.gather(&columns, &format!("raw_{i}"));
                self.encode(group[0].encoding, &raw, reference, i)
            })
            .collect();
        let encoded = match encoded.as_slice() {
            [only] => only.clone(),
            many => {
                let parts: Vec<&str> = many.iter().map(String::as_str).collect();
                self.node_on_columns("Concat", &parts, "encoded")
            }
        };
        let means: Vec<f32> = features.iter().map(|feature| feature.mean).collect();
        let scales: Vec<f32> = features.iter().map(|feature| feature.scale).collect();
        self.floats("feature_mean", &[means.len()], &means);
        self.floats("feature_scale", &[scales.len()], &scales);
        let centred = self.node("Sub", &[&encoded, "feature_mean"], "centred");
        self.node("Div", &[&centred, "feature_scale"], "features")
    }

    fn encode(
        &mut self,
        encoding: Encoding,
        raw: &str,
        reference: Option<&str>,
        group: usize,
    ) -> String {
        let reference = || reference.expect("a checked transform has the reference it needs");
        match encoding {
            Encoding::Identity => raw.to_owned(),
            Encoding::Ratio => self.node("Div", &[raw, reference()], &format!("ratio_{group}")),
            Encoding::LogRatio => {
                let ratio = self.node("Div", &[raw, reference()], &format!("ratio_{group}"));
                self.node("Log", &[&ratio], &format!("log_ratio_{group}"))
            }
            Encoding::Log1p => {
                let one = format!("plus_one_{group}.one");
                self.floats(&one, &[], &[1.0]);
                let plus_one = self.node("Add", &[raw, &one], &format!("plus_one_{group}"));
                self.node("Log", &[&plus_one], &format!("log1p_{group}"))
            }
        }
    }

    fn network(&mut self, network: &Network, features: &str) -> String {
        let last = network.layers().len() - 1;
        let mut current = features.to_owned();
        for (i, layer) in network.layers().iter().enumerate() {
            let name = format!("{DENSE}{i}");
            let (weights, bias) = (format!("{name}.weights"), format!("{name}.bias"));
            self.floats(
                &weights,
                &[layer.inputs(), layer.outputs()],
                layer.weights(),
            );
            self.floats(&bias, &[layer.outputs()], layer.bias());
            current = self.node("Gemm", &[&current, &weights, &bias], &name);
            if i < last {
                current = self.node("Relu", &[&current], &format!("{name}.activations"));
            }
        }
        current
    }

    fn label(&mut self, transform: &FeatureTransform, reference: Option<&str>, output: &str) {
        let label = transform.label();
        self.floats("label_scale", &[], &[label.scale]);
        self.floats("label_mean", &[], &[label.mean]);
        let scaled = self.node("Mul", &[output, "label_scale"], "scaled_label");
        if let (Encoding::LogRatio, Some(reference)) = (label.encoding, reference) {
            let encoded = self.node("Add", &[&scaled, "label_mean"], "encoded_label");
            let ratio = self.node("Exp", &[&encoded], "label_ratio");
            self.node("Mul", &[reference, &ratio], OUTPUT);
        } else {
            self.node("Add", &[&scaled, "label_mean"], OUTPUT);
        }
    }
}

/// A float tensor \[batch, width\] with a symbolic batch dimension.
fn value_info(name: &str, width: usize) -> ValueInfoProto {
    let dimension = |value| Dimension { value: Some(value) };
    let dim = vec![
        dimension(DimensionValue::Symbol("batch".to_owned())),
        dimension(DimensionValue::Size(width as i64)),
    ];
    let tensor = TensorType {
        elem_type: FLOAT,
        shape: Some(TensorShapeProto { dim }),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(tensor),
        }),
    }
}
