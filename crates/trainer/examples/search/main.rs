//! Best value the default search finds, one JSON line a function and seed:
//!
//! ```text
//! cargo run --release -p trainer --example search -- functions EVALUATIONS SEEDS
//! cargo run --release -p trainer --example search -- task EVALUATIONS SEEDS EXAMPLES
//! ```
//!
//! `functions` are those optimisers are tried on, `task` is what `hptune` does by default: the error
//! on the eval split of a network trained on the folder `EXAMPLES`.
//!
//! `objective EXAMPLES` is for other searches to try the task on: for each line on stdin, the
//! hyperparameters as a JSON object, it writes the error. `bench/search.py` runs all three beside
//! Optuna.
#![expect(
    clippy::print_stdout,
    reason = "the measurement is this program's output"
)]

mod functions;
mod task;

use std::error::Error;
use std::io::{BufRead, stdin};
use std::path::Path;

use artifacts::StudySpec;
use serde_json::{Value, json};
use trainer::search::{Effort, Outcome, Study, StudyOptions, Suggestion};

use task::Task;

/// A value for some of the parameters' values.
type Evaluate = dyn Fn(&[Value]) -> f64;

/// A function of the parameters' values, in the order of its specification.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) parameters: Vec<Value>,
    pub(crate) value: Box<Evaluate>,
    /// What an evaluation takes, where that differs.
    pub(crate) effort: Option<Effort>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["functions", evaluations, seeds] => {
            for function in functions::all() {
                search_all(&function, evaluations.parse()?, seeds.parse()?);
            }
        }
        ["task", evaluations, seeds, examples] => {
            let function = Task::read(Path::new(examples))?.function();
            search_all(&function, evaluations.parse()?, seeds.parse()?);
        }
        ["objective", examples] => {
            let task = Task::read(Path::new(examples))?;
            for line in stdin().lock().lines() {
                println!("{}", task.error(&serde_json::from_str(&line?)?));
            }
        }
        _ => return Err("usage: search functions|task|objective …, see the source".into()),
    }
    Ok(())
}

fn search_all(function: &Function, evaluations: usize, seeds: u64) {
    for seed in 0..seeds {
        let best = search(function, evaluations, seed);
        let line = json!({ "function": function.name, "seed": seed, "best": best });
        println!("{line}");
    }
}

fn search(function: &Function, evaluations: usize, seed: u64) -> f64 {
    let spec: StudySpec = serde_json::from_value(json!({
        "metrics": [{ "metricId": "value", "goal": "MINIMIZE" }],
        "parameters": function.parameters,
    }))
    .expect("the specifications below are right");
    let options = StudyOptions { seed, ahead: 1 };
    let mut study = Study::new(&spec, options).expect("the specifications below are supported");
    if let Some(effort) = &function.effort {
        study = study.weigh(effort.clone());
    }
    let mut best = f64::INFINITY;
    for _ in 0..evaluations {
        let Suggestion::Trial { number, parameters } = study.ask() else {
            break;
        };
        let values: Vec<Value> = parameters.into_iter().map(|p| p.value).collect();
        let value = (function.value)(&values);
        best = best.min(value);
        study.tell(number, Outcome::Measured(vec![value]), Vec::new());
    }
    best
}
