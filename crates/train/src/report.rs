//! The training report.

use artifacts::{Evaluation, Metrics, ModelMetadata, RegressionMetrics, figure};
use report::{Histogram, LineChart, Page, Scale, Series, Table, XAxis};
use trainer::{Step, examples::Examples};

use crate::backtest::Fold;

/// A split with the model's predictions.
pub(crate) struct Split<'a> {
    pub(crate) name: &'static str,
    pub(crate) examples: &'a Examples,
    pub(crate) predictions: &'a [f64],
}

impl Split<'_> {
    /// Points over time, in the label's unit.
    fn over_time(&self, values: impl Iterator<Item = f64>) -> Vec<(f64, f64)> {
        let instants = self.examples.instants.iter().map(|instant| *instant as f64);
        instants.zip(values).collect()
    }

    fn residuals(&self) -> impl Iterator<Item = f64> {
        self.predictions
            .iter()
            .zip(&self.examples.labels)
            .map(|(p, label)| p - label)
    }

    /// Residuals as a part of the label, in per cent, where that is defined.
    fn relative_residuals(&self) -> impl Iterator<Item = f64> {
        let labels = self.examples.labels.iter();
        labels
            .zip(self.residuals())
            .map(|(label, residual)| 100.0 * residual / label)
    }
}

