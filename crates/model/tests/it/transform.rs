//! The feature transform: its formulas, and what it refuses.

use artifacts::{Encoding, TransformParams};
use model::FeatureTransform;

use crate::sample;

fn log_ratio_params() -> TransformParams {
    sample::params(
        Encoding::LogRatio,
        &[("high", Encoding::LogRatio), ("volume", Encoding::Log1p)],
    )
}

#[test]
fn features_are_encoded_and_standardised() {
    use Encoding::{Identity, Log1p, LogRatio, Ratio};
    let features = [
        ("high", LogRatio),
        ("low", Ratio),
        ("high", Identity),
        ("volume", Log1p),
    ];
    let transform = FeatureTransform::new(&sample::params(Identity, &features)).unwrap();
    assert_eq!((transform.input_width(), transform.feature_width()), (4, 4));
    let row = [200.0, 220.0, 190.0, 99_999.0];
    let mut encoded = [0.0; 4];
    transform.encode(&row, &mut encoded);
    let expected: [f64; 4] = [
        ((220.0_f64 / 200.0).ln() - 0.01) / 0.05,
        (190.0 / 200.0 - 1.0) / 0.1,
        (220.0 - 300.0) / 120.0,
        (100_000_f64.ln() - 12.0) / 2.5,
    ];
    for (found, expected) in encoded.into_iter().zip(expected) {
        assert!(
            (f64::from(found) - expected).abs() < 1e-5,
            "{found} for {expected}"
        );
    }
}

#[test]
fn labels_survive_the_round_trip() {
    for encoding in [Encoding::Identity, Encoding::LogRatio] {
        let params = sample::params(encoding, &[("high", Encoding::Identity)]);
        let transform = FeatureTransform::new(&params).unwrap();
        let encoded = transform.encode_label(231.5, 200.0);
        assert!((transform.decode_label(encoded, 200.0) - 231.5).abs() < 1e-3);
    }
}

#[test]
fn a_transform_without_reference_has_reference_one() {
    let mut params = sample::params(Encoding::Identity, &[("high", Encoding::Identity)]);
    params.reference = None;
    assert_eq!(
        FeatureTransform::new(&params).unwrap().reference(&[5.0; 4]),
        1.0
    );
}

#[test]
fn contradictions_are_refused_by_name() {
    let refusal = |change: fn(&mut TransformParams)| {
        let mut params = log_ratio_params();
        change(&mut params);
        let error = FeatureTransform::new(&params).unwrap_err();
        assert_eq!(
            error.hint(),
            Some("run `transform` again to write consistent examples")
        );
        let message = error.to_string();
        let problem = message.strip_prefix("the feature transform is not usable: ");
        problem.expect("the prefix").to_owned()
    };
    assert_eq!(
        refusal(|p| p.inputs.clear()),
        "it has no inputs or no features"
    );
    assert_eq!(
        refusal(|p| p.features.clear()),
        "it has no inputs or no features"
    );
    assert_eq!(
        refusal(|p| p.inputs[2] = "open".to_owned()),
        "input 2 repeats the name `open`"
    );
    assert_eq!(
        refusal(|p| p.reference = Some("opening".to_owned())),
        "the reference is `opening`, which is not among the inputs"
    );
    assert_eq!(
        refusal(|p| p.features[1].input = "size".to_owned()),
        "the input of feature 1 is `size`, which is not among the inputs"
    );
    assert_eq!(
        refusal(|p| p.reference = None),
        "feature 0 (`high`) is relative but there is no reference"
    );
    assert_eq!(
        refusal(|p| p.features[0].scale = 0.0),
        "feature 0 (`high`) has mean 0.01 and scale 0; \
         the mean must be finite and the scale above 0"
    );
    // Finite in f64, infinite in the graph's f32.
    assert_eq!(
        refusal(|p| p.label.mean = 1e39),
        "the label has mean inf and scale 0.05; the mean must be finite and the scale above 0"
    );
    assert_eq!(
        refusal(|p| p.label.encoding = Encoding::Ratio),
        "the label's encoding has no inverse"
    );
}

#[test]
fn rows_that_cannot_be_encoded_are_refused_by_name() {
    let transform = FeatureTransform::new(&log_ratio_params()).unwrap();
    let refusal = |row: &[f32]| transform.check(row).unwrap_err().to_string();
    assert_eq!(transform.check(&[200.0, 220.0, -1.0, 0.0]), Ok(()));
    assert_eq!(
        refusal(&[200.0, 220.0]),
        "the row has 2 values, the model takes 4: open, high, low, volume"
    );
    assert_eq!(
        refusal(&[200.0, 220.0, f32::NAN, 0.0]),
        "`low` is NaN; it must be a finite number"
    );
    assert_eq!(
        refusal(&[0.0, 220.0, 1.0, 0.0]),
        "`open` is 0; it must be above 0"
    );
    assert_eq!(
        refusal(&[200.0, -2.5, 1.0, 0.0]),
        "`high` is -2.5; it must be above 0"
    );
    assert_eq!(
        refusal(&[200.0, 220.0, 1.0, -1.0]),
        "`volume` is -1; it must be at least 0"
    );
}
