//! What a run would do, in words.

use artifacts::Split;

use crate::Args;
use crate::config::Config;
use crate::plan::Plan;

/// The plan of a run with these flags.
pub fn plan(args: &Args, config: &Config, plan: &Plan) -> component::Plan {
    let mut reads = vec![args.raw_data.clone()];
    reads.extend(args.config.clone());
    let rows = match &config.series {
        Some(series) => format!("the rows with {} = {}", series.column, series.value),
        None => "all rows".to_owned(),
    };
    let inputs: Vec<_> = plan
        .inputs
        .iter()
        .map(|input| input.name.as_str())
        .collect();
    let percent = |share: f64| (share * 100.0).round();
    let (train, eval) = (percent(config.split.train), percent(config.split.eval));
    let extension = config.format.extension();
    let files: Vec<_> = Split::ALL
        .iter()
        .map(|split| format!("{}.{extension}", split.as_str()))
        .collect();
    let mut writes = vec![format!(
        "{} and their documents into {}",
        files.join(", "),
        args.examples
    )];
    writes.extend(args.report.clone());
    component::Plan {
        reads,
        does: vec![
            format!(
                "keeps {rows}, columns {} and {}",
                config.date.column,
                plan.kept.join(", ")
            ),
            format!("makes the inputs {}", inputs.join(", ")),
            format!("predicts {} from them", plan.label_column),
            format!(
                "splits by time: {train} % train, {eval} % eval, {} % test, {} rows left out between",
                100.0 - train - eval,
                config.horizon
            ),
        ],
        writes,
    }
}
