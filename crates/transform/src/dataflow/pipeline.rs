//! The pipeline as Beam YAML: <https://beam.apache.org/documentation/sdks/yaml/>.

use serde_json::{Value, json};

use crate::config::Config;
use crate::plan::Plan;

/// What the names of the files with the records begin with.
pub const ROWS: &str = "rows";

/// What the names of the files with malformed records begin with.
pub const MALFORMED: &str = "malformed";

/// Reads CSV files; in Python, as Dataflow's template for Beam YAML runs it.
const RECORDS: &str = include_str!("records.py");

/// Makes a line of a record.
const LINE: &str = include_str!("line.py");

/// What the pipeline reads, keeps and writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Files, or patterns for files.
    pub inputs: Vec<String>,
    /// The folder for what is written.
    pub output: String,
    /// The columns to keep; that of the series, if there is one, is the first.
    pub columns: Vec<String>,
    /// The series' value in the first column; `None` keeps all records.
    pub series: Option<String>,
}

impl Stage {
    /// The stage that what `config` wants begins with.
    pub fn new(config: &Config, plan: &Plan, inputs: Vec<String>, output: &str) -> Self {
        let mut columns: Vec<String> = Vec::new();
        let series = config.series.as_ref();
        let wanted = series
            .map(|series| &series.column)
            .into_iter()
            .chain([&config.date.column])
            .chain(&plan.kept);
        for column in wanted {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        Self {
            inputs,
            output: output.trim_end_matches('/').to_owned(),
            columns,
            series: series.map(|series| series.value.clone()),
        }
    }

    /// The pipeline.
    ///
    /// # Panics
    /// Never: the document holds what YAML can say.
    pub fn pipeline(&self) -> String {
        let document = serde_yaml_ng::to_string(&self.document());
        let document = document.expect("text, numbers and lists are YAML");
        // The template fills in variables before it reads YAML; there are none here, and whatever
        // looks like one in a column's name is meant as it stands.
        format!("{{% raw %}}\n{document}{{% endraw %}}\n")
    }

    /// The pipeline as JSON, which is YAML too.
    pub(super) fn document(&self) -> Value {
        let pattern = |input: &String| json!({"pattern": input});
        let elements: Vec<Value> = self.inputs.iter().map(pattern).collect();
        let mut transforms = vec![
            json!({
                "type": "Create", "name": "Files",
                "config": {"elements": elements},
            }),
            json!({
                "type": "PyTransform", "name": "Records", "input": "Files",
                "config": {
                    "constructor": "__callable__",
                    "kwargs": {"source": RECORDS, "columns": self.columns},
                },
            }),
        ];
        let mut last = "Records";
        if let Some(value) = &self.series {
            // Text in JSON is text in Python.
            let keep = format!("lambda row: row.cells[0] == {}", json!(value));
            transforms.push(json!({
                "type": "Filter", "name": "Series", "input": last,
                "config": {"language": "python", "keep": {"callable": keep}},
            }));
            last = "Series";
        }
        transforms.extend([
            json!({
                "type": "MapToFields", "name": "Lines", "input": last,
                "config": {
                    "language": "python",
                    "fields": {"line": {"callable": LINE, "output_type": "string"}},
                    "error_handling": {"output": "malformed"},
                },
            }),
            json!({
                "type": "WriteToText", "name": "Write", "input": "Lines",
                "config": {"path": format!("{}/{ROWS}", self.output)},
            }),
            json!({
                "type": "WriteToJson", "name": "Aside", "input": "Lines.malformed",
                "config": {"path": format!("{}/{MALFORMED}", self.output)},
            }),
        ]);
        json!({"pipeline": {"type": "composite", "transforms": transforms}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(config: &Config) -> Stage {
        Stage::new(
            config,
            &Plan::new(config).unwrap(),
            vec!["gs://b/*.csv".into()],
            "gs://b/out/",
        )
    }

    #[test]
    fn the_series_comes_first_and_no_column_twice() {
        let stage = stage(&Config::default());
        assert_eq!(stage.columns[..2], ["slug", "date"]);
        assert_eq!(stage.series.as_deref(), Some("bitcoin"));
        assert_eq!(stage.output, "gs://b/out");
        let mut unique = stage.columns.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), stage.columns.len());
    }

    #[test]
    fn the_pipeline_reads_keeps_sets_aside_and_writes() {
        let config = Config::default();
        let text = stage(&config).pipeline();
        let text = text.strip_prefix("{% raw %}\n").unwrap();
        let text = text.strip_suffix("{% endraw %}\n").unwrap();
        let document: Value = serde_yaml_ng::from_str(text).unwrap();
        let transforms = document["pipeline"]["transforms"].as_array().unwrap();
        let names: Vec<_> = transforms
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            ["Files", "Records", "Series", "Lines", "Write", "Aside"]
        );
        assert_eq!(
            transforms[2]["config"]["keep"]["callable"],
            "lambda row: row.cells[0] == \"bitcoin\""
        );
        assert_eq!(transforms[4]["config"]["path"], "gs://b/out/rows");
        assert_eq!(transforms[1]["config"]["kwargs"]["source"], RECORDS);
    }

    #[test]
    fn a_whole_table_is_not_filtered() {
        let config = Config {
            series: None,
            ..Config::default()
        };
        let stage = stage(&config);
        assert_eq!(stage.columns[0], "date");
        assert!(!stage.pipeline().contains("Filter"));
    }
}
