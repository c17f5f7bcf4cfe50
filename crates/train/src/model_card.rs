//! The model card: what the model is, what it is worth and where it ends, as Markdown for people.
//!
//! After Mitchell et al., *Model Cards for Model Reporting* (2019). Like every output it holds no
//! time and no address: the same run gives the same card.

use std::fmt::Write as _;

use artifacts::{
    Encoding, Evaluation, FileDigest, ModelMetadata, RegressionMetrics, Schema, SplitInfo, figure,
};
use trainer::store::{Column, StoreError, each_block};

use crate::{Args, backtest::Fold, input::Input, report};

/// Which labels the model has seen, and which it is tested on.
pub(crate) struct Labels {
    /// Lowest and highest of the train split.
    train: (f64, f64),
    /// Lowest and highest of the test split.
    test: (f64, f64),
    /// Part of the test split's labels that is outside of the train split's.
    unknown: f64,
}

impl Labels {
    pub(crate) fn read(input: &Input) -> Result<Self, StoreError> {
        let train = range(&input.train.examples.labels)?;
        let test = &input.test.examples.labels;
        let mut outside = 0;
        each_block([test], |[labels]| {
            let unknown = |label: &&f64| !(train.0..=train.1).contains(*label);
            outside += labels.iter().filter(unknown).count();
            Ok::<_, StoreError>(())
        })?;
        Ok(Self {
            train,
            test: range(test)?,
            unknown: outside as f64 / test.rows() as f64,
        })
    }
}

/// The whole card.
pub(crate) fn markdown(
    metadata: &ModelMetadata,
    args: &Args,
    labels: &Labels,
    folds: &[Fold],
) -> String {
    let unit = metadata.metrics.unit.as_deref().unwrap_or("label units");
    let sections = [
        ("", summary(metadata, unit)),
        ("Data", data(metadata)),
        ("Features", features(metadata)),
        ("Model", model(metadata)),
        ("Metrics", metrics(metadata, unit, folds)),
        ("Limits", limits(metadata, labels, unit)),
        ("Provenance", provenance(metadata)),
        ("How to reproduce it", reproduction(metadata, args)),
    ];
    let mut card = format!("# Model card: {}\n", name(&metadata.schema));
    for (heading, text) in sections {
        if !heading.is_empty() {
            let _ = write!(card, "\n## {heading}\n");
        }
        let _ = write!(card, "\n{text}");
    }
    card
}

fn name(schema: &Schema) -> String {
    let label = text(&schema.label_source);
    match &schema.series {
        Some(series) => format!("{label} of {}", text(&series.value)),
        None => label,
    }
}

fn summary(metadata: &ModelMetadata, unit: &str) -> String {
    let schema = &metadata.schema;
    let when = match schema.horizon {
        0 => "of the same row".to_owned(),
        1 => "of the next row".to_owned(),
        rows => format!("{rows} rows ahead"),
    };
    let test = &metadata.metrics.test;
    let naive = &metadata.metrics.naive_baseline;
    let mut summary = format!(
        "Predicts `{}` {when} from {}.\nOn {} test rows it has never seen its root mean squared \
         error is {} {unit}",
        schema.label_source,
        list(&schema.inputs),
        test.model.count,
        figure(test.model.root_mean_squared_error),
    );
    if let Some(baseline) = test.baselines.get(naive) {
        let _ = write!(
            summary,
            "; that of the naive forecast `{naive}` is {} {unit}",
            figure(baseline.root_mean_squared_error)
        );
    }
    summary.push_str(".\n");
    summary
}

fn data(metadata: &ModelMetadata) -> String {
    let schema = &metadata.schema;
    let mut out = match &schema.series {
        Some(series) => format!(
            "The rows of the source table whose `{}` is `{}`",
            series.column, series.value
        ),
        None => "The whole source table".to_owned(),
    };
    let _ = write!(
        out,
        ", from {} to {}, split by time, never shuffled",
        schema.splits.train.first_date, schema.splits.test.last_date
    );
    match schema.splits.gap_rows {
        0 => out.push_str(".\n\n"),
        rows => {
            let _ = write!(
                out,
                "; {rows} rows are left out at each boundary, so that no label reaches across.\n\n"
            );
        }
    }
    out.push_str("| split | rows | from | to | used for |\n| --- | ---: | --- | --- | --- |\n");
    let splits = &schema.splits;
    let row = |name: &str, split: &SplitInfo, purpose: &str| {
        format!(
            "| {name} | {} | {} | {} | {purpose} |\n",
            split.rows, split.first_date, split.last_date
        )
    };
    out += &row(
        "train",
        &splits.train,
        "weights, means and scales, baselines",
    );
    out += &row("eval", &splits.eval, "choosing hyperparameters");
    out += &row("test", &splits.test, "the metrics below, once");
    out
}

