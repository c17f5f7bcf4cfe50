//! `{"instances": […]}` to raw rows. An instance is an object by input name, an array in input
//! order, or a CSV row as a string.

use serde_json::{Map, Value};

use super::rejection::Rejection;
use crate::servable::Servable;

/// Reads the body of a predict request: raw rows (n × inputs, row-major), each checked.
pub(crate) fn read(body: &[u8], model: &Servable) -> Result<Vec<f32>, Rejection> {
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
    Ok(rows)
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
