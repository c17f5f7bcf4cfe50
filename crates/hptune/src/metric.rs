//! What a trial measures.

use artifacts::{Goal, Measurement, MetricSpec, MetricValue};
use trainer::{Fit, Measure, Step};

use crate::StudyError;

/// A metric of a study.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    pub(crate) id: String,
    measure: Measure,
}

impl Metric {
    /// The metric of a specification, where a trial measures it.
    pub(crate) fn new(spec: &MetricSpec) -> Result<Self, StudyError> {
        let unknown = |_| StudyError::Metric {
            metric: spec.metric_id.clone(),
        };
        let measure = spec.metric_id.parse().map_err(unknown)?;
        if spec.goal == Goal::Maximize {
            return Err(StudyError::Goal {
                metric: spec.metric_id.clone(),
            });
        }
        Ok(Self {
            id: spec.metric_id.clone(),
            measure,
        })
    }

    /// The same thing by whatever name.
    pub(crate) fn is_same(&self, other: &MetricSpec) -> bool {
        Self::new(other).is_ok_and(|other| other.measure == self.measure)
    }

    /// What people call it, with its unit.
    pub(crate) fn label(&self, unit: &str) -> String {
        match self.measure {
            Measure::RootMeanSquaredError => format!("eval RMSE, {unit}"),
            Measure::MeanAbsoluteError => format!("eval MAE, {unit}"),
            Measure::ParameterCount => "parameters of the network".to_owned(),
        }
    }
}

/// Which measurement of a trial counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The last: that of the network which training ends with.
    #[default]
    Last,
    /// The one with the best first metric.
    Best,
}

/// All metrics at a look.
pub(crate) fn measure(metrics: &[Metric], look: &Step) -> Measurement {
    Measurement {
        step_count: look.step as i64,
        metrics: metrics
            .iter()
            .map(|metric| MetricValue {
                metric_id: metric.id.clone(),
                value: metric.measure.value(look),
            })
            .collect(),
    }
}

/// The measurement that counts, of a fit's.
pub(crate) fn select(selection: Selection, metrics: &[Metric], fit: &Fit) -> Measurement {
    let first = |look: &Step| metrics[0].measure.value(look);
    // The untrained network is no result.
    let trained = fit.history.iter().filter(|look| look.step > 0);
    let best = trained.min_by(|a, b| first(a).total_cmp(&first(b)));
    let look = match selection {
        Selection::Last => fit.kept(),
        Selection::Best => best.unwrap_or(fit.kept()),
    };
    measure(metrics, look)
}
