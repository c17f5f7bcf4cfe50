//! The dense network.

use crate::ModelError;

/// A dense layer, `y = x · weights + bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    inputs: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Dense {
    /// A layer from its weights (inputs × outputs, row-major: the weights of one input side by
    /// side) and bias (one for each output).
    pub fn new(inputs: usize, weights: Vec<f32>, bias: Vec<f32>) -> Result<Self, ModelError> {
        let outputs = bias.len();
        if inputs == 0 || outputs == 0 || inputs.checked_mul(outputs) != Some(weights.len()) {
            let found = weights.len();
            return Err(ModelError::LayerShape {
                inputs,
                outputs,
                found,
            });
        }
        Ok(Self {
            inputs,
            weights,
            bias,
        })
    }

    /// Values it takes.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Values it gives.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Weights, inputs × outputs, row-major.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Bias, one for each output.
    pub fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// Weights and bias, to be changed in place.
    pub fn parameters_mut(&mut self) -> (&mut [f32], &mut [f32]) {
        (&mut self.weights, &mut self.bias)
    }
}

/// A dense network with one output: `ReLU` after every layer but the last.
///
/// `z = dense_L(relu(… relu(dense_1(x))))`
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    layers: Vec<Dense>,
}

/// Working memory of [`Network::forward`], to be reused between calls.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    outputs: Vec<f32>,
    current: Vec<f32>,
    next: Vec<f32>,
}

/// Rows computed at a time: bounds the working memory and keeps it in cache.
const BLOCK_ROWS: usize = 256;

impl Network {
    /// A network from its layers, first to last.
    pub fn new(layers: Vec<Dense>) -> Result<Self, ModelError> {
        let problem = |problem: String| Err(ModelError::NetworkShape { problem });
        let Some(last) = layers.last() else {
            return problem("it has no layers".to_owned());
        };
        if last.outputs() != 1 {
            return problem(format!(
                "the last layer gives {} values, not 1",
                last.outputs()
            ));
        }
        let joined = |i: &usize| layers[i - 1].outputs() == layers[*i].inputs();
        if let Some(i) = (1..layers.len()).find(|i| !joined(i)) {
            return problem(format!(
                "layer {i} takes {} values and the layer before gives {}",
                layers[i].inputs(),
                layers[i - 1].outputs()
            ));
        }
        Ok(Self { layers })
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// The layers, their parameters to be changed in place; shapes stay as they are.
    pub fn layers_mut(&mut self) -> &mut [Dense] {
        &mut self.layers
    }

    /// How many weights and biases it has.
    pub fn parameters(&self) -> usize {
        let layers = self.layers.iter();
        layers
            .map(|layer| layer.weights().len() + layer.bias().len())
            .sum()
    }

    /// Values it takes.
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs()
    }

    /// Units of each hidden layer, first to last.
    pub fn hidden_units(&self) -> Vec<u32> {
        let hidden = &self.layers[..self.layers.len() - 1];
        hidden.iter().map(|layer| layer.outputs() as u32).collect()
    }

    /// Whether every parameter is a finite number.
    pub fn is_finite(&self) -> bool {
        let mut parameters = self
            .layers
            .iter()
            .flat_map(|layer| layer.weights.iter().chain(&layer.bias));
        parameters.all(|value| value.is_finite())
    }

    /// The output for each encoded row (n × inputs, row-major): n values. A row's output does
    /// not depend on the rows beside it.
    ///
    /// # Panics
    /// When `inputs` is not a whole number of rows.
    pub fn forward<'s>(&self, inputs: &[f32], scratch: &'s mut Scratch) -> &'s [f32] {
        assert!(
            inputs.len().is_multiple_of(self.inputs()),
            "a whole number of rows"
        );
        let Scratch {
            outputs,
            current,
            next,
        } = scratch;
        outputs.clear();
        for block in inputs.chunks(BLOCK_ROWS * self.inputs()) {
            let rows = block.len() / self.inputs();
            for (i, layer) in self.layers.iter().enumerate() {
                next.resize(rows * layer.outputs(), 0.0);
                let x: &[f32] = if i == 0 { block } else { current };
                kernel::affine(x, &layer.weights, &layer.bias, next);
                if i + 1 < self.layers.len() {
                    kernel::relu(next);
                }
                std::mem::swap(current, next);
            }
            outputs.extend_from_slice(current);
        }
        outputs
    }
}
