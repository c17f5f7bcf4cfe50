//! The network's shape and its first weights.

use model::{Dense, Network};

use crate::Random;

/// Units of each hidden layer: `max(2, int(first_layer_size × scale_factor^i))`.
pub fn hidden_units(first_layer_size: u32, num_layers: u32, scale_factor: f64) -> Vec<u32> {
    let units = |i: u32| f64::from(first_layer_size) * scale_factor.powf(f64::from(i));
    (0..num_layers).map(|i| (units(i) as u32).max(2)).collect()
}

/// A network with weights uniform in ±√(6 / inputs) (He et al. 2015, for `ReLU`), zero biases and
/// a zero last layer, so that it starts as the label's mean.
pub(super) fn initial_network(inputs: usize, hidden_units: &[u32], random: &mut Random) -> Network {
    let mut width = inputs;
    let hidden = hidden_units.iter().map(|&units| {
        let (fan_in, fan_out) = (width, units as usize);
        width = fan_out;
        let bound = (6.0 / fan_in as f64).sqrt();
        let weight = |_| ((2.0 * random.uniform() - 1.0) * bound) as f32;
        dense(fan_in, (0..fan_in * fan_out).map(weight).collect(), fan_out)
    });
    let mut layers: Vec<Dense> = hidden.collect();
    layers.push(dense(width, vec![0.0; width], 1));
    Network::new(layers).expect("each layer takes what the one before gives")
}

fn dense(inputs: usize, weights: Vec<f32>, outputs: usize) -> Dense {
    Dense::new(inputs, weights, vec![0.0; outputs]).expect("inputs × outputs weights, none 0")
}