fn features(metadata: &ModelMetadata) -> String {
    let params = &metadata.transform_params;
    let mut out = String::from("| feature | from | encoding |\n| ---: | --- | --- |\n");
    for (i, feature) in params.features.iter().enumerate() {
        let encoding = encoding(
            feature.encoding,
            &feature.input,
            params.reference.as_deref(),
        );
        let _ = writeln!(
            out,
            "| {} | `{}` | {encoding} |",
            i + 1,
            text(&feature.input)
        );
    }
    let label = &metadata.schema.label_source;
    let _ = write!(
        out,
        "\nThe label is encoded as {}. Features and label are standardised with means and scales \
         of the train rows. Encodings and their inverse are inside `model.onnx`: it takes raw \
         columns and gives the label's own unit.\n",
        encoding(params.label.encoding, label, params.reference.as_deref())
    );
    out
}

fn encoding(encoding: Encoding, value: &str, reference: Option<&str>) -> String {
    let value = text(value);
    let reference = text(reference.unwrap_or_default());
    match encoding {
        Encoding::Identity => format!("`{value}`"),
        Encoding::LogRatio => format!("`ln({value} / {reference})`"),
        Encoding::Ratio => format!("`{value} / {reference}`"),
        Encoding::Log1p => format!("`ln(1 + {value})`"),
    }
}

fn model(metadata: &ModelMetadata) -> String {
    let training = &metadata.training;
    let units: Vec<String> = training.hidden_units.iter().map(u32::to_string).collect();
    let shape = match units.as_slice() {
        [] => "A linear model".to_owned(),
        units => format!(
            "A dense network with hidden layers of {} units and ReLU",
            units.join(", ")
        ),
    };
    let mut out = format!(
        "{shape}, fitted with Adam to the squared error of the encoded label; {} steps were taken \
         and the weights after step {} were kept.\n\n\
         | hyperparameter | value |\n| --- | ---: |\n",
        training.steps, training.best_step
    );
    for (name, value) in &training.hyperparameters {
        let _ = writeln!(out, "| {name} | {value} |");
    }
    let _ = writeln!(out, "| seed | {} |", training.seed);
    out
}

fn metrics(metadata: &ModelMetadata, unit: &str, folds: &[Fold]) -> String {
    let metrics = &metadata.metrics;
    let mut out = format!(
        "Errors in {unit}. The baselines are fitted on the train rows alone, as the model is; \
         `{}` is the naive forecast.\n",
        metrics.naive_baseline
    );
    for (split, evaluation) in [("test", &metrics.test), ("eval", &metrics.eval)] {
        out.push('\n');
        out += &evaluation_table(split, evaluation);
    }
    let _ = writeln!(out, "\n{}", report::certainty(metrics, unit));
    if !folds.is_empty() {
        out.push_str(
            "\nBack-test, fitted again on the rows before each period:\n\n\
             | period | train rows | RMSE | naive RMSE |\n| --- | ---: | ---: | ---: |\n",
        );
    }
    for fold in folds {
        let _ = writeln!(
            out,
            "| {} to {} | {} | {} | {} |",
            ::report::XAxis::date(fold.period.0),
            ::report::XAxis::date(fold.period.1),
            fold.train_rows,
            figure(fold.model.root_mean_squared_error),
            figure(fold.naive.root_mean_squared_error)
        );
    }
    out
}

fn evaluation_table(split: &str, evaluation: &Evaluation) -> String {
    let mut out = format!(
        "| {split}, {} rows | {} |\n| --- | ---: | ---: | ---: | ---: |\n",
        evaluation.model.count,
        RegressionMetrics::TITLES.join(" | "),
    );
    let row = |name: &str, metrics: &RegressionMetrics| {
        format!("| {name} | {} |\n", metrics.figures().join(" | "))
    };
    out += &row("**this model**", &evaluation.model);
    for (name, baseline) in &evaluation.baselines {
        out += &row(&format!("`{name}`"), baseline);
    }
    out
}

