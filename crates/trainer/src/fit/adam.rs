//! Adam with decoupled weight decay, over a network's parameters.

use kernel::AdamStep;
use model::Network;

use super::backward::Backward;
use super::checkpoint::{Reader, Writer};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f32 = 1e-8;

/// The moments of every parameter and the number of steps taken.
#[derive(Debug)]
pub(super) struct Adam {
    weight_decay: f64,
    beta1_power: f64,
    beta2_power: f64,
    moments: Vec<Moments>,
}

/// First and second moments of one parameter list.
#[derive(Debug)]
struct Moments(Vec<f32>, Vec<f32>);

impl Moments {
    fn of(parameters: &[f32]) -> Self {
        Self(vec![0.0; parameters.len()], vec![0.0; parameters.len()])
    }

    fn update(&mut self, step: &AdamStep, gradients: &[f32], parameters: &mut [f32]) {
        kernel::adam(step, gradients, parameters, &mut self.0, &mut self.1);
    }
}

impl Adam {
    pub(super) fn new(network: &Network, weight_decay: f64) -> Self {
        let layers = network.layers().iter();
        let moments = layers
            .flat_map(|layer| [layer.weights(), layer.bias()])
            .map(Moments::of)
            .collect();
        Self {
            weight_decay,
            beta1_power: 1.0,
            beta2_power: 1.0,
            moments,
        }
    }

    pub(super) fn save(&self, to: &mut Writer) {
        to.real(self.beta1_power);
        to.real(self.beta2_power);
        for moments in &self.moments {
            to.list(&moments.0);
            to.list(&moments.1);
        }
    }

    pub(super) fn restore(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.beta1_power = from.real()?;
        self.beta2_power = from.real()?;
        for moments in &mut self.moments {
            from.list(&mut moments.0)?;
            from.list(&mut moments.1)?;
        }
        Some(())
    }

    /// One step along the gradients. Weight decay is for the weights: biases carry the level.
    pub(super) fn step(&mut self, learning_rate: f64, gradients: &Backward, network: &mut Network) {
        self.beta1_power *= BETA1;
        self.beta2_power *= BETA2;
        let plain = AdamStep {
            beta1: BETA1 as f32,
            beta2: BETA2 as f32,
            rate: (learning_rate / (1.0 - self.beta1_power)) as f32,
            second_correction: (1.0 - self.beta2_power).sqrt().recip() as f32,
            epsilon: EPSILON,
            keep: 1.0,
        };
        let decayed = AdamStep {
            keep: (1.0 - learning_rate * self.weight_decay) as f32,
            ..plain
        };
        let mut moments = self.moments.iter_mut();
        let mut next = || {
            moments
                .next()
                .expect("moments were made for every parameter list")
        };
        for (layer, (weight_gradients, bias_gradients)) in
            network.layers_mut().iter_mut().zip(&gradients.dense)
        {
            let (weights, bias) = layer.parameters_mut();
            next().update(&decayed, weight_gradients, weights);
            next().update(&plain, bias_gradients, bias);
        }
    }
}