/// The whole page.
pub(crate) fn html(
    metadata: &ModelMetadata,
    history: &[Step],
    splits: &[Split<'_>],
    folds: &[Fold],
) -> String {
    let unit = metadata.metrics.unit.as_deref().unwrap_or("label units");
    let title = match &metadata.schema.series {
        Some(series) => format!("Training report: {}", series.value),
        None => "Training report".to_owned(),
    };
    let page = Page::new(&title)
        .text(&task(metadata))
        .figures(figures(metadata, unit));
    let page = page
        .heading("Beside the baselines")
        .text("The baselines are fitted on the train split alone, as the model is.")
        .table(metrics_table("Test split", &metadata.metrics.test, unit))
        .table(metrics_table("Eval split", &metadata.metrics.eval, unit))
        .text(&certainty(&metadata.metrics, unit));
    let page = match folds {
        [] => page,
        folds => page
            .heading("Back-test")
            .text(
                "Fitted again on the rows before each period and measured on it; the test split has \
                 no part in this.",
            )
            .table(folds_table(folds, unit)),
    };
    let page = page
        .heading("Learning curves")
        .text(
            "Mean squared error in squared standard deviations of the encoded label. The weights \
             of the marked step are the model.",
        )
        .chart(learning_curves(metadata, history));
    let page = splits
        .iter()
        .fold(page.heading("Predicted and actual"), |page, split| {
            page.chart(predictions_chart(split, unit))
        });
    let page = page
        .heading("Residuals")
        .text("Prediction minus label.")
        .chart(residual_histogram(splits))
        .chart(residuals_over_time(splits));
    page.heading("How it was trained")
        .table(settings_table(metadata))
        .to_html()
}

fn task(metadata: &ModelMetadata) -> String {
    let schema = &metadata.schema;
    let when = match schema.horizon {
        0 => "of the same row".to_owned(),
        1 => "of the next row".to_owned(),
        rows => format!("{rows} rows ahead"),
    };
    format!(
        "Predicts {} {when} from {}. Trained on {} rows from {} to {}, tested on {} rows from {} to {}.",
        schema.label_source,
        schema.inputs.join(", "),
        schema.splits.train.rows,
        schema.splits.train.first_date,
        schema.splits.train.last_date,
        schema.splits.test.rows,
        schema.splits.test.first_date,
        schema.splits.test.last_date,
    )
}

fn figures(metadata: &ModelMetadata, unit: &str) -> Vec<(String, String)> {
    let test = &metadata.metrics.test;
    let naive = test.baselines.get(&metadata.metrics.naive_baseline);
    let mut figures = vec![
        (
            format!("Test RMSE, {unit}"),
            figure(test.model.root_mean_squared_error),
        ),
        (
            "Test MAPE".to_owned(),
            format!("{:.2} %", 100.0 * test.model.mean_absolute_percentage_error),
        ),
        ("Test R²".to_owned(), format!("{:.4}", test.model.r_squared)),
    ];
    if let Some(naive) = naive.filter(|naive| naive.root_mean_squared_error > 0.0) {
        let share = test.model.root_mean_squared_error / naive.root_mean_squared_error;
        figures.push((
            format!("Error against {}", metadata.metrics.naive_baseline),
            format!("{:+.1} %", 100.0 * (share - 1.0)),
        ));
    }
    figures
}

fn metrics_table(caption: &str, evaluation: &Evaluation, unit: &str) -> Table {
    let cells = |name: &str, metrics: &RegressionMetrics| {
        let [rmse, mae, mape, r_squared] = metrics.figures();
        [name.to_owned(), rmse, mae, mape, r_squared]
    };
    let caption = format!("{caption}, {} rows, in {unit}", evaluation.model.count);
    let [rmse, mae, mape, r_squared] = RegressionMetrics::TITLES;
    let table = Table::new(["", rmse, mae, mape, r_squared]).caption(&caption);
    let table = table.strong_row(cells("model", &evaluation.model));
    evaluation
        .baselines
        .iter()
        .fold(table, |table, (name, metrics)| {
            table.row(cells(name, metrics))
        })
}

/// Skill against the naive forecast and prediction intervals, in sentences.
pub(crate) fn certainty(metrics: &Metrics, unit: &str) -> String {
    let mut sentences = Vec::new();
    if let Some(skill) = &metrics.test.skill {
        let verdict = if skill.is_shown() {
            ""
        } else {
            " No skill is shown."
        };
        sentences.push(format!(
            "Skill against {} on the test split (1 − ratio of mean squared errors): {:.3}, {:.0} % \
             confidence interval {:.3} to {:.3} (moving block bootstrap).{verdict}",
            metrics.naive_baseline,
            skill.value,
            100.0 * skill.confidence,
            skill.low,
            skill.high
        ));
    }
    if let Some(intervals) = &metrics.intervals {
        sentences.push(format!(
            "Prediction intervals made to hold {:.0} % of the labels (split conformal, calibrated on \
             the eval split) hold {:.1} % on the test split, with a mean width of {} {unit}.",
            100.0 * intervals.level,
            100.0 * intervals.test.coverage,
            figure(intervals.test.mean_width)
        ));
    }
    sentences.join(" ")
}

fn folds_table(folds: &[Fold], unit: &str) -> Table {
    let header = [
        "from".to_owned(),
        "to".to_owned(),
        "train rows".to_owned(),
        format!("RMSE, {unit}"),
        format!("naive RMSE, {unit}"),
        "MAPE, %".to_owned(),
    ];
    folds.iter().fold(Table::new(header), |table, fold| {
        table.row([
            XAxis::date(fold.period.0),
            XAxis::date(fold.period.1),
            fold.train_rows.to_string(),
            figure(fold.model.root_mean_squared_error),
            figure(fold.naive.root_mean_squared_error),
            format!("{:.2}", 100.0 * fold.model.mean_absolute_percentage_error),
        ])
    })
}

fn learning_curves(metadata: &ModelMetadata, history: &[Step]) -> LineChart {
    let curve = |value: fn(&Step) -> f64| -> Vec<(f64, f64)> {
        history
            .iter()
            .map(|look| (look.step as f64, value(look)))
            .collect()
    };
    LineChart::new("Loss by optimizer step")
        .labels("optimizer steps", "mean squared error")
        .y_scale(Scale::Log)
        .series(Series::line("train", curve(|look| look.train_loss)))
        .series(Series::line("eval", curve(|look| look.eval_loss)))
        .mark(metadata.training.best_step as f64, "kept")
}

fn predictions_chart(split: &Split<'_>, unit: &str) -> LineChart {
    LineChart::new(&format!("The {} split over time", split.name))
        .labels("", unit)
        .x_axis(XAxis::Time)
        .series(Series::line(
            "actual",
            split.over_time(split.examples.labels.iter().copied()),
        ))
        .series(Series::line(
            "predicted",
            split.over_time(split.predictions.iter().copied()),
        ))
}

fn residual_histogram(splits: &[Split<'_>]) -> Histogram {
    let histogram = Histogram::new("Distribution", "residual, % of the label");
    splits.iter().fold(histogram, |histogram, split| {
        histogram.group(split.name, split.relative_residuals())
    })
}

fn residuals_over_time(splits: &[Split<'_>]) -> LineChart {
    let chart = LineChart::new("Over time")
        .labels("", "residual, % of the label")
        .x_axis(XAxis::Time);
    splits.iter().fold(chart, |chart, split| {
        chart.series(Series::dots(
            split.name,
            split.over_time(split.relative_residuals()),
        ))
    })
}

fn settings_table(metadata: &ModelMetadata) -> Table {
    let training = &metadata.training;
    let units: Vec<String> = training.hidden_units.iter().map(u32::to_string).collect();
    let settings = training
        .hyperparameters
        .iter()
        .map(|(name, value)| [name.clone(), value.to_string()])
        .chain([
            ["hidden units".to_owned(), units.join(", ")],
            ["seed".to_owned(), training.seed.to_string()],
            ["steps taken".to_owned(), training.steps.to_string()],
            ["kept step".to_owned(), training.best_step.to_string()],
            ["build".to_owned(), metadata.provenance.build.clone()],
        ]);
    settings.fold(Table::new(["setting", "value"]), Table::row)
}
