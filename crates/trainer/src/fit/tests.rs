//! The fit as a whole, on a small function with a known answer.

use artifacts::{Encoding, FORMAT_VERSION, LabelTransform, TransformParams};
use model::{FeatureTransform, RowError, Scratch};

use super::average::Average;
use super::backward::Backward;
use super::batches::Batches;
use super::training::diverged;
use super::*;
use crate::store::{BLOCK, Column, ColumnWriter, Keep};
use crate::{Forward, Random, Threads, threads::shares};

fn transform() -> FeatureTransform {
    let feature = |input: &str| artifacts::FeatureTransform {
        input: input.to_owned(),
        encoding: Encoding::Identity,
        mean: 0.0,
        scale: 1.0,
    };
    let params = TransformParams {
        version: FORMAT_VERSION,
        inputs: vec!["a".to_owned(), "b".to_owned()],
        reference: None,
        features: vec![feature("a"), feature("b")],
        label: LabelTransform {
            encoding: Encoding::Identity,
            mean: 10.0,
            scale: 2.0,
        },
    };
    FeatureTransform::new(&params).unwrap()
}

/// Rows of `10 + |a| + a b` with a, b in [-1, 1).
fn set(rows: usize, seed: u64) -> EncodedSet {
    let mut random = Random::new(seed);
    let values: Vec<f32> = (0..2 * rows)
        .map(|_| (2.0 * random.uniform() - 1.0) as f32)
        .collect();
    let label = |row: &[f32]| f64::from(10.0 + row[0].abs() + row[0] * row[1]);
    let labels: Vec<f64> = values.chunks_exact(2).map(label).collect();
    EncodedSet::new(&transform(), &values, &labels).unwrap()
}

fn held(column: &Column<f32>) -> Vec<f32> {
    column.held_rows(0..column.rows()).unwrap().to_vec()
}

/// The same rows on disk.
fn stored(set: &EncodedSet) -> EncodedSet {
    fn copy<T: crate::store::Number>(column: &Column<T>) -> Column<T> {
        let mut copy = ColumnWriter::new(Keep::OnDisk, column.width()).unwrap();
        copy.push(column.held_rows(0..column.rows()).unwrap())
            .unwrap();
        copy.finish().unwrap()
    }
    set.with_columns(copy, copy)
}

fn options() -> FitOptions {
    FitOptions {
        hidden_units: vec![16, 8],
        train_steps: 500,
        ..FitOptions::default()
    }
}

fn run(options: &FitOptions) -> Result<Fit, FitError> {
    fit(&set(300, 1), &set(100, 2), options, &mut |_| {
        ControlFlow::Continue(())
    })
}

fn bits(network: &Network) -> Vec<u32> {
    let layers = network.layers().iter();
    let parameters = layers.flat_map(|layer| layer.weights().iter().chain(layer.bias()));
    parameters.map(|parameter| parameter.to_bits()).collect()
}

#[test]
fn a_curve_is_learnt() {
    let options = FitOptions {
        learning_rate: 1e-2,
        train_steps: 2000,
        ..options()
    };
    let fit = run(&options).unwrap();
    let (first, best) = (fit.history[0], fit.kept());
    assert!(first.eval_root_mean_squared_error > 0.6, "{first:?}");
    assert!(best.eval_root_mean_squared_error < 0.05, "{best:?}");
    // One standard deviation of the label is 2 units.
    let in_units = best.eval_loss.sqrt() * 2.0;
    assert!((in_units - best.eval_root_mean_squared_error).abs() < 1e-5);
    assert_eq!(
        (fit.steps, fit.kept_step),
        (2000, 2000),
        "the last weights are kept"
    );
}

