//! The tuning report.

mod charts;

use std::collections::BTreeMap;

use artifacts::{
    BestHyperparameters, RegressionMetrics, Schema, Trial, TrialState, Trials, figure,
};
use report::{BarChart, Page, Table};
use serde_json::Value;

use crate::{importance, output::count, study::Plan};
use charts::Charts;

/// The whole page.
pub(crate) fn html(
    schema: &Schema,
    plan: &Plan,
    trials: &Trials,
    best: &BestHyperparameters,
    baselines: &BTreeMap<String, RegressionMetrics>,
) -> String {
    let unit = schema.label_unit.as_deref().unwrap_or("label units");
    let labels: Vec<String> = plan.metrics.iter().map(|m| m.label(unit)).collect();
    let title = match &schema.series {
        Some(series) => format!("Tuning report: {}", series.value),
        None => "Tuning report".to_owned(),
    };
    let charts = Charts::new(plan, trials, &labels);
    let mut page = Page::new(&title)
        .text(&introduction(schema))
        .figures(figures(trials, best, &labels[0]))
        .heading("Best hyperparameters")
        .table(hyperparameters(best));
    if matches!(best.metric_id.as_str(), "rmse" | "root_mean_squared_error") {
        page = page.chart(beside_baselines(best, baselines, &labels[0]));
    }
    page = page.heading("Optimisation history").chart(charts.history());
    if labels.len() > 1 {
        page = page.heading("Compromises").text(COMPROMISES);
        for further in 1..labels.len() {
            page = page.chart(charts.compromises(further));
        }
    }
    page = page
        .heading("Parameters")
        .chart(charts.parallel_coordinates());
    if let [_, ..] = importance::importance(trials, &charts.names()).as_slice() {
        page = page.chart(importance_chart(trials, &charts));
    }
    page.chart(charts.slices())
        .heading("All trials")
        .table(table(trials, best, &charts, &labels))
        .to_html()
}

const COMPROMISES: &str = "No trial is at least as good as one on the front in every metric and \
                           better in one. The first metric decides which trial is called the best.";

fn introduction(schema: &Schema) -> String {
    let (train, eval) = (&schema.splits.train, &schema.splits.eval);
    format!(
        "Every trial is trained on {} rows from {} to {} and measured on the {} eval rows from {} \
         to {}. The test split was not read.",
        train.rows, train.first_date, train.last_date, eval.rows, eval.first_date, eval.last_date,
    )
}

fn figures(trials: &Trials, best: &BestHyperparameters, label: &str) -> Vec<(String, String)> {
    let mut figures = vec![
        (format!("Best {label}"), figure(best.metric_value)),
        ("Best trial".to_owned(), best.trial_id.clone()),
        ("Trials".to_owned(), trials.trials.len().to_string()),
    ];
    for (name, state) in [
        ("Stopped early", TrialState::Stopped),
        ("Infeasible", TrialState::Infeasible),
    ] {
        let count = count(trials, state);
        if count > 0 || state == TrialState::Infeasible {
            figures.push((name.to_owned(), count.to_string()));
        }
    }
    figures
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
    label: &str,
) -> BarChart {
    let bar = |chart: BarChart, name: &str, value: f64| chart.bar(name, value, &figure(value));
    let chart = BarChart::new(&format!("Best trial beside the baselines, {label}"));
    baselines.iter().fold(
        bar(chart, "best trial", best.metric_value),
        |chart, (name, metrics)| bar(chart, name, metrics.root_mean_squared_error),
    )
}

fn importance_chart(trials: &Trials, charts: &Charts) -> BarChart {
    let parts = importance::importance(trials, &charts.names());
    let chart = BarChart::new("Importance: part of the trials' order a parameter alone explains");
    parts.iter().fold(chart, |chart, (name, part)| {
        chart.bar(name, *part, &format!("{part:.2}"))
    })
}

fn table(trials: &Trials, best: &BestHyperparameters, charts: &Charts, labels: &[String]) -> Table {
    let names = charts.names();
    let header = ["trial".to_owned()]
        .into_iter()
        .chain(names.iter().map(|name| (*name).to_owned()))
        .chain(["steps".to_owned()])
        .chain(labels.iter().cloned())
        .chain(["remark".to_owned()]);
    trials
        .trials
        .iter()
        .fold(Table::new(header), |table, trial| {
            let row = row(trial, trials, &names);
            if trial.id == best.trial_id {
                table.strong_row(row)
            } else {
                table.row(row)
            }
        })
}

fn row(trial: &Trial, trials: &Trials, names: &[&str]) -> Vec<String> {
    // A service tells the last measurement alone.
    let last = trial.measurements.last();
    let last = last.or(trial.final_measurement.as_ref());
    let steps = last.map(|measurement| measurement.step_count.to_string());
    let value = |name: &&str| trial.parameter(name).map(short).unwrap_or_default();
    let metric = |(metric_id, _): (&str, _)| match trial.metric(metric_id) {
        Some(value) if value.fract() == 0.0 => value.to_string(),
        Some(value) => figure(value),
        None => String::new(),
    };
    let remark = match trial.state {
        TrialState::Stopped => "stopped early".to_owned(),
        _ if trials.pareto_front.contains(&trial.id) => "on the front".to_owned(),
        _ => trial.infeasible_reason.clone().unwrap_or_default(),
    };
    let mut cells = vec![trial.id.clone()];
    cells.extend(names.iter().map(value));
    cells.push(steps.unwrap_or_default());
    cells.extend(trials.metrics().map(metric));
    cells.push(remark);
    cells
}

/// A value with the digits that matter to a reader.
pub(crate) fn short(value: &Value) -> String {
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
