//! Tests of the plan.

use component::{Diagnose, Exit};

use super::*;
use crate::config::SplitFractions;
use crate::policy::Policy;

fn plan(change: impl FnOnce(&mut Config)) -> Plan {
    let mut config = Config::default();
    change(&mut config);
    Plan::new(&config).unwrap()
}

fn inputs(plan: &Plan) -> Vec<(&str, Encoding)> {
    plan.inputs
        .iter()
        .map(|input| (input.name.as_str(), input.encoding))
        .collect()
}

#[test]
fn the_default_predicts_the_close_from_the_days_other_prices() {
    let plan = plan(|_| {});
    let log_ratio = Encoding::LogRatio;
    assert_eq!(
        inputs(&plan),
        [("open", log_ratio), ("high", log_ratio), ("low", log_ratio)]
    );
    assert_eq!(plan.kept, ["open", "high", "low", "close"]);
    assert_eq!(plan.reference, Some(0));
    assert_eq!(plan.naive_column(), "open");
    assert_eq!(plan.example_columns(), ["open", "high", "low", "close"]);
    assert_eq!((plan.horizon, plan.history), (0, 0));
}

#[test]
fn later_labels_refer_to_the_last_known_one() {
    let plan = plan(|config| config.horizon = 3);
    let names: Vec<_> = inputs(&plan).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["open", "high", "low", "close"]);
    assert_eq!(plan.reference, Some(3));
    assert_eq!(plan.naive_column(), "close");
    assert_eq!(plan.label_column, "close_in_3");
}

#[test]
fn raw_prices_have_no_reference_but_the_naive_forecast_stays_in_the_files() {
    let plan = plan(|config| {
        config.price_representation = PriceRepresentation::Raw;
        config.features = vec!["high".to_owned(), "volume".to_owned()];
        config.horizon = 1;
    });
    assert_eq!(
        inputs(&plan),
        [("high", Encoding::Identity), ("volume", Encoding::Identity)]
    );
    assert_eq!(plan.reference, None);
    assert_eq!(
        plan.example_columns(),
        ["high", "volume", "close", "close_in_1"]
    );
}

#[test]
fn derived_inputs_are_encoded_by_what_they_are() {
    let plan = plan(|config| {
        config.features = vec!["open".to_owned(), "volume".to_owned(), "ranknow".to_owned()];
        config.lags.rows = vec![2];
        config.rolling.windows = vec![7];
        config.rolling.columns = vec!["close".to_owned(), "volume".to_owned()];
        config.calendar = vec![CalendarField::Month];
    });
    assert_eq!(
        inputs(&plan),
        [
            ("open", Encoding::LogRatio),
            ("volume", Encoding::Log1p),
            ("ranknow", Encoding::Identity),
            ("close_lag_2", Encoding::LogRatio),
            ("close_mean_7", Encoding::LogRatio),
            ("close_std_7", Encoding::Ratio),
            ("volume_mean_7", Encoding::Log1p),
            ("volume_std_7", Encoding::Log1p),
            ("month", Encoding::Identity),
        ]
    );
    // The window of the label ends one row earlier than that of a value known at the time.
    let delays: Vec<_> = plan
        .inputs
        .iter()
        .filter_map(|input| match input.derivation {
            Derivation::Rolling { delay, .. } => Some(delay),
            _ => None,
        })
        .collect();
    assert_eq!(delays, [1, 1, 0, 0]);
    assert_eq!(plan.history, 7);
}

/// A change of the default configuration, and the message and hint it must give.
type Refused = (fn(&mut Config), &'static str, &'static str);

#[test]
fn contradictions_are_refused_with_a_next_step() {
    let cases: [Refused; 15] = [
        (
            |config| config.features.clear(),
            "`features` is empty",
            "name at least one column, for example open",
        ),
        (
            |config| config.features.push("open".to_owned()),
            "`features` names `open` twice",
            "name it once",
        ),
        (
            |config| config.features.push("close".to_owned()),
            "`features` holds the label `close`, which is what is to be predicted",
            "take it out, or predict later rows with --horizon",
        ),
        (
            |config| config.reference = Some("close".to_owned()),
            "`reference` is the label `close`, which is not known at horizon 0",
            "name a column known before it, for example open",
        ),
        (
            |config| config.reference = Some("volume".to_owned()),
            "`reference` is `volume`, which is not a price column",
            "list it in `numeric_columns.price`, or use --price-representation raw",
        ),
        (
            |config| config.numeric_columns.volume.push("open".to_owned()),
            "`numeric_columns` names `open` as a price and as a volume",
            "name it once",
        ),
        (
            |config| config.horizon = 10_001,
            "`horizon` holds 10001, which is not between 0 and 10000 rows",
            "choose another number of rows",
        ),
        (
            |config| config.lags.rows = vec![0],
            "`lags.rows` holds 0, which is not between 1 and 10000 rows",
            "choose another number of rows",
        ),
        (
            |config| config.rolling.windows = vec![1],
            "`rolling.windows` holds 1, which is not between 2 and 10000 rows",
            "choose another number of rows",
        ),
        (
            |config| {
                config.policies.duplicate_date = Policy::Keep;
                config.horizon = 1;
            },
            "`policies.duplicate_date` is keep, but a horizon, lags and rolling windows need one row a date",
            "let it be drop, and select one series",
        ),
        (
            |config| config.split.train = 1.5,
            "`split.train` is 1.5, which is not between 0 and 1",
            "give the share of the rows, for example 0.7",
        ),
        (
            |config| config.split.eval = f64::NAN,
            "`split.eval` is NaN, which is not between 0 and 1",
            "give the share of the rows, for example 0.7",
        ),
        (
            |config| {
                config.split = SplitFractions {
                    train: 0.8,
                    eval: 0.2,
                }
            },
            "`split` gives train 0.8 and eval 0.2, which leaves no test rows",
            "lower one of them: the test split is what they leave of 1",
        ),
        (
            |config| config.policies.missing_date = Policy::Keep,
            "`policies` keeps `missing_date`, but such a row has no place in the examples",
            "let it be drop or error",
        ),
        (
            |config| config.policies.non_positive_price = Policy::Keep,
            "`policies.non_positive_price` is keep, but a price of 0 or below has no logarithm",
            "let it be drop or error, or use --price-representation raw",
        ),
    ];
    for (change, message, hint) in cases {
        let mut config = Config::default();
        change(&mut config);
        let error = Plan::new(&config).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.hint().as_deref(), Some(hint), "{message}");
        assert_eq!(error.exit(), Exit::Usage, "{message}");
    }
}
