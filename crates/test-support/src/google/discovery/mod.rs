//! What Google's discovery documents allow: methods, parameters, fields, types.
//!
//! The documents beside this file are cut from those of the Python package
//! `google-api-python-client` by `trim.py`.

mod schema;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

/// The documents of the services the fake knows.
static DOCUMENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    [
        include_str!("dataflow.json"),
        include_str!("aiplatform.json"),
        include_str!("logging.json"),
    ]
    .map(|text| serde_json::from_str(text).expect("a trimmed document is JSON"))
    .to_vec()
});

/// A method of a service, found for a request.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// For example `dataflow.projects.locations.jobs.get`.
    pub(super) id: String,
    document: &'static Value,
    method: &'static Value,
}

/// The method for a request line; the error is Google's: 404 for a path nobody has.
pub(super) fn route(method: &str, path: &str) -> Option<Found> {
    DOCUMENTS.iter().find_map(|document| {
        let methods = document["methods"].as_object()?;
        let (id, method) = methods.iter().find(|(_, candidate)| {
            candidate["httpMethod"] == method
                && candidate["path"]
                    .as_str()
                    .is_some_and(|template| fits(template, path))
        })?;
        Some(Found {
            id: id.clone(),
            document,
            method,
        })
    })
}

/// Whether `path` is one that `template` stands for: `v1/projects/{p}/jobs/{j}:cancel`.
fn fits(template: &str, path: &str) -> bool {
    let template: Vec<&str> = template.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    template.len() == path.len()
        && template.iter().zip(path).all(|(template, part)| {
            let Some(rest) = template.strip_prefix('{') else {
                return *template == part;
            };
            let verb = rest.split_once('}').map_or("", |(_, verb)| verb);
            match part.split_once(':') {
                Some((name, called)) => !name.is_empty() && verb.strip_prefix(':') == Some(called),
                None => !part.is_empty() && verb.is_empty(),
            }
        })
}

impl Found {
    /// What Google would not take of a request, in its words.
    pub(super) fn problem(
        &self,
        query: &BTreeMap<String, String>,
        body: Option<&Value>,
    ) -> Option<String> {
        let parameters = &self.method["query"];
        for (name, value) in query {
            let parameter = &parameters[name];
            if parameter.is_null() {
                return Some(format!(
                    "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query \
                     parameter. Field '{name}' could not be found in request message."
                ));
            }
            if !schema::has_value(parameter, value) {
                return Some(format!("Invalid value at '{name}': \"{value}\""));
            }
        }
        match (self.method["request"].as_str(), body) {
            (None, None) => None,
            (None, Some(_)) => Some("Request body must be empty.".into()),
            // Changes name only the fields they change.
            (Some(name), body) => {
                let requires = self.method["httpMethod"] == "POST";
                let schemas = &self.document["schemas"];
                let empty = Value::Object(serde_json::Map::new());
                let body = body.unwrap_or(&empty);
                schema::problem(schemas, &schemas[name], body, "", requires)
            }
        }
    }

    /// What a real answer of this method would not have; a fake must not lie.
    pub(super) fn answer_problem(&self, answer: &Value) -> Option<String> {
        let schemas = &self.document["schemas"];
        let name = self.method["response"].as_str()?;
        schema::problem(schemas, &schemas[name], answer, "", false)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(method: &str, path: &str, body: &Value) -> Option<String> {
        let found = route(method, path).unwrap();
        found.problem(&BTreeMap::new(), Some(body))
    }

    #[test]
    fn paths_lead_to_methods() {
        for (method, path, id) in [
            (
                "GET",
                "v1/projects/p/locations/l/customJobs/1",
                Some("aiplatform.projects.locations.customJobs.get"),
            ),
            (
                "POST",
                "v1/projects/p/locations/l/customJobs/1:cancel",
                Some("aiplatform.projects.locations.customJobs.cancel"),
            ),
            ("POST", "v1/projects/p/locations/l/customJobs/1:stop", None),
            ("GET", "v1/projects/p/locations/l/customJobs/1:cancel", None),
            ("GET", "v1/projects/p/customJobs", None),
            (
                "POST",
                "v1b3/projects/p/locations/l/flexTemplates:launch",
                Some("dataflow.projects.locations.flexTemplates.launch"),
            ),
        ] {
            let found = route(method, path).map(|found| found.id);
            assert_eq!(found.as_deref(), id, "{method} {path}");
        }
    }

    #[test]
    fn requests_that_google_would_refuse_are_refused() {
        let launch = "v1b3/projects/p/locations/l/flexTemplates:launch";
        let with =
            |parameter: Value| problem("POST", launch, &json!({"launchParameter": parameter}));
        assert_eq!(
            with(json!({"jobName": "a", "parameters": {"x": "y"}})),
            None
        );
        for (parameter, expected) in [
            (
                json!({"jobName": "a", "job_label": "b"}),
                "Invalid JSON payload received. Unknown name \"job_label\" at 'launchParameter': \
                 Cannot find field.",
            ),
            (
                json!({"parameters": {}}),
                "Required field launchParameter.jobName is not set.",
            ),
            (
                json!({"jobName": "a", "environment": {"ipConfiguration": "PRIVATE"}}),
                "Invalid value at 'launchParameter.environment.ipConfiguration': \"PRIVATE\"",
            ),
            (
                json!({"jobName": "a", "parameters": {"x": 1}}),
                "Invalid value at 'launchParameter.parameters.x': 1",
            ),
            (
                json!({"jobName": "a", "environment": {"maxWorkers": "four"}}),
                "Invalid value at 'launchParameter.environment.maxWorkers': \"four\"",
            ),
        ] {
            assert_eq!(with(parameter).as_deref(), Some(expected));
        }
    }

    #[test]
    fn parameters_nobody_knows_are_refused() {
        let found = route("GET", "v1b3/projects/p/locations/l/jobs").unwrap();
        let query = |name: &str, value: &str| BTreeMap::from([(name.into(), value.into())]);
        assert_eq!(found.problem(&query("filter", "ACTIVE"), None), None);
        assert!(found.problem(&query("filter", "LIVE"), None).is_some());
        assert!(found.problem(&query("label", "x"), None).is_some());
    }
}
