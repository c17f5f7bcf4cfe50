//! What the server shows besides predictions: metrics, a description for programs, and a page
//! for people.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

use super::app::App;

/// The page; it gets what it shows from the server's own routes.
const PAGE: &str = include_str!("page.html");
/// The page loads nothing from elsewhere and runs nothing but its own script.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
     connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
);

/// `GET /metrics`
pub(super) fn metrics(app: &App) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics()).into_response()
}

/// `GET /`
pub(super) fn page(app: &App) -> Response {
    let facts = facts(app).to_string();
    // In a script, only `<` could end it early.
    let facts = facts.replace('<', "\\u003c");
    let page = PAGE.replace("/*FACTS*/null", &facts);
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response()
}

/// What the page says about the model.
fn facts(app: &App) -> Value {
    let served = app.slot.served();
    let model = served.as_ref().map(|served| {
        let metadata = served.model.metadata();
        json!({
            "version": served.version_text(),
            "inputs": served.model.inputs(),
            "example": served.model.golden().instances[0],
            "label": metadata.schema.label_column,
            "unit": metadata.metrics.unit,
            "interval_coverage": metadata.metrics.intervals.as_ref().map(|i| i.test.coverage),
            "horizon": metadata.schema.horizon,
            "series": metadata.schema.series,
            "splits": metadata.schema.splits,
            "hidden_units": metadata.training.hidden_units,
            "hyperparameters": metadata.training.hyperparameters,
            "naive_baseline": metadata.metrics.naive_baseline,
            "eval": metadata.metrics.eval,
            "test": metadata.metrics.test,
            "build": metadata.provenance.build,
        })
    });
    json!({
        "model_name": app.slot.model_name(),
        "predict": app.routes.predict,
        "health": app.routes.health,
        "server": component::version(),
        "model": model,
    })
}

/// `GET /openapi.json`
pub(super) fn open_api(app: &App) -> Response {
    let served = app.slot.served();
    let inputs = served
        .as_ref()
        .map_or(&[][..], |served| served.model.inputs());
    axum::Json(describe(
        app.slot.model_name(),
        &app.routes.health,
        &app.routes.predict,
        inputs,
    ))
    .into_response()
}

/// The description: <https://spec.openapis.org/oas/v3.1.0>.
fn describe(model: &str, health: &str, predict: &str, inputs: &[String]) -> Value {
    let answer = |about: &str, schema: &str| {
        json!({
            "description": about,
            "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}},
        })
    };
    let read = |about: &str, schema: &str| {
        json!({"get": {
            "summary": about,
            "responses": {"200": answer(about, schema), "503": answer("Not ready", "Error")},
        }})
    };
    let post = |about: &str, request: &str, schema: &str| {
        let mut responses = json!({"200": answer(about, schema)});
        for (status, meaning) in [
            ("400", "The body is not what is asked for"),
            ("408", "The body came too slowly"),
            ("413", "The body is too large"),
            ("415", "The body is not JSON"),
            (
                "503",
                "There is no model, or there are too many requests; see Retry-After",
            ),
        ] {
            responses[status] = answer(meaning, "Error");
        }
        let schema = json!({"$ref": format!("#/components/schemas/{request}")});
        json!({"post": {
            "summary": about,
            "requestBody": {"required": true, "content": {"application/json": {"schema": schema}}},
            "responses": responses,
        }})
    };
    let mut paths = json!({
        "/metrics": {"get": {
            "summary": "Prometheus metrics",
            "responses": {"200": {"description": "Metrics", "content": {"text/plain": {}}}},
        }},
        "/v1/models": read("The models there are", "Any"),
        format!("/v1/models/{model}"): read("Whether the model is ready", "Any"),
        format!("/v1/models/{model}:predict"): post("Predict", "Instances", "Predictions"),
        "/v2": read("The server", "Any"),
        "/v2/health/live": read("Whether the process answers", "Any"),
        "/v2/health/ready": read("Whether predictions are answered", "Any"),
        format!("/v2/models/{model}"): read("The model's tensors", "Any"),
        format!("/v2/models/{model}/ready"): read("Whether the model is ready", "Any"),
        format!("/v2/models/{model}/infer"): post("Infer", "InferRequest", "InferResponse"),
    });
    paths[predict] = post("Predict", "Instances", "Predictions");
    if health == predict {
        paths[predict]["get"] = read("Whether predictions are answered", "Any")["get"].clone();
    } else {
        paths[health] = read("Whether predictions are answered", "Any");
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": format!("Predictions of {model}"), "version": component::version()},
        "paths": paths,
        "components": {"schemas": schemas(inputs)},
    })
}

fn schemas(inputs: &[String]) -> Value {
    let number = json!({"type": "number"});
    let properties: serde_json::Map<String, Value> = inputs
        .iter()
        .map(|name| (name.clone(), number.clone()))
        .collect();
    let width = inputs.len();
    let tensor = json!({
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "datatype": {"type": "string"},
            "data": {"type": "array"},
        },
    });
    json!({
        "Any": {"type": "object"},
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {"error": {"type": "string"}},
        },
        "Instance": {"oneOf": [
            {"type": "object", "properties": properties, "required": inputs, "additionalProperties": false},
            {"type": "array", "items": number, "minItems": width, "maxItems": width},
            {"type": "string", "description": format!("CSV: {}", inputs.join(","))},
        ]},
        "Instances": {
            "type": "object",
            "required": ["instances"],
            "properties": {
                "instances": {"type": "array", "items": {"$ref": "#/components/schemas/Instance"}},
                "parameters": {"$ref": "#/components/schemas/Parameters"},
            },
        },
        "Parameters": {
            "type": "object",
            "properties": {
                "details": {"type": "boolean", "description": "Predictions as objects"},
                "intervals": {"type": "boolean", "description": "With prediction intervals"},
                "explanations": {"type": "boolean", "description": "With what each input contributes"},
            },
        },
        "Prediction": {"oneOf": [number, {
            "type": "object",
            "required": ["prediction"],
            "properties": {
                "prediction": number,
                "lower": number,
                "upper": number,
                "level": number,
                "baseline": number,
                "contributions": {"type": "object", "additionalProperties": number},
            },
        }]},
        "Predictions": {
            "type": "object",
            "required": ["predictions"],
            "properties": {
                "predictions": {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}},
            },
        },
        "InferRequest": {
            "type": "object",
            "required": ["inputs"],
            "properties": {"id": {"type": "string"}, "inputs": {"type": "array", "items": tensor}},
        },
        "InferResponse": {
            "type": "object",
            "required": ["model_name", "outputs"],
            "properties": {
                "model_name": {"type": "string"},
                "model_version": {"type": "string"},
                "id": {"type": "string"},
                "outputs": {"type": "array", "items": tensor},
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_that_is_named_exists() {
        let inputs = ["open".to_owned(), "high".to_owned()];
        let document = describe("btc", "/health", "/predict", &inputs);
        let text = document.to_string();
        let named = text.split("\"#/components/schemas/").skip(1);
        let named: Vec<&str> = named.filter_map(|rest| rest.split('"').next()).collect();
        assert!(named.len() > 20, "{named:?}");
        for name in named {
            assert!(
                document["components"]["schemas"][name].is_object(),
                "{name}"
            );
        }
        assert_eq!(
            document["components"]["schemas"]["Instance"]["oneOf"][1]["minItems"],
            2
        );
    }

    #[test]
    fn one_path_for_health_and_predictions_has_both() {
        let document = describe("btc", "/p", "/p", &[]);
        assert!(document["paths"]["/p"]["get"].is_object());
        assert!(document["paths"]["/p"]["post"].is_object());
    }
}