fn limits(metadata: &ModelMetadata, labels: &Labels, unit: &str) -> String {
    let mut out = String::new();
    let schema = &metadata.schema;
    if schema.horizon == 0 {
        let _ = writeln!(
            out,
            "- It estimates a value from columns of the same row, which are known no earlier than \
             the value itself: it is no forecast."
        );
    }
    let between = |(low, high)| format!("between {} and {}", figure(low), figure(high));
    let share = 100.0 * labels.unknown;
    let _ = writeln!(
        out,
        "- It has learnt from labels {} {unit}. Test labels are {}; {share:.0} % of them lie \
         outside what it has learnt from. Beyond both it is untested.",
        between(labels.train),
        between(labels.test),
    );
    let _ = writeln!(
        out,
        "- The eval metrics are optimistic: hyperparameters were chosen on these rows. The test metrics are those of one period, {} to {}.",
        schema.splits.test.first_date, schema.splits.test.last_date
    );
    let test = &metadata.metrics.test;
    let model = test.model.root_mean_squared_error;
    for (name, baseline) in &test.baselines {
        if baseline.root_mean_squared_error <= model {
            let _ = writeln!(
                out,
                "- The baseline `{name}` does as well or better on the test rows."
            );
        }
    }
    out.push_str(
        "- It knows the past of its own table and nothing else. It is no advice to buy or sell.\n",
    );
    out
}

fn range(values: &Column<f64>) -> Result<(f64, f64), StoreError> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    each_block([values], |[values]| {
        low = values.iter().copied().fold(low, f64::min);
        high = values.iter().copied().fold(high, f64::max);
        Ok::<_, StoreError>(())
    })?;
    Ok((low, high))
}

fn provenance(metadata: &ModelMetadata) -> String {
    let examples = &metadata.schema.provenance;
    let own = &metadata.provenance;
    let mut out = format!(
        "Built by `{}` from examples built by `{}`.\n\n\
         | file | bytes | SHA-256 |\n| --- | ---: | --- |\n",
        own.build, examples.build
    );
    let raw = examples.inputs.iter().map(|file| (file, " (raw table)"));
    for (file, what) in raw.chain(own.inputs.iter().map(|file| (file, ""))) {
        let FileDigest {
            name,
            bytes,
            sha256,
        } = file;
        let _ = writeln!(out, "| `{}`{what} | {bytes} | `{sha256}` |", text(name));
    }
    out
}

fn reproduction(metadata: &ModelMetadata, args: &Args) -> String {
    let mut command = String::from("train --examples EXAMPLES --model MODEL");
    if args.best_hyperparameters.is_some() {
        command.push_str(" \\\n    --best-hyperparameters FILE");
    }
    for (name, value) in &metadata.training.hyperparameters {
        let _ = write!(command, " \\\n    --{} {value}", name.replace('_', "-"));
    }
    let _ = write!(
        command,
        " \\\n    --eval-steps {} --patience {} --seed {}",
        args.eval_steps, args.patience, args.seed
    );
    if args.backtest > 0 {
        let _ = write!(command, " --backtest {}", args.backtest);
    }
    format!(
        "With the build and the files named above (the same raw table and configuration give the \
         same examples) this writes the same `model.onnx`, byte for byte, on any number of \
         threads and any processor:\n\n```bash\n{command}\n```\n"
    )
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", text(name)))
        .collect();
    names.join(", ")
}

/// A name out of the data, fit for a cell of a table.
fn text(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .replace('|', "\\|")
        .replace('`', "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_a_table() {
        assert_eq!(text("a|b`c\nd"), "a\\|b'c d");
    }

    #[test]
    fn encodings_are_written_as_formulas() {
        assert_eq!(
            encoding(Encoding::LogRatio, "high", Some("open")),
            "`ln(high / open)`"
        );
        assert_eq!(
            encoding(Encoding::Log1p, "volume", None),
            "`ln(1 + volume)`"
        );
        assert_eq!(
            encoding(Encoding::Ratio, "std", Some("close")),
            "`std / close`"
        );
        assert_eq!(encoding(Encoding::Identity, "open", None), "`open`");
    }
}