#[test]
fn the_untrained_network_predicts_the_label_s_mean() {
    let fit = run(&FitOptions {
        train_steps: 0,
        ..options()
    })
    .unwrap();
    assert_eq!((fit.steps, fit.kept_step, fit.history.len()), (0, 0, 1));
    let eval = set(100, 2);
    let inputs = held(eval.inputs());
    assert_eq!(
        fit.network.forward(&inputs, &mut Scratch::default()),
        [0.0; 100]
    );
    // The label's mean is 10, one of its standard deviations 2 units.
    let squares = held(eval.targets())
        .iter()
        .map(|target| f64::from(2.0 * target).powi(2))
        .sum::<f64>();
    let wanted = (squares / 100.0).sqrt();
    let found = fit.history[0].eval_root_mean_squared_error;
    assert!((found - wanted).abs() < 1e-5, "{found} is not {wanted}");
}

#[test]
fn the_seed_decides_the_bits() {
    let first = run(&options()).unwrap();
    assert_eq!(run(&options()).unwrap(), first);
    let other = run(&FitOptions {
        seed: 1,
        ..options()
    })
    .unwrap();
    assert_ne!(bits(&other.network), bits(&first.network));
}

#[test]
fn the_number_of_threads_does_not_change_the_bits() {
    // Large enough for the work to be shared between all of them.
    let options = FitOptions {
        hidden_units: vec![256, 128],
        batch_size: 300,
        train_steps: 20,
        eval_every: 10,
        ..options()
    };
    let with = |threads| {
        let threads = Threads::new(threads).unwrap();
        threads.run(|| {
            let parameters = network_init::initial_network(2, &[256, 128], &mut Random::new(0));
            let shared = shares(300, parameters.parameters());
            (run(&options).unwrap(), shared)
        })
    };
    let (alone, shared) = with(1);
    assert_eq!(shared, 1);
    for threads in [2, 3, 7] {
        let (together, shared) = with(threads);
        assert_eq!(shared, threads);
        assert_eq!(together, alone, "{threads} threads");
    }
}

#[test]
fn the_best_look_is_kept_and_patience_ends_the_wait() {
    let options = FitOptions {
        patience: Some(3),
        eval_every: 10,
        learning_rate: 0.3,
        ..options()
    };
    let fit = run(&FitOptions {
        schedule: Schedule::Constant,
        ..options
    })
    .unwrap();
    let best = fit.kept().eval_loss;
    assert!(fit.history.iter().all(|look| look.eval_loss >= best));
    assert_eq!(fit.steps, fit.kept_step + 30, "three looks after the best");
    assert!(fit.steps < 500);
    let eval = set(100, 2);
    assert_eq!(
        eval.loss(&fit.network, &mut Forward::default()).unwrap(),
        best
    );
}

#[test]
fn the_observer_sees_every_look_and_may_end_the_fit() {
    let stop_at = |at, stop| {
        let mut seen = Vec::new();
        let mut observe = |look: &Step| {
            seen.push(look.step);
            if look.step < at {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(stop)
            }
        };
        let fit = fit(&set(300, 1), &set(100, 2), &options(), &mut observe);
        (seen, fit)
    };
    let (seen, finished) = stop_at(200, Stop::Finish);
    assert_eq!((seen, finished.unwrap().steps), (vec![0, 100, 200], 200));
    let (seen, cancelled) = stop_at(100, Stop::Cancel);
    let error = cancelled.unwrap_err();
    assert_eq!((seen, error.hint()), (vec![0, 100], None));
    assert_eq!(error.to_string(), "training was cancelled at step 100");
}

#[test]
fn the_last_step_is_looked_at() {
    let fit = run(&FitOptions {
        train_steps: 130,
        ..options()
    })
    .unwrap();
    let steps: Vec<u64> = fit.history.iter().map(|look| look.step).collect();
    assert_eq!(steps, [0, 100, 130]);
}

#[test]
fn a_run_that_diverges_gives_no_network() {
    let error = run(&FitOptions {
        learning_rate: 1e6,
        weight_decay: 0.0,
        ..options()
    });
    let error = error.unwrap_err();
    assert_eq!(error.hint(), Some("lower the learning rate"));
    let FitError::Diverged { step: 2, loss, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        error.to_string(),
        format!(
            "training diverged at step 2: the loss is {loss:.3e} with a learning rate of 1000000"
        )
    );
}

