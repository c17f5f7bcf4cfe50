//! Forward pass that keeps the activations, and the backward pass through them.

use model::Network;

use super::loss;

/// Working memory and gradients of one network.
#[derive(Debug)]
pub(super) struct Backward {
    /// Outputs of each layer, after the activation function.
    activations: Vec<Vec<f32>>,
    /// Gradient by a layer's outputs, and by its inputs.
    outer: Vec<f32>,
    inner: Vec<f32>,
    scratch: Vec<f32>,
    /// Gradients by weights and bias, for each layer.
    pub(super) dense: Vec<(Vec<f32>, Vec<f32>)>,
}

impl Backward {
    pub(super) fn new(network: &Network) -> Self {
        let layers = network.layers().iter();
        let dense = layers
            .map(|layer| (zeros(layer.weights()), zeros(layer.bias())))
            .collect();
        Self {
            activations: vec![Vec::new(); network.layers().len()],
            outer: Vec::new(),
            inner: Vec::new(),
            scratch: Vec::new(),
            dense,
        }
    }

    /// Computes the gradients of the mean squared error on a batch; returns that error.
    pub(super) fn run(&mut self, network: &Network, inputs: &[f32], targets: &[f32]) -> f64 {
        self.forward(network, inputs, targets.len());
        let last = network.layers().len() - 1;
        let outputs = &self.activations[last];
        let error = loss::mean_squared_error(outputs, targets);
        self.outer.resize(targets.len(), 0.0);
        loss::gradient(outputs, targets, &mut self.outer);
        for (i, layer) in network.layers().iter().enumerate().rev() {
            let outputs = layer.outputs();
            if i < last {
                kernel::relu_gradient(&self.activations[i], &mut self.outer);
            }
            let x = if i == 0 {
                inputs
            } else {
                &self.activations[i - 1]
            };
            let (weights, bias) = &mut self.dense[i];
            kernel::weight_gradient(x, &self.outer, outputs, weights);
            kernel::column_sums(&self.outer, bias);
            if i > 0 {
                self.inner.resize(x.len(), 0.0);
                let (dy, dx) = (&self.outer, &mut self.inner);
                kernel::input_gradient(dy, layer.weights(), outputs, dx, &mut self.scratch);
                std::mem::swap(&mut self.outer, &mut self.inner);
            }
        }
        error
    }

    /// As [`Network::forward`], layer for layer, keeping every layer's outputs.
    fn forward(&mut self, network: &Network, inputs: &[f32], rows: usize) {
        let last = network.layers().len() - 1;
        for (i, layer) in network.layers().iter().enumerate() {
            let (before, after) = self.activations.split_at_mut(i);
            let x = before.last().map_or(inputs, Vec::as_slice);
            let y = &mut after[0];
            y.resize(rows * layer.outputs(), 0.0);
            kernel::affine(x, layer.weights(), layer.bias(), y);
            if i < last {
                kernel::relu(y);
            }
        }
    }
}

fn zeros(values: &[f32]) -> Vec<f32> {
    vec![0.0; values.len()]
}
