//! The gate: is a model worth serving?

use artifacts::{GateResult, Metrics, figure};

/// A baseline the metrics do not have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model's test metrics have no baseline `{name}`; they have {}", known.join(", "))]
pub struct UnknownBaseline {
    name: String,
    known: Vec<String>,
}

/// Compares the model's root mean squared error on the test split with a baseline's, by default
/// the naive one: the model passes when it removes more than `min_improvement` of that error.
pub(crate) fn judge(
    metrics: &Metrics,
    baseline: Option<&str>,
    min_improvement: f64,
) -> Result<GateResult, UnknownBaseline> {
    let name = baseline.unwrap_or(&metrics.naive_baseline);
    let Some(baseline) = metrics.test.baselines.get(name) else {
        return Err(UnknownBaseline {
            name: name.to_owned(),
            known: metrics.test.baselines.keys().cloned().collect(),
        });
    };
    let model = metrics.test.model.root_mean_squared_error;
    let baseline = baseline.root_mean_squared_error;
    Ok(GateResult {
        // Compared without a division: a baseline without error cannot be beaten, and NaN fails.
        passed: model < (1.0 - min_improvement) * baseline,
        baseline: name.to_owned(),
        baseline_root_mean_squared_error: baseline,
        model_root_mean_squared_error: model,
        improvement: if baseline > 0.0 {
            1.0 - model / baseline
        } else {
            0.0
        },
        min_improvement,
    })
}

/// Why a model that did not pass is not deployed, in the label's unit.
pub(crate) fn reason(gate: &GateResult, unit: Option<&str>) -> String {
    let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    let limit = (1.0 - gate.min_improvement) * gate.baseline_root_mean_squared_error;
    format!(
        "its test RMSE of {}{unit} is not below {}{unit} (baseline `{}` {}{unit}, improvement \
         {:.2} %, required more than {:.2} %)",
        figure(gate.model_root_mean_squared_error),
        figure(limit),
        gate.baseline,
        figure(gate.baseline_root_mean_squared_error),
        gate.improvement * 100.0,
        gate.min_improvement * 100.0,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use artifacts::{Evaluation, RegressionMetrics};

    use super::*;

    fn metrics(model: f64) -> Metrics {
        let regression = |rmse: f64| RegressionMetrics {
            count: 269,
            root_mean_squared_error: rmse,
            mean_absolute_error: rmse,
            mean_absolute_percentage_error: 0.1,
            r_squared: 0.5,
        };
        let evaluation = Evaluation {
            model: regression(model),
            baselines: BTreeMap::from([
                ("least_squares".to_owned(), regression(220.0)),
                ("naive_open".to_owned(), regression(600.0)),
            ]),
            skill: None,
        };
        Metrics {
            version: 1,
            unit: Some("USD".to_owned()),
            naive_baseline: "naive_open".to_owned(),
            eval: evaluation.clone(),
            test: evaluation,
            intervals: None,
        }
    }

    fn passes(model: f64, baseline: Option<&str>, min_improvement: f64) -> bool {
        judge(&metrics(model), baseline, min_improvement)
            .unwrap()
            .passed
    }

    #[test]
    fn a_model_has_to_be_strictly_better_than_the_naive_baseline() {
        assert!(passes(599.99, None, 0.0));
        assert!(!passes(600.0, None, 0.0));
    }

    #[test]
    fn the_required_improvement_and_the_baseline_can_be_chosen() {
        assert!(passes(569.0, None, 0.05));
        assert!(!passes(571.0, None, 0.05));
        assert!(!passes(221.0, Some("least_squares"), 0.0));
        assert!(passes(221.0, Some("least_squares"), -0.01));
    }

    #[test]
    fn a_model_without_a_finite_error_never_passes() {
        assert!(!passes(f64::NAN, None, -5.0));
        assert!(!passes(f64::INFINITY, None, -5.0));
    }

    #[test]
    fn an_unknown_baseline_is_refused_with_the_known_ones() {
        let error = judge(&metrics(1.0), Some("persistence"), 0.0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the model's test metrics have no baseline `persistence`; \
             they have least_squares, naive_open"
        );
    }

    #[test]
    fn the_reason_gives_every_number_of_the_comparison() {
        let gate = judge(&metrics(590.0), None, 0.05).unwrap();
        assert_eq!(
            reason(&gate, Some("USD")),
            "its test RMSE of 590.00 USD is not below 570.00 USD (baseline `naive_open` \
             600.00 USD, improvement 1.67 %, required more than 5.00 %)"
        );
    }
}
