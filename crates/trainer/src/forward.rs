//! Outputs of a network for many rows.

use model::{Network, Scratch};

use crate::threads::shares;

/// Rows the network computes at a time; shares are whole multiples of it.
const BLOCK: usize = 256;

/// Working memory of a forward pass over many rows, shared between threads.
#[derive(Debug, Default)]
pub struct Forward {
    scratch: Vec<Scratch>,
    outputs: Vec<f32>,
}

impl Forward {
    /// The network's output for each encoded row (n × inputs, row-major): n values, the same as
    /// [`Network::forward`] gives.
    ///
    /// # Panics
    /// When `inputs` is not a whole number of rows.
    pub fn run(&mut self, network: &Network, inputs: &[f32]) -> &[f32] {
        let rows = inputs.len() / network.inputs();
        let threads = shares(rows, network.parameters());
        self.scratch.resize_with(threads, Scratch::default);
        self.outputs.resize(rows, 0.0);
        share(network, inputs, &mut self.scratch, &mut self.outputs);
        &self.outputs
    }
}

/// Computes `outputs`, on as many threads as there are `scratch`.
fn share(network: &Network, inputs: &[f32], scratch: &mut [Scratch], outputs: &mut [f32]) {
    if let [scratch] = scratch {
        outputs.copy_from_slice(network.forward(inputs, scratch));
        return;
    }
    let (first, second) = scratch.split_at_mut(scratch.len().div_ceil(2));
    let rows = outputs.len() * first.len() / (first.len() + second.len());
    let rows = rows.next_multiple_of(BLOCK).min(outputs.len());
    let (upper, lower) = outputs.split_at_mut(rows);
    let (upper_inputs, lower_inputs) = inputs.split_at(rows * network.inputs());
    rayon::join(
        || share(network, upper_inputs, first, upper),
        || share(network, lower_inputs, second, lower),
    );
}
