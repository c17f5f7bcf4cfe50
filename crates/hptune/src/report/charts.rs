//! The study's trials, drawn.

use artifacts::{ParameterSpec, ScaleType, Trial, TrialState, Trials, figure};
use report::{Dimension, LineChart, ParallelCoordinates, Scale, Series, Slices};
use serde_json::Value;

use super::short;
use crate::study::Plan;

/// A study, ready to be drawn.
pub(super) struct Charts<'a> {
    trials: &'a Trials,
    /// What people call the metrics.
    labels: &'a [String],
    /// Each parameter once.
    parameters: Vec<&'a ParameterSpec>,
    /// The trials with a first metric, and its value.
    measured: Vec<(&'a Trial, f64)>,
    /// Where a drawing of the first metric ends: a terrible trial would flatten all others.
    highest: f64,
}

/// Trials from which on terrible ones are told from the others.
const FEWEST: usize = 8;

/// Three times the interquartile range above the upper quartile (Tukey's outer fence), where
/// something lies beyond it.
fn fence(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let quartile = |quarters: usize| values[quarters * (values.len() - 1) / 4];
    if values.len() < FEWEST {
        return f64::INFINITY;
    }
    let fence = quartile(3) + 3.0 * (quartile(3) - quartile(1));
    if quartile(4) > fence && fence > quartile(3) {
        fence
    } else {
        f64::INFINITY
    }
}

impl<'a> Charts<'a> {
    pub(super) fn new(plan: &'a Plan, trials: &'a Trials, labels: &'a [String]) -> Self {
        let mut parameters: Vec<&ParameterSpec> = Vec::new();
        for parameter in plan.parameters() {
            if !parameters
                .iter()
                .any(|p| p.parameter_id == parameter.parameter_id)
            {
                parameters.push(parameter);
            }
        }
        let measured = trials.trials.iter().filter_map(|trial| {
            let value = trial.metric(&trials.metric_id)?;
            Some((trial, value))
        });
        let measured: Vec<_> = measured.collect();
        Self {
            highest: fence(measured.iter().map(|(_, value)| *value).collect()),
            measured,
            trials,
            labels,
            parameters,
        }
    }

