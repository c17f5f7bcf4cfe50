//! Calls on buckets and on objects as a whole.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Uri;
use axum::response::Response;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json as value};

use super::state::State;
use super::{Operation, Shared, empty};

/// How many objects one page of a list holds: few, so that tests turn pages.
const PAGE: usize = 3;

/// Query parameters.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let pairs = query.split('&').filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let value = value.replace('+', " ");
            let value = percent_decode_str(&value).decode_utf8().ok()?;
            Some((key.to_owned(), value.into_owned()))
        });
        Self(pairs.collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone())
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }
}

/// Bucket and object in `/storage/v1/b/{bucket}/o/{object}`; what is not there is empty.
pub(super) fn object_path(path: &str) -> (String, String) {
    let mut parts = path.split('/').skip(4);
    let bucket = parts.next().unwrap_or_default().to_owned();
    let object = parts.nth(1).unwrap_or_default();
    let object = percent_decode_str(object).decode_utf8_lossy().into_owned();
    (bucket, object)
}

pub(super) async fn answer(shared: &Shared, operation: Operation, request: Request) -> Response {
    let parameters = Parameters::of(request.uri());
    let (bucket, name) = object_path(request.uri().path());
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await;
    let body: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();

    let mut state = shared.lock();
    match operation {
        Operation::CreateBucket => create_bucket(&mut state, &body),
        Operation::ListBuckets => list_buckets(&state, &parameters),
        Operation::GetBucket => match state.buckets.get(&bucket) {
            Some(bucket) => json(200, &bucket.resource),
            None => error(404, "The specified bucket does not exist."),
        },
        _ if !state.buckets.contains_key(&bucket) => {
            error(404, "The specified bucket does not exist.")
        }
        Operation::ListObjects => list_objects(&state, &bucket, &parameters),
        _ if state.object(&bucket, &name).is_none() => {
            error(404, &format!("No such object: {bucket}/{name}"))
        }
        _ if !state.matches(&bucket, &name, wished(&parameters)) => error(412, "conditionNotMet"),
        Operation::PatchObject => patch(&mut state, &bucket, &name, &body),
        Operation::DeleteObject => {
            let objects = state
                .buckets
                .get_mut(&bucket)
                .map(|bucket| &mut bucket.objects);
            objects.and_then(|objects| objects.remove(&name));
            empty(204)
        }
        _ => match state.object(&bucket, &name) {
            Some(object) => json(200, &object.resource(&bucket, &name)),
            None => error(404, "No such object"),
        },
    }
}

/// The generation a call names, as a condition or as the one it means.
fn wished(parameters: &Parameters) -> Option<i64> {
    let condition = parameters.number("ifGenerationMatch");
    condition.or_else(|| parameters.number("generation"))
}

/// Every project has the number 1 but `other-project`, which has 2.
fn project_number(project: &str) -> &'static str {
    if project == "other-project" { "2" } else { "1" }
}

fn create_bucket(state: &mut State, body: &Value) -> Response {
    let name = body["name"].as_str().unwrap_or_default();
    if state.buckets.contains_key(name) {
        return error(
            409,
            "Your previous request to create the named bucket succeeded and you already own it.",
        );
    }
    state.create_bucket(name, "1", body["location"].as_str().unwrap_or("US"));
    let bucket = state.buckets.entry(name.to_owned()).or_default();
    for field in ["storageClass", "iamConfiguration"] {
        if !body[field].is_null() {
            bucket.resource[field] = body[field].clone();
        }
    }
    json(200, &bucket.resource)
}

fn list_buckets(state: &State, parameters: &Parameters) -> Response {
    let number = project_number(&parameters.get("project").unwrap_or_default());
    let prefix = parameters.get("prefix").unwrap_or_default();
    let buckets = state.buckets.iter().filter(|(name, bucket)| {
        name.starts_with(&prefix) && bucket.resource["projectNumber"] == number
    });
    let items: Vec<&Value> = buckets.map(|(_, bucket)| &bucket.resource).collect();
    json(200, &value!({ "kind": "storage#buckets", "items": items }))
}

fn list_objects(state: &State, bucket: &str, parameters: &Parameters) -> Response {
    let prefix = parameters.get("prefix").unwrap_or_default();
    let delimiter = parameters.get("delimiter").unwrap_or_default();
    let after = parameters.get("pageToken").unwrap_or_default();
    let mut items = Vec::new();
    let mut prefixes = BTreeSet::new();
    let mut next = None;
    for (name, object) in &state.buckets[bucket].objects {
        if !name.starts_with(&prefix) || (!after.is_empty() && *name <= after) {
            continue;
        }
        let rest = &name[prefix.len()..];
        match rest.find(&delimiter).filter(|_| !delimiter.is_empty()) {
            Some(end) => {
                prefixes.insert(format!("{prefix}{}{delimiter}", &rest[..end]));
            }
            None if items.len() == PAGE => {
                let last: &Value = &items[PAGE - 1];
                next = last["name"].as_str().map(str::to_owned);
                break;
            }
            None => items.push(object.resource(bucket, name)),
        }
    }
    let mut page = value!({ "kind": "storage#objects", "items": items, "prefixes": prefixes });
    if let Some(next) = next {
        page["nextPageToken"] = value!(next);
    }
    json(200, &page)
}

/// Merges `metadata`; a null removes the pair.
fn patch(state: &mut State, bucket: &str, name: &str, body: &Value) -> Response {
    let objects = state
        .buckets
        .get_mut(bucket)
        .map(|bucket| &mut bucket.objects);
    let Some(object) = objects.and_then(|objects| objects.get_mut(name)) else {
        return error(404, "No such object");
    };
    for (key, pair) in body["metadata"].as_object().into_iter().flatten() {
        match pair.as_str() {
            Some(text) => object.metadata.insert(key.clone(), text.to_owned()),
            None => object.metadata.remove(key),
        };
    }
    json(200, &object.resource(bucket, name))
}

/// An answer with a JSON document.
pub(super) fn json(code: u16, document: &Value) -> Response {
    let response = Response::builder()
        .status(code)
        .header("content-type", "application/json");
    let body = Body::from(document.to_string());
    response
        .body(body)
        .expect("the parts of this response are valid")
}

/// An error as Google's APIs write it.
pub(super) fn error(code: u16, message: &str) -> Response {
    json(
        code,
        &value!({ "error": { "code": code, "message": message } }),
    )
}
