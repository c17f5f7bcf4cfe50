//! What a job counted.

use serde_json::Value;

/// A number a job counted, as committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// `user` for a pipeline's own counters, otherwise the service's part, `dataflow/v1b3`.
    pub origin: String,
    /// Its name, for example `ElementCount`.
    pub name: String,
    /// The collection it is about, for example `Read-out0`; empty where there is none.
    pub output: String,
    /// The step it is about; empty where there is none.
    pub step: String,
    /// The number.
    pub value: f64,
}

impl Metric {
    /// A committed number; `None` for anything else: numbers of attempts (`tentative`), which
    /// count work that was repeated, distributions and sets.
    pub(super) fn committed(update: &Value) -> Option<Self> {
        let name = &update["name"];
        let context = |key: &str| name["context"][key].as_str().unwrap_or_default().to_owned();
        if context("tentative") == "true" {
            return None;
        }
        let scalar = &update["scalar"];
        // Large numbers come as text.
        let value = scalar.as_f64().or_else(|| scalar.as_str()?.parse().ok())?;
        Some(Self {
            origin: name["origin"].as_str().unwrap_or_default().to_owned(),
            name: name["name"].as_str()?.to_owned(),
            output: context("output_user_name"),
            step: context("step"),
            value,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attempts_and_distributions_do_not_count() {
        let update = |scalar: Value, tentative: &str| {
            let context = json!({"output_user_name": "Feat-out0", "tentative": tentative});
            let name =
                json!({"origin": "dataflow/v1b3", "name": "ElementCount", "context": context});
            Metric::committed(&json!({"name": name, "scalar": scalar}))
        };
        assert_eq!(update(json!(39951), "true"), None);
        assert_eq!(update(json!(null), ""), None);
        let expected = Metric {
            origin: "dataflow/v1b3".into(),
            name: "ElementCount".into(),
            output: "Feat-out0".into(),
            step: String::new(),
            value: 39951.0,
        };
        assert_eq!(update(json!(39951), ""), Some(expected.clone()));
        assert_eq!(update(json!("39951"), ""), Some(expected));
    }
}