    /// Names of the parameters.
    pub(super) fn names(&self) -> Vec<&'a str> {
        let parameters = self.parameters.iter();
        parameters.map(|p| p.parameter_id.as_str()).collect()
    }

    /// The first metric by trial, and the best so far.
    pub(super) fn history(&self) -> LineChart {
        let place = |trial: &Trial| trial.id.parse().unwrap_or(f64::NAN);
        let of = |state: TrialState| {
            let measured = self.measured.iter().filter(move |(t, _)| t.state == state);
            measured
                .map(|(trial, value)| (place(trial), value.min(self.highest)))
                .collect::<Vec<_>>()
        };
        let ended = of(TrialState::Succeeded);
        let mut lowest = f64::INFINITY;
        let mut best: Vec<(f64, f64)> = Vec::new();
        for (number, value) in &ended {
            lowest = lowest.min(*value);
            best.push((*number, lowest));
        }
        // The line reaches the last trial, whatever came of it.
        best.extend(self.trials.trials.last().map(|last| (place(last), lowest)));
        let chart = LineChart::new(&self.caption("Trials in the order they were begun"))
            .labels("trial", &self.labels[0])
            .y_scale(Scale::Log)
            .series(Series::dots("trial", ended))
            .series(Series::steps("best so far", best));
        match of(TrialState::Stopped) {
            stopped if stopped.is_empty() => chart,
            stopped => chart.series(Series::dots("stopped early", stopped)),
        }
    }

    /// The first metric and another one, and the trials that are best in both.
    pub(super) fn compromises(&self, further: usize) -> LineChart {
        let (id, _) = self.trials.metrics().nth(further).unwrap_or_default();
        let point = |trial: &Trial, value: f64| Some((value, trial.metric(id)?));
        let points = self
            .measured
            .iter()
            .filter_map(|(t, value)| point(t, *value));
        let on_front = |trial: &Trial| self.trials.pareto_front.contains(&trial.id);
        let front = self.measured.iter().filter(|(trial, _)| on_front(trial));
        let front = front.filter_map(|(trial, value)| point(trial, *value));
        LineChart::new(&format!(
            "{} beside {}",
            self.labels[further], self.labels[0]
        ))
        .labels(&self.labels[0], &self.labels[further])
        .y_scale(Scale::Log)
        .series(Series::dots("trial", points.collect()))
        .series(Series::dots("on the front", front.collect()))
    }

    /// Every trial as a line across its parameters and metrics.
    pub(super) fn parallel_coordinates(&self) -> ParallelCoordinates {
        let chart = ParallelCoordinates::new(
            &self.caption(
                "Parallel coordinates: the better a trial, the stronger its line; the best is \
                 orange",
            ),
            self.measured
                .iter()
                .map(|(t, _)| self.describe(t))
                .zip(self.ranks())
                .collect(),
        );
        let chart = self.columns().fold(chart, ParallelCoordinates::column);
        let metrics: Vec<_> = self.trials.metrics().zip(self.labels).collect();
        // The first metric, which decides, is the last axis.
        metrics
            .into_iter()
            .rev()
            .fold(chart, |chart, ((id, _), label)| {
                let is_first = id == self.trials.metric_id;
                let end = if is_first {
                    self.highest
                } else {
                    f64::INFINITY
                };
                let values = self.measured.iter();
                let values = values.map(|(trial, _)| Some(trial.metric(id)?.min(end)));
                chart.column(Dimension::numbers(label, Scale::Log, values.collect()))
            })
    }

    /// The first metric over each parameter.
    pub(super) fn slices(&self) -> Slices {
        let rows = self.measured.iter();
        let best = self.trials.best();
        let best = best.and_then(|best| self.measured.iter().position(|(t, _)| t.id == best.id));
        let chart = Slices::new(
            &self.caption("Slices: every trial over each parameter; the best is orange"),
            &self.labels[0],
            Scale::Log,
            rows.map(|(trial, value)| (self.describe(trial), value.min(self.highest)))
                .collect(),
            best,
        );
        self.columns().fold(chart, Slices::column)
    }

    fn columns(&self) -> impl Iterator<Item = Dimension> {
        self.parameters.iter().map(|parameter| {
            let name = &parameter.parameter_id;
            let values: Vec<Option<&Value>> = self
                .measured
                .iter()
                .map(|(trial, _)| trial.parameter(name))
                .collect();
            if parameter.categorical_value_spec.is_some() {
                let names: Vec<Option<String>> =
                    values.into_iter().map(|value| value.map(short)).collect();
                return Dimension::names(name, &names);
            }
            let scale = match parameter.scale_type {
                Some(ScaleType::UnitLogScale) => Scale::Log,
                _ => Scale::Linear,
            };
            let numbers = values
                .into_iter()
                .map(|value| value.and_then(Value::as_f64));
            Dimension::numbers(name, scale, numbers.collect())
        })
    }

    /// Rank of each measured trial from 0 (the best one, and no other) to 1.
    fn ranks(&self) -> Vec<f64> {
        let best = self.trials.best().map(|best| best.id.as_str());
        let others = self.measured.len().max(2) as f64 - 1.0;
        let better = |value: f64| self.measured.iter().filter(|(_, v)| *v < value).count();
        let rank = |(trial, value): &(&Trial, f64)| {
            if Some(trial.id.as_str()) == best {
                0.0
            } else {
                (better(*value) as f64 / others).max(1e-3)
            }
        };
        self.measured.iter().map(rank).collect()
    }

    /// A title, with what the drawing leaves out.
    fn caption(&self, title: &str) -> String {
        let above = self.measured.iter().filter(|(_, v)| *v > self.highest);
        let highest = figure(self.highest);
        match above.count() {
            0 => title.to_owned(),
            1 => format!("{title} (1 trial above {highest} stands at the edge)"),
            n => format!("{title} ({n} trials above {highest} stand at the edge)"),
        }
    }

    fn describe(&self, trial: &Trial) -> String {
        let metrics = self.trials.metrics().filter_map(|(id, _)| {
            let value = trial.metric(id)?;
            Some(format!("{id} {}", figure(value)))
        });
        let values = trial.parameters.iter();
        let values = values.map(|p| format!("{} {}", p.parameter_id, short(&p.value)));
        let parts: Vec<String> = metrics.chain(values).collect();
        format!("trial {}: {}", trial.id, parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::fence;

    #[test]
    fn only_what_lies_far_above_the_others_is_fenced_off() {
        let mut values: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!(fence(values.clone()), f64::INFINITY);
        values.push(1000.0);
        assert_eq!(fence(values), 45.0);
        assert_eq!(fence(vec![1.0, 2.0, 1e9]), f64::INFINITY, "too few to tell");
        assert_eq!(fence(vec![1.0; 9]), f64::INFINITY);
    }
}
