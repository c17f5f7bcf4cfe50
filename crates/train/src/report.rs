//! The training report.

use artifacts::{Evaluation, Metrics, ModelMetadata, RegressionMetrics, figure};
use report::{Histogram, LineChart, Outline, Page, Scale, Series, Table, XAxis};
use trainer::{
    Step,
    examples::Examples,
    store::{Column, StoreError, each_block},
};

use crate::backtest::Fold;

/// What is drawn of a split with the model's predictions; no more than shows, however many rows
/// there are.
pub(crate) struct Split {
    name: &'static str,
    actual: Curve,
    predicted: Curve,
    /// Residuals as a part of the label, in per cent, where that is defined.
    residuals: Curve,
    /// The same, with how many rows have it.
    counts: Vec<(f64, u64)>,
}

/// Rows up to which each residual is counted by itself; more are counted in [`CELLS`].
const COUNTED: usize = 1 << 20;
/// Equal parts of the residuals' range.
const CELLS: usize = 4000;

/// A curve over time.
struct Curve {
    points: Vec<(f64, f64)>,
    /// The corners of the finite points.
    corners: Option<[(f64, f64); 2]>,
}

/// A [`Curve`] that gets its points one after the other.
struct Pen {
    outline: Outline,
    corners: Option<[(f64, f64); 2]>,
}

impl Pen {
    fn new(points: usize) -> Self {
        Self {
            outline: Outline::new(points),
            corners: None,
        }
    }

    fn draw(&mut self, x: f64, y: f64) {
        self.outline.push((x, y));
        if y.is_finite() {
            let [low, high] = self.corners.get_or_insert([(x, y), (x, y)]);
            *low = (low.0.min(x), low.1.min(y));
            *high = (high.0.max(x), high.1.max(y));
        }
    }

    fn lift(self) -> Curve {
        Curve {
            points: self.outline.into_points(),
            corners: self.corners,
        }
    }
}

impl Split {
    pub(crate) fn read(
        name: &'static str,
        examples: &Examples,
        predictions: &Column<f64>,
    ) -> Result<Self, StoreError> {
        let rows = examples.rows();
        let [mut actual, mut predicted, mut residuals] = [(); 3].map(|()| Pen::new(rows));
        let mut instants = Vec::new();
        let mut row = 0;
        each_block([&examples.labels, predictions], |[labels, predictions]| {
            let block = row..row + labels.len();
            row = block.end;
            let instants = examples.instants.read(block, &mut instants)?;
            for ((instant, label), prediction) in instants.iter().zip(labels).zip(predictions) {
                let instant = *instant as f64;
                actual.draw(instant, *label);
                predicted.draw(instant, *prediction);
                residuals.draw(instant, relative_residual(*prediction, *label));
            }
            Ok::<_, StoreError>(())
        })?;
        let residuals = residuals.lift();
        Ok(Self {
            name,
            actual: actual.lift(),
            predicted: predicted.lift(),
            counts: count(&examples.labels, predictions, residuals.corners)?,
            residuals,
        })
    }
}

/// In per cent of the label.
fn relative_residual(prediction: f64, label: f64) -> f64 {
    100.0 * (prediction - label) / label
}

/// The residuals of all rows with how often there are; of many rows, how many are in each of some
/// thousand parts of their range.
fn count(
    labels: &Column<f64>,
    predictions: &Column<f64>,
    corners: Option<[(f64, f64); 2]>,
) -> Result<Vec<(f64, u64)>, StoreError> {
    let mut single = Vec::new();
    let Some([(_, low), (_, high)]) = corners else {
        return Ok(single);
    };
    let mut cells = vec![0_u64; CELLS];
    let width = (high - low) / CELLS as f64;
    each_block([labels, predictions], |[block, predictions]| {
        for (label, prediction) in block.iter().zip(predictions) {
            let residual = relative_residual(*prediction, *label);
            if labels.rows() <= COUNTED {
                single.push((residual, 1));
            } else if residual.is_finite() {
                let cell = ((residual - low) / width) as usize;
                cells[cell.min(CELLS - 1)] += 1;
            }
        }
        Ok::<_, StoreError>(())
    })?;
    if labels.rows() <= COUNTED {
        return Ok(single);
    }
    let middle = |cell: usize| low + (cell as f64 + 0.5) * width;
    let cells = cells.into_iter().enumerate();
    let cells = cells.map(|(cell, count)| (middle(cell), count));
    // The ends without weight, so that the axis reaches as far as the residuals do.
    Ok(cells.chain([(low, 0), (high, 0)]).collect())
}

/// The whole page.
pub(crate) fn html(
    metadata: &ModelMetadata,
    history: &[Step],
    splits: &[Split],
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

fn predictions_chart(split: &Split, unit: &str) -> LineChart {
    let chart = LineChart::new(&format!("The {} split over time", split.name))
        .labels("", unit)
        .x_axis(XAxis::Time);
    [("actual", &split.actual), ("predicted", &split.predicted)]
        .into_iter()
        .fold(chart, |chart, (name, curve)| {
            covering(chart, curve).series(Series::line(name, curve.points.clone()))
        })
}

/// A chart with room for all of a curve, whatever its outline leaves out.
fn covering(chart: LineChart, curve: &Curve) -> LineChart {
    let corners = curve.corners.iter().flatten();
    corners.fold(chart, |chart, corner| chart.covering(*corner))
}

fn residual_histogram(splits: &[Split]) -> Histogram {
    let histogram = Histogram::new("Distribution", "residual, % of the label");
    splits.iter().fold(histogram, |histogram, split| {
        histogram.counted(split.name, split.counts.iter().copied())
    })
}

fn residuals_over_time(splits: &[Split]) -> LineChart {
    let chart = LineChart::new("Over time")
        .labels("", "residual, % of the label")
        .x_axis(XAxis::Time);
    splits.iter().fold(chart, |chart, split| {
        let dots = Series::dots(split.name, split.residuals.points.clone());
        covering(chart, &split.residuals).series(dots)
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