#[test]
fn a_loss_that_is_not_a_number_has_diverged() {
    let options = options();
    assert!(diverged(7, 1e8, &options).is_ok());
    assert_eq!(
        diverged(7, f64::NAN, &options).unwrap_err().to_string(),
        "training diverged at step 7: the loss is NaN with a learning rate of 0.001"
    );
}

#[test]
fn splits_must_have_rows_of_one_width() {
    let run = |train: &EncodedSet, eval: &EncodedSet| {
        let error = fit(train, eval, &options(), &mut |_| ControlFlow::Continue(())).unwrap_err();
        (error.to_string(), error.hint())
    };
    let more_rows = Some("run `transform` on more rows or with other fractions");
    let (empty, some) = (set(0, 1), set(5, 1));
    assert_eq!(
        run(&empty, &some),
        ("the train split has no rows".to_owned(), more_rows)
    );
    assert_eq!(
        run(&some, &empty),
        ("the eval split has no rows".to_owned(), more_rows)
    );
    let mut params = transform().params().clone();
    params.features.pop();
    let narrow = FeatureTransform::new(&params).unwrap();
    let narrow = EncodedSet::new(&narrow, &[0.0, 0.0], &[1.0]).unwrap();
    assert_eq!(
        run(&some, &narrow),
        (
            "train rows have 2 inputs and eval rows 1".to_owned(),
            Some("encode both splits with the same transform")
        )
    );
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    let refusal = |change: fn(&mut FitOptions)| {
        let mut options = options();
        change(&mut options);
        run(&options).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(|o| o.learning_rate = 0.0),
        "`learning_rate` is 0; it must be a number above 0"
    );
    assert_eq!(
        refusal(|o| o.learning_rate = f64::NAN),
        "`learning_rate` is NaN; it must be a number above 0"
    );
    assert_eq!(
        refusal(|o| o.weight_decay = 1000.0),
        "`weight_decay` is 1000; it must be at least 0 and below 1 / learning_rate"
    );
    assert_eq!(
        refusal(|o| o.average_decay = 1.0),
        "`average_decay` is 1; it must be at least 0 and below 1"
    );
    assert_eq!(
        refusal(|o| o.hidden_units = vec![8, 0]),
        "`hidden_units` is [8, 0]; it must be 1 or more in each"
    );
    assert_eq!(
        refusal(|o| o.batch_size = 0),
        "`batch_size` is 0; it must be at least 1"
    );
    assert_eq!(
        refusal(|o| o.eval_every = 0),
        "`eval_every` is 0; it must be at least 1"
    );
}

#[test]
fn rows_that_cannot_be_encoded_are_refused_by_index() {
    let refusal =
        |rows: &[f32], labels: &[f64]| EncodedSet::new(&transform(), rows, labels).unwrap_err();
    let error = refusal(&[0.0, 1.0, f32::INFINITY, 1.0], &[1.0, 1.0]);
    assert_eq!(error.to_string(), "row 1 cannot be encoded");
    let EncodeError::Row { source, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        source,
        RowError::NotFinite {
            input: "a".to_owned(),
            value: f32::INFINITY
        }
    );
    assert_eq!(
        refusal(&[0.0, 1.0], &[f64::NAN]).to_string(),
        "row 0 has the label NaN, which its encoding does not take"
    );
}

#[test]
fn hidden_units_shrink_down_to_two() {
    assert_eq!(hidden_units(10, 4, 0.7), [10, 7, 4, 3]);
    assert_eq!(hidden_units(256, 3, 0.7), [256, 179, 125]);
    assert_eq!(hidden_units(3, 3, 0.1), [3, 2, 2]);
    assert!(hidden_units(64, 0, 0.5).is_empty());
}

#[test]
fn the_cosine_falls_from_one_to_nothing() {
    let factor = |step| Schedule::Cosine.factor(step, 1000);
    assert_eq!(factor(0), 1.0);
    assert!((factor(500) - 0.5).abs() < 1e-12);
    assert!(factor(999) < 1e-5);
    assert_eq!(Schedule::Constant.factor(999, 1000), 1.0);
}

