//! `{"instances": […]}` to raw rows. An instance is an object by input name, an array in input
//! order, or a CSV row as a string.
//!
//! [`fast`] reads what is well formed straight into rows. What it cannot read is read again as a
//! JSON document, by the code here, which says what is wrong and where.

mod fast;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::rejection::Rejection;
use crate::servable::Servable;

/// What a predict request asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    /// Raw rows, n × inputs, row-major.
    pub(crate) rows: Vec<f32>,
    /// What to tell about each.
    pub(crate) parameters: Parameters,
}

/// `parameters` of a request; unknown ones are for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Parameters {
    /// Predictions as objects, not numbers; so they are with either of the others.
    pub(crate) details: bool,
    /// The ends of each prediction's interval.
    pub(crate) intervals: bool,
    /// What each input contributes to each prediction.
    pub(crate) explanations: bool,
}

/// Reads the body of a predict request; its rows are checked.
pub(crate) fn read(body: &[u8], model: &Servable) -> Result<Asked, Rejection> {
    read_fast(body, model).map_or_else(|| read_slowly(body, model), Ok)
}

/// The rows of a body that asks for nothing but their predictions, if they can be predicted.
pub(crate) fn read_plain(body: &[u8], model: &Servable) -> Option<Vec<f32>> {
    let asked = read_fast(body, model)?;
    (asked.parameters == Parameters::default()).then_some(asked.rows)
}

fn read_fast(body: &[u8], model: &Servable) -> Option<Asked> {
    let asked = fast::read(body, model.inputs())?;
    let mut rows = asked.rows.chunks(model.inputs().len());
    rows.all(|row| model.check_row(row).is_ok())
        .then_some(asked)
}

fn read_slowly(body: &[u8], model: &Servable) -> Result<Asked, Rejection> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| Rejection::Malformed(format!("the body is not JSON: {error}")))?;
    let Some(instances) = body.get("instances").and_then(Value::as_array) else {
        return Err(Rejection::Malformed(
            "the body is not an object with a list `instances`".to_owned(),
        ));
    };
    let mut rows = Vec::with_capacity(instances.len() * model.inputs().len());
    for (index, instance) in instances.iter().enumerate() {
        let start = rows.len();
        read_instance(instance, model.inputs(), &mut rows)
            .and_then(|()| {
                let row = &rows[start..];
                model.check_row(row).map_err(|error| error.to_string())
            })
            .map_err(|problem| Rejection::Malformed(format!("instances[{index}]: {problem}")))?;
    }
    let parameters = match body.get("parameters") {
        None | Some(Value::Null) => Parameters::default(),
        Some(parameters) => Parameters::deserialize(parameters)
            .map_err(|error| Rejection::Malformed(format!("parameters: {error}")))?,
    };
    Ok(Asked { rows, parameters })
}

fn read_instance(instance: &Value, inputs: &[String], row: &mut Vec<f32>) -> Result<(), String> {
    match instance {
        Value::Object(cells) => read_object(cells, inputs, row),
        Value::Array(cells) => read_cells(cells.iter().map(|cell| (cell, cell.as_f64())), row),
        Value::String(csv) => read_cells(
            csv.split(',').map(|cell| (cell, cell.trim().parse().ok())),
            row,
        ),
        other => Err(format!(
            "{other} is neither an object, an array nor a CSV row"
        )),
    }
}

fn read_object(
    cells: &Map<String, Value>,
    inputs: &[String],
    row: &mut Vec<f32>,
) -> Result<(), String> {
    if let Some(unknown) = cells.keys().find(|name| !inputs.contains(name)) {
        return Err(format!(
            "`{unknown}` is not an input; the model takes {}",
            inputs.join(", ")
        ));
    }
    for name in inputs {
        let cell = cells
            .get(name)
            .ok_or_else(|| format!("`{name}` is missing; the model takes {}", inputs.join(", ")))?;
        let number = cell
            .as_f64()
            .ok_or_else(|| format!("`{name}` is {cell}, not a number"))?;
        row.push(number as f32);
    }
    Ok(())
}

/// Cells in input order; their number is checked with the row.
fn read_cells(
    cells: impl Iterator<Item = (impl std::fmt::Display, Option<f64>)>,
    row: &mut Vec<f32>,
) -> Result<(), String> {
    for (position, (cell, number)) in cells.enumerate() {
        let number = number.ok_or_else(|| format!("cell {position} is {cell}, not a number"))?;
        row.push(number as f32);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn inputs() -> Vec<String> {
        ["open", "high"].map(str::to_owned).to_vec()
    }

    /// What the slow code makes of the instances, without a model's checks.
    fn slow(body: &[u8]) -> Option<Vec<f32>> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let mut rows = Vec::new();
        for instance in body.get("instances")?.as_array()? {
            let start = rows.len();
            read_instance(instance, &inputs(), &mut rows).ok()?;
            if rows.len() - start != inputs().len() {
                return None;
            }
        }
        Some(rows)
    }

    fn cell() -> impl Strategy<Value = Value> {
        prop_oneof![
            8 => any::<f64>().prop_map(|number| json!(number)),
            4 => any::<i64>().prop_map(|number| json!(number)),
            1 => Just(json!(null)),
            1 => Just(json!("1")),
            1 => Just(json!([1])),
        ]
    }

    fn instance() -> impl Strategy<Value = Value> {
        let cells = prop::collection::vec(cell(), 1..4);
        let names = prop::sample::select(vec!["open", "high", "low"]);
        prop_oneof![
            6 => cells.prop_map(Value::from),
            4 => prop::collection::vec((names, cell()), 1..4)
                .prop_map(|cells| cells.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()),
            4 => "[0-9.e-]{0,6}, ?[0-9.]{1,4}".prop_map(Value::from),
            1 => cell(),
        ]
    }

    proptest! {
        #[test]
        fn both_readers_read_the_same(instances in prop::collection::vec(instance(), 0..5)) {
            let body = json!({"parameters": {"a": [1]}, "instances": instances}).to_string();
            let fast = fast::read(body.as_bytes(), &inputs()).map(|asked| asked.rows);
            let bits = |rows: Vec<f32>| rows.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            prop_assert_eq!(fast.map(bits), slow(body.as_bytes()).map(bits), "{}", body);
        }

        #[test]
        fn no_bytes_are_too_strange(body in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(fast::read(&body, &inputs()).is_none() || slow(&body).is_some());
        }
    }

    #[test]
    fn the_fast_reader_reads_every_form() {
        let body = br#" {"instances": [[1, 2.5], {"high": -4e3, "open": 3}, "5, 6"], "x": {}} "#;
        let asked = fast::read(body, &inputs()).unwrap();
        assert_eq!(asked.rows, [1.0, 2.5, 3.0, -4e3, 5.0, 6.0]);
        assert_eq!(asked.parameters, Parameters::default());
    }

    #[test]
    fn the_fast_reader_leaves_what_is_not_plain_to_the_other() {
        for body in [
            r#"{"instances": [[1, 2]], "instances": [[1, 2]]}"#,
            r#"{"instances": [{"open": 1, "open": 2}]}"#,
            r#"{"instances": [[1, 2]]} x"#,
            r#"{"instances": [[1]]}"#,
            r#"{"parameters": {}}"#,
        ] {
            assert_eq!(fast::read(body.as_bytes(), &inputs()), None, "{body}");
        }
    }
}
