//! What a run says about itself: the schema, and the outputs handed on.

use artifacts::{Column, ColumnKind, Provenance, Schema, Split, SplitInfo, Splits};
use component::Outputs;
use serde_json::json;
use storage::Uri;

use crate::Error;
use crate::config::Config;
use crate::date::to_iso;
use crate::examples::Examples;
use crate::plan::Plan;
use crate::split::Ranges;
use crate::statistics::Statistics;

/// The contract of the example files.
pub fn schema(
    config: &Config,
    plan: &Plan,
    examples: &Examples,
    ranges: &Ranges,
    provenance: Provenance,
) -> Result<Schema, Error> {
    let date = |row: usize| Ok::<_, Error>(to_iso(examples.dates.get(row)?, examples.days));
    let info = |split| {
        let range = ranges.get(split);
        Ok::<_, Error>(SplitInfo {
            rows: range.len() as u64,
            first_date: date(range.start)?,
            last_date: date(range.end - 1)?,
        })
    };
    let kind = if examples.days {
        ColumnKind::Date
    } else {
        ColumnKind::Timestamp
    };
    let date = Column {
        name: config.date.column.clone(),
        kind,
    };
    let number = |name| Column {
        name,
        kind: ColumnKind::Number,
    };
    Ok(Schema {
        version: artifacts::FORMAT_VERSION,
        series: config.series.clone(),
        columns: std::iter::once(date)
            .chain(plan.example_columns().into_iter().map(number))
            .collect(),
        date_column: config.date.column.clone(),
        inputs: plan.inputs.iter().map(|input| input.name.clone()).collect(),
        label_column: plan.label_column.clone(),
        label_source: config.label.clone(),
        horizon: config.horizon,
        naive_column: plan.naive_column().to_owned(),
        label_unit: config.label_unit.clone(),
        format: config.format,
        splits: Splits {
            train: info(Split::Train)?,
            eval: info(Split::Eval)?,
            test: info(Split::Test)?,
            gap_rows: config.horizon,
        },
        provenance,
    })
}

/// The outputs of a run that wrote the examples to `target`.
pub fn outputs(
    target: &Uri,
    report: Option<&Uri>,
    schema: &Schema,
    statistics: &Statistics,
    resources: String,
) -> Outputs {
    let splits = &schema.splits;
    let mut metadata = json!({
        "display_name": "examples",
        "rows": statistics.rows.examples,
        "train_rows": splits.train.rows,
        "eval_rows": splits.eval.rows,
        "test_rows": splits.test.rows,
        "rejected_rows": statistics.rows.rejected,
        "first_date": splits.train.first_date,
        "test_first_date": splits.test.first_date,
        "last_date": splits.test.last_date,
        "label": schema.label_source,
        "horizon": schema.horizon,
        "format": schema.format.extension(),
    });
    for file in &schema.provenance.inputs {
        metadata[format!("{}.sha256", file.name)] = json!(file.sha256);
    }
    let mut outputs = Outputs::new().artifact("examples", target, metadata);
    if let Some(report) = report {
        outputs = outputs.artifact("report", report, json!({ "display_name": "data report" }));
    }
    outputs
        .parameter("train_rows", splits.train.rows)
        .parameter("eval_rows", splits.eval.rows)
        .parameter("test_rows", splits.test.rows)
        .parameter(cloud::GCP_RESOURCES.name, resources)
}
