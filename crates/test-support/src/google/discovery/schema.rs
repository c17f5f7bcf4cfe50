//! Values against the types of a discovery document.

use serde_json::Value;

/// What is wrong with `value` at `place`, in Google's words. Values are read as strictly as the
/// document is written: 64-bit numbers are text, fields have their documented spelling.
/// `requires` says whether required fields must be there.
pub(super) fn problem(
    schemas: &Value,
    schema: &Value,
    value: &Value,
    place: &str,
    requires: bool,
) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        return problem(schemas, &schemas[name], value, place, requires);
    }
    let below = |name: &str| match place {
        "" => name.to_owned(),
        place => format!("{place}.{name}"),
    };
    let invalid = || Some(format!("Invalid value at '{place}': {value}"));
    match schema["type"].as_str().unwrap_or("any") {
        "any" => None,
        "array" => {
            let Some(entries) = value.as_array() else {
                return invalid();
            };
            entries.iter().enumerate().find_map(|(i, entry)| {
                let place = format!("{place}[{i}]");
                problem(schemas, &schema["items"], entry, &place, requires)
            })
        }
        "object" => {
            let Some(fields) = value.as_object() else {
                return invalid();
            };
            if let Some(entry) = schema.get("additionalProperties") {
                return fields.iter().find_map(|(name, value)| {
                    problem(schemas, entry, value, &below(name), requires)
                });
            }
            let none = serde_json::Map::new();
            let known = schema["properties"].as_object().unwrap_or(&none);
            let unknown = fields.keys().find(|name| !known.contains_key(*name));
            if let Some(name) = unknown {
                let at = match place {
                    "" => String::new(),
                    place => format!(" at '{place}'"),
                };
                return Some(format!(
                    "Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field."
                ));
            }
            let missing = known.iter().find(|(name, field)| {
                requires && field["required"] == true && is_unset(fields.get(*name))
            });
            if let Some((name, _)) = missing {
                return Some(format!("Required field {} is not set.", below(name)));
            }
            fields.iter().find_map(|(name, value)| {
                problem(schemas, &known[name], value, &below(name), requires)
            })
        }
        "string" => match value.as_str() {
            Some(text) if has_value(schema, text) => None,
            _ => invalid(),
        },
        "integer" if value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => None,
        "number" if value.is_number() => None,
        "boolean" if value.is_boolean() => None,
        _ => invalid(),
    }
}

/// Whether a text is a value of a scalar type, as in a query or a string field.
pub(super) fn has_value(schema: &Value, text: &str) -> bool {
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().any(|value| value == text);
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (_, Some("int64")) => text.parse::<i64>().is_ok(),
        (_, Some("uint64")) => text.parse::<u64>().is_ok(),
        (_, Some("google-duration")) => text
            .strip_suffix('s')
            .is_some_and(|seconds| seconds.parse::<f64>().is_ok()),
        (Some("integer"), _) => text.parse::<i32>().is_ok(),
        (Some("boolean"), _) => matches!(text, "true" | "false"),
        _ => true,
    }
}

/// Proto fields that hold their default count as not set.
fn is_unset(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(entries)) => entries.is_empty(),
        Some(_) => false,
    }
}