#[test]
fn gradients_are_those_of_the_loss() {
    let set = set(12, 3);
    let mut random = Random::new(4);
    let mut network = network_init::initial_network(2, &[6, 5], &mut random);
    for layer in network.layers_mut() {
        let (weights, bias) = layer.parameters_mut();
        for parameter in weights.iter_mut().chain(bias) {
            *parameter = (random.uniform() - 0.4) as f32;
        }
    }
    let mut backward = Backward::new(&network);
    backward.run(&network, &held(set.inputs()), &held(set.targets()));
    let error = |network: &Network| set.loss(network, &mut Forward::default()).unwrap();
    let change = 1e-2;
    for (i, (weights, bias)) in backward.dense.iter().enumerate() {
        for (j, gradient) in weights.iter().chain(bias).enumerate() {
            let moved = |by: f32| {
                let mut network = network.clone();
                let (w, b) = network.layers_mut()[i].parameters_mut();
                *w.iter_mut().chain(b).nth(j).unwrap() += by;
                error(&network)
            };
            let slope = (moved(change) - moved(-change)) / f64::from(2.0 * change);
            let gradient = f64::from(*gradient);
            let tolerance = 2e-2 * gradient.abs().max(0.1);
            assert!(
                (slope - gradient).abs() < tolerance,
                "layer {i}, {j}: {gradient} for {slope}"
            );
        }
    }
}

#[test]
fn each_pass_visits_every_row_once_in_a_new_order() {
    let set = set(7, 5);
    let mut batches = Batches::new(&set, 3, Random::new(6));
    let targets: Vec<f32> = (0..7)
        .flat_map(|_| batches.next_batch().unwrap().1.to_vec())
        .collect();
    let sorted = |targets: &[f32]| {
        let mut sorted = targets.to_vec();
        sorted.sort_by(f32::total_cmp);
        sorted
    };
    let passes: Vec<&[f32]> = targets.chunks_exact(7).collect();
    assert!(
        passes
            .iter()
            .all(|pass| sorted(pass) == sorted(&held(set.targets())))
    );
    assert_ne!(passes[0], passes[1]);
    assert_eq!(
        Batches::new(&set, 100, Random::new(6))
            .next_batch()
            .unwrap()
            .1
            .len(),
        7
    );
}

#[test]
fn the_average_forgets_where_it_started_and_follows_slowly() {
    let network = |value: f32| {
        let layer = model::Dense::new(1, vec![value], vec![-value]).unwrap();
        Network::new(vec![layer]).unwrap()
    };
    let mut average = Average::new(&network(100.0), 0.9);
    for steps in 1..=300 {
        average.update(steps, &network(1.0));
    }
    assert!((average.network().layers()[0].weights()[0] - 1.0).abs() < 1e-4);
    average.update(301, &network(2.0));
    assert!((average.network().layers()[0].weights()[0] - 1.1).abs() < 1e-3);
    assert!((average.network().layers()[0].bias()[0] + 1.1).abs() < 1e-3);
    // Two steps at once are two steps.
    average.update(303, &network(2.0));
    assert!((average.network().layers()[0].weights()[0] - 1.271).abs() < 1e-3);
    let mut exact = Average::new(&network(100.0), 0.0);
    exact.update(1, &network(3.0));
    assert_eq!(exact.network(), &network(3.0));
}

