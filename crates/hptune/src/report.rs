//! The tuning report.

use std::collections::BTreeMap;

use artifacts::{BestHyperparameters, RegressionMetrics, Schema, Trial, TrialState, Trials};
use report::{BarChart, LineChart, Page, Scale, Series, Table};
use serde_json::Value;

use crate::importance;

/// The whole page.
pub(crate) fn html(
    schema: &Schema,
    trials: &Trials,
    best: &BestHyperparameters,
    baselines: &BTreeMap<String, RegressionMetrics>,
) -> String {
    let unit = schema.label_unit.as_deref().unwrap_or("label units");
    let metric = format!("eval RMSE, {unit}");
    let title = match &schema.series {
        Some(series) => format!("Tuning report: {}", series.value),
        None => "Tuning report".to_owned(),
    };
    let text = format!(
        "Every trial is trained on {} rows from {} to {} and measured on the {} eval rows from {} \
         to {}. The test split was not read.",
        schema.splits.train.rows,
        schema.splits.train.first_date,
        schema.splits.train.last_date,
        schema.splits.eval.rows,
        schema.splits.eval.first_date,
        schema.splits.eval.last_date,
    );
    let failed = trials
        .trials
        .iter()
        .filter(|trial| trial.state == TrialState::Infeasible);
    let page = Page::new(&title)
        .text(&text)
        .figures([
            (
                format!("Best {metric}"),
                format!("{:.2}", best.metric_value),
            ),
            ("Best trial".to_owned(), best.trial_id.clone()),
            ("Trials".to_owned(), trials.trials.len().to_string()),
            ("Infeasible".to_owned(), failed.count().to_string()),
        ])
        .heading("Best hyperparameters")
        .table(hyperparameters(best))
        .chart(beside_baselines(best, baselines, &metric))
        .heading("Optimisation history")
        .chart(history(trials, &metric))
        .heading("Parameters");
    let page = match importance::importance(trials).as_slice() {
        [] => page,
        parts => page.chart(parts.iter().fold(
            BarChart::new("Importance: part of the trials' order a parameter alone explains"),
            |chart, (name, part)| chart.bar(name, *part, &format!("{part:.2}")),
        )),
    };
    let names = trials
        .trials
        .first()
        .map(|trial| &trial.parameters[..])
        .unwrap_or_default();
    names
        .iter()
        .enumerate()
        .filter_map(|(index, name)| slice(trials, index, &name.parameter_id, &metric))
        .fold(page, Page::chart)
        .heading("All trials")
        .table(table(trials, best, &metric))
        .to_html()
}

fn hyperparameters(best: &BestHyperparameters) -> Table {
    let rows = best
        .hyperparameters
        .iter()
        .map(|(name, value)| [name.clone(), short(value)]);
    rows.fold(Table::new(["hyperparameter", "value"]), Table::row)
}

fn beside_baselines(
    best: &BestHyperparameters,
    baselines: &BTreeMap<String, RegressionMetrics>,
    metric: &str,
) -> BarChart {
    let bar =
        |chart: BarChart, name: &str, value: f64| chart.bar(name, value, &format!("{value:.2}"));
    let chart = BarChart::new(&format!("Best trial beside the baselines, {metric}"));
    baselines.iter().fold(
        bar(chart, "best trial", best.metric_value),
        |chart, (name, metrics)| bar(chart, name, metrics.root_mean_squared_error),
    )
}

fn history(trials: &Trials, metric: &str) -> LineChart {
    let mut lowest = f64::INFINITY;
    let (mut values, mut best) = (Vec::new(), Vec::new());
    for (number, trial) in (1..).zip(&trials.trials) {
        if let Some(value) = trial.metric(&trials.metric_id) {
            lowest = lowest.min(value);
            values.push((f64::from(number), value));
        }
        if lowest.is_finite() {
            best.push((f64::from(number), lowest));
        }
    }
    LineChart::new("Trials in the order they were begun")
        .labels("trial", metric)
        .y_scale(Scale::Log)
        .series(Series::dots("trial", values))
        .series(Series::steps("best so far", best))
}

/// The metric over one numeric parameter.
fn slice(trials: &Trials, index: usize, name: &str, metric: &str) -> Option<LineChart> {
    let points: Vec<(f64, f64)> = trials
        .trials
        .iter()
        .filter_map(|trial| {
            let value = trial.parameters.get(index)?.value.as_f64()?;
            Some((value, trial.metric(&trials.metric_id)?))
        })
        .collect();
    let chart = LineChart::new(name)
        .labels(name, metric)
        .y_scale(Scale::Log);
    (!points.is_empty()).then(|| chart.series(Series::dots("", points)))
}

fn table(trials: &Trials, best: &BestHyperparameters, metric: &str) -> Table {
    let names = trials
        .trials
        .first()
        .map(|trial| &trial.parameters[..])
        .unwrap_or_default();
    let header = ["trial".to_owned()]
        .into_iter()
        .chain(names.iter().map(|parameter| parameter.parameter_id.clone()))
        .chain(["steps".to_owned(), metric.to_owned(), "remark".to_owned()]);
    trials
        .trials
        .iter()
        .fold(Table::new(header), |table, trial| {
            let row = row(trial, &trials.metric_id);
            if trial.id == best.trial_id {
                table.strong_row(row)
            } else {
                table.row(row)
            }
        })
}

fn row(trial: &Trial, metric_id: &str) -> Vec<String> {
    let steps = trial
        .measurements
        .last()
        .map(|measurement| measurement.step_count.to_string());
    let value = trial.metric(metric_id).map(|value| format!("{value:.2}"));
    let mut cells = vec![trial.id.clone()];
    cells.extend(
        trial
            .parameters
            .iter()
            .map(|parameter| short(&parameter.value)),
    );
    cells.push(steps.unwrap_or_default());
    cells.push(value.unwrap_or_default());
    cells.push(trial.infeasible_reason.clone().unwrap_or_default());
    cells
}

/// A value with the digits that matter to a reader.
fn short(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded: f64 = format!("{:.3e}", number.as_f64().unwrap_or_default())
                .parse()
                .unwrap_or_default();
            rounded.to_string()
        }
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
