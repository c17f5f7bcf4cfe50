//! Moving average of the weights.

use model::Network;

use super::checkpoint::{Reader, Writer};

/// Exponential moving average of a network's parameters over the steps (Polyak & Juditsky 1992;
/// with the warm-up that lets the first steps be forgotten).
#[derive(Debug)]
pub(super) struct Average {
    network: Network,
    decay: f64,
    steps: u64,
}

impl Average {
    /// An average that starts at `network`; a decay of 0 follows it exactly.
    pub(super) fn new(network: &Network, decay: f64) -> Self {
        Self {
            network: network.clone(),
            decay,
            steps: 0,
        }
    }

    /// The averaged network.
    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    pub(super) fn save(&self, to: &mut Writer) {
        to.whole(self.steps);
        to.network(&self.network);
    }

    pub(super) fn restore(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.steps = from.whole()?;
        from.network(&mut self.network)
    }

    /// Takes in the network as it is after `steps` steps; it stands for all of them since the
    /// last call. Seldom calls are for speed: large networks are bound by memory.
    pub(super) fn update(&mut self, steps: u64, network: &Network) {
        let since = (steps - self.steps) as i32;
        self.steps = steps;
        let warm_up = steps as f64 / (steps as f64 + 9.0);
        let share = (1.0 - self.decay.min(warm_up).powi(since)) as f32;
        for (average, layer) in self.network.layers_mut().iter_mut().zip(network.layers()) {
            let (weights, bias) = average.parameters_mut();
            kernel::move_average(share, layer.weights(), weights);
            kernel::move_average(share, layer.bias(), bias);
        }
    }
}
