//! Shapes, the forward pass and prediction.

use model::{Dense, Model, Network, PredictScratch, Scratch};

use crate::sample;

fn dense(inputs: usize, outputs: usize) -> Dense {
    let weights = (0..inputs * outputs)
        .map(|i| ((i * 7) % 11) as f32 * 0.1 - 0.5)
        .collect();
    Dense::new(
        inputs,
        weights,
        (0..outputs).map(|i| i as f32 * 0.01).collect(),
    )
    .unwrap()
}

fn refusal(layers: Vec<Dense>) -> String {
    Network::new(layers).unwrap_err().to_string()
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    assert_eq!(
        Dense::new(2, vec![0.0; 5], vec![0.0; 3])
            .unwrap_err()
            .to_string(),
        "a layer of 2 inputs and 3 outputs cannot have 5 weights"
    );
    assert_eq!(
        Dense::new(0, vec![], vec![0.0]).unwrap_err().to_string(),
        "a layer of 0 inputs and 1 outputs cannot have 0 weights"
    );
    assert_eq!(
        refusal(vec![]),
        "the network does not fit together: it has no layers"
    );
    assert_eq!(
        refusal(vec![dense(2, 3)]),
        "the network does not fit together: the last layer gives 3 values, not 1"
    );
    assert_eq!(
        refusal(vec![dense(2, 3), dense(4, 1)]),
        "the network does not fit together: \
         layer 1 takes 4 values and the layer before gives 3"
    );
}

#[test]
fn parts_that_do_not_fit_make_no_model() {
    let whole = sample::model("raw");
    let refusal = |metadata, network| Model::new(metadata, network).unwrap_err().to_string();
    let narrow = Network::new(vec![dense(2, 1)]).unwrap();
    assert_eq!(
        refusal(whole.metadata().clone(), narrow),
        "the network does not fit together: it takes 2 values and the transform gives 3"
    );
    let mut metadata = whole.metadata().clone();
    metadata.schema.inputs.swap(0, 1);
    assert_eq!(
        refusal(metadata, whole.network().clone()),
        "the feature transform is not usable: its inputs are [open, high, low, volume] and the \
         schema's [high, open, low, volume]"
    );
    let mut network = whole.network().clone();
    network.layers_mut()[0].parameters_mut().0[2] = f32::NAN;
    assert!(!network.is_finite());
    let error = Model::new(whole.metadata().clone(), network).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the network has weights that are not finite numbers"
    );
    assert_eq!(
        error.hint(),
        Some("run `train` again to write the model anew")
    );
}

#[test]
fn forward_is_affine_and_relu_in_turn() {
    let network = Network::new(vec![dense(3, 20), dense(20, 7), dense(7, 1)]).unwrap();
    assert_eq!(network.hidden_units(), [20, 7]);
    let row = [0.3_f32, -1.2, 2.0];
    let mut x = row.to_vec();
    for (i, layer) in network.layers().iter().enumerate() {
        let unit = |j: usize| {
            let term = |sum, k: usize| x[k].mul_add(layer.weights()[k * layer.outputs() + j], sum);
            (0..layer.inputs()).fold(layer.bias()[j], term)
        };
        let sums: Vec<f32> = (0..layer.outputs()).map(unit).collect();
        x = if i < 2 {
            sums.iter().map(|sum| sum.max(0.0)).collect()
        } else {
            sums
        };
    }
    assert_eq!(network.forward(&row, &mut Scratch::default()), x);
}

#[test]
fn a_row_is_the_same_bits_alone_and_in_any_batch() {
    for name in sample::NAMES {
        let model = sample::model(name);
        let rows = sample::rows(600);
        let mut scratch = PredictScratch::default();
        let together = model.predict(&rows, &mut scratch);
        assert_eq!(together.len(), 600);
        for (row, expected) in rows.chunks_exact(4).zip(&together) {
            assert_eq!(
                model.predict(row, &mut scratch)[0].to_bits(),
                expected.to_bits()
            );
        }
        assert!(model.predict(&[], &mut scratch).is_empty());
    }
}
