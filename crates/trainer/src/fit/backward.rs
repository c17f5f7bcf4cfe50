//! Forward pass that keeps the activations, and the backward pass through them.
//!
//! A batch is worked on in two phases, each shared between threads. Rows go through the network and
//! back independently of each other, so each thread takes some of the rows. The gradient of a
//! weight is a sum over all rows, in their order, so there each thread takes some of the weights.

use model::Network;

use super::loss;
use crate::threads::shares;

/// Working memory and gradients of one network.
#[derive(Debug)]
pub(super) struct Backward {
    /// Outputs of each layer, after the activation function; rows × outputs.
    activations: Vec<Vec<f32>>,
    /// Gradient by each layer's outputs, before the activation function; rows × outputs.
    outer: Vec<Vec<f32>>,
    /// Working memory of each thread.
    scratch: Vec<Vec<f32>>,
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
            outer: vec![Vec::new(); network.layers().len()],
            scratch: Vec::new(),
            dense,
        }
    }

    /// Computes the gradients of the mean squared error on a batch; returns that error.
    pub(super) fn run(&mut self, network: &Network, inputs: &[f32], targets: &[f32]) -> f64 {
        let rows = targets.len();
        let threads = shares(rows, network.parameters());
        for (i, layer) in network.layers().iter().enumerate() {
            self.activations[i].resize(rows * layer.outputs(), 0.0);
            self.outer[i].resize(rows * layer.outputs(), 0.0);
        }
        self.scratch.resize_with(threads, Vec::new);
        let batch = Rows {
            inputs,
            targets,
            activations: self.activations.iter_mut().map(Vec::as_mut_slice).collect(),
            outer: self.outer.iter_mut().map(Vec::as_mut_slice).collect(),
        };
        batch.share(network, rows, &mut self.scratch);
        self.sum(network, inputs, threads);
        let outputs = self.activations.last().expect("there is a layer");
        loss::mean_squared_error(outputs, targets)
    }

    /// Sums the gradients by weights and biases over the rows.
    fn sum(&mut self, network: &Network, inputs: &[f32], threads: usize) {
        let before = self.activations.iter().map(Vec::as_slice);
        let sums = network
            .layers()
            .iter()
            .zip([inputs].into_iter().chain(before))
            .zip(&self.outer)
            .zip(&mut self.dense);
        let sums = sums.map(|(((layer, x), outer), (weights, bias))| {
            move || {
                kernel::weight_gradient(x, outer, layer.outputs(), weights);
                kernel::column_sums(outer, bias);
            }
        });
        if threads < 2 {
            return sums.for_each(|mut sum| sum());
        }
        // The layers side by side, and the kernel shares out each one's weights.
        rayon::scope(|scope| sums.for_each(|mut sum| scope.spawn(move |_| sum())));
    }
}

/// Some rows of a batch, and their part of what is kept of each layer.
struct Rows<'a> {
    inputs: &'a [f32],
    targets: &'a [f32],
    activations: Vec<&'a mut [f32]>,
    outer: Vec<&'a mut [f32]>,
}

impl<'a> Rows<'a> {
    /// Sends the rows forward and back, as many of them on each thread as there is scratch for;
    /// `batch` is the number of all rows.
    fn share(self, network: &Network, batch: usize, scratch: &mut [Vec<f32>]) {
        if let [scratch] = scratch {
            return self.there_and_back(network, batch, scratch);
        }
        let (first, second) = scratch.split_at_mut(scratch.len().div_ceil(2));
        let share = self.targets.len() * first.len() / (first.len() + second.len());
        let (upper, lower) = self.split(network, share);
        rayon::join(
            || upper.share(network, batch, first),
            || lower.share(network, batch, second),
        );
    }

    /// The first `rows` rows, and the others.
    fn split(self, network: &Network, rows: usize) -> (Self, Self) {
        let (upper_inputs, lower_inputs) = self.inputs.split_at(rows * network.inputs());
        let (upper_targets, lower_targets) = self.targets.split_at(rows);
        let by_layer = |all: Vec<&'a mut [f32]>| -> (Vec<_>, Vec<_>) {
            let layers = network.layers().iter().zip(all);
            layers
                .map(|(layer, values)| values.split_at_mut(rows * layer.outputs()))
                .unzip()
        };
        let (upper_activations, lower_activations) = by_layer(self.activations);
        let (upper_outer, lower_outer) = by_layer(self.outer);
        let upper = Self {
            inputs: upper_inputs,
            targets: upper_targets,
            activations: upper_activations,
            outer: upper_outer,
        };
        let lower = Self {
            inputs: lower_inputs,
            targets: lower_targets,
            activations: lower_activations,
            outer: lower_outer,
        };
        (upper, lower)
    }

    /// As [`Network::forward`], layer for layer, keeping every layer's outputs; then the gradients
    /// by them, from the last layer to the first.
    fn there_and_back(mut self, network: &Network, batch: usize, scratch: &mut Vec<f32>) {
        let layers = network.layers();
        let last = layers.len() - 1;
        for (i, layer) in layers.iter().enumerate() {
            let (before, after) = self.activations.split_at_mut(i);
            let x = before.last().map_or(self.inputs, |x| x);
            kernel::affine(x, layer.weights(), layer.bias(), after[0]);
            if i < last {
                kernel::relu(after[0]);
            }
        }
        loss::gradient(
            self.activations[last],
            self.targets,
            batch,
            self.outer[last],
        );
        for (i, layer) in layers.iter().enumerate().skip(1).rev() {
            let (inner, outer) = self.outer.split_at_mut(i);
            let (dx, dy) = (&mut *inner[i - 1], &*outer[0]);
            kernel::input_gradient(dy, layer.weights(), layer.outputs(), dx, scratch);
            kernel::relu_gradient(self.activations[i - 1], dx);
        }
    }
}

fn zeros(values: &[f32]) -> Vec<f32> {
    vec![0.0; values.len()]
}