#[test]
fn an_interrupted_training_goes_on_to_the_same_bits() {
    let (train, eval) = (set(300, 1), set(100, 2));
    let options = FitOptions {
        patience: Some(3),
        eval_every: 30,
        ..options()
    };
    let whole = run(&options).unwrap();
    let mut training = Training::new(&train, &eval, &options).unwrap();
    // Interrupted after every look.
    while training.advance().unwrap() {
        let checkpoint = training.checkpoint();
        training = Training::resume(&train, &eval, &options, &checkpoint).unwrap();
    }
    let resumed = training.finish();
    assert_eq!(bits(&resumed.network), bits(&whole.network));
    assert_eq!(
        (resumed.steps, resumed.kept_step, resumed.history),
        (whole.steps, whole.kept_step, whole.history)
    );
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let (train, eval, options) = (set(300, 1), set(100, 2), options());
    let mut training = Training::new(&train, &eval, &options).unwrap();
    training.advance().unwrap();
    let checkpoint = training.checkpoint();
    let refused = |sets: (&EncodedSet, &EncodedSet), options: &FitOptions, bytes: &[u8]| {
        let resumed = Training::resume(sets.0, sets.1, options, bytes);
        assert!(matches!(resumed.unwrap_err(), FitError::Checkpoint));
    };
    for length in 0..checkpoint.len().min(2000) {
        refused((&train, &eval), &options, &checkpoint[..length]);
    }
    refused((&train, &eval), &options, &[&checkpoint[..], b"x"].concat());
    refused((&set(299, 1), &eval), &options, &checkpoint);
    let other = FitOptions {
        hidden_units: vec![16, 9],
        ..options.clone()
    };
    refused((&train, &eval), &other, &checkpoint);
}

/// Targets of the batches of so many passes, by draws of `draw_blocks` blocks.
fn visited(set: &EncodedSet, draw_blocks: usize, rows: usize) -> Vec<f32> {
    let mut batches = Batches::with_draws(set, 100, Random::new(6), draw_blocks);
    let batches = std::iter::repeat_with(|| batches.next_batch().unwrap().1.to_vec());
    batches.take(rows / 100).flatten().collect()
}

#[test]
fn passes_by_draws_visit_every_row_once_wherever_the_rows_are() {
    // Five blocks, the last one of 116 rows.
    let rows = 4 * BLOCK + 116;
    let set = set(rows, 5);
    let all = stored(&set);
    let mut wanted = held(set.targets());
    wanted.sort_by(f32::total_cmp);
    for draw_blocks in [1, 2, 3, 5, 9] {
        let targets = visited(&set, draw_blocks, 2 * rows);
        let mut orders: Vec<&[f32]> = targets.chunks_exact(rows).collect();
        assert_eq!(orders.len(), 2);
        assert_ne!(orders[0], orders[1]);
        assert_eq!(visited(&all, draw_blocks, 2 * rows), targets);
        for order in &mut orders {
            let mut order = order.to_vec();
            order.sort_by(f32::total_cmp);
            assert_eq!(order, wanted, "draws of {draw_blocks} blocks");
        }
    }
    assert_eq!(visited(&set, 5, rows), visited(&set, 9, rows));
    assert_ne!(visited(&set, 5, rows), visited(&set, 3, rows));
}

#[test]
fn a_fit_is_the_same_wherever_the_rows_are() {
    let (train, eval) = (set(BLOCK + 300, 1), set(100, 2));
    let options = FitOptions {
        eval_every: 30,
        train_steps: 120,
        ..options()
    };
    let go = &mut |_: &Step| ControlFlow::Continue(());
    let in_memory = fit(&train, &eval, &options, go).unwrap();
    let on_disk = fit(&stored(&train), &stored(&eval), &options, go).unwrap();
    assert_eq!(on_disk, in_memory);
}

#[test]
fn batches_on_disk_go_on_where_they_were() {
    let set = stored(&set(3 * BLOCK + 116, 5));
    let new = || Batches::with_draws(&set, 1000, Random::new(6), 2);
    let (mut whole, mut again) = (new(), new());
    for _ in 0..40 {
        let next = again.next_batch().unwrap().1.to_vec();
        assert_eq!(whole.next_batch().unwrap().1, next);
        let mut to = super::checkpoint::Writer::new();
        again.save(&mut to);
        let bytes = to.finish();
        again = new();
        let mut from = super::checkpoint::Reader::new(&bytes).unwrap();
        again.restore(&mut from).unwrap();
        again.reload().unwrap();
    }
}
