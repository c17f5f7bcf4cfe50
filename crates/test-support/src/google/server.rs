//! From a request to an answer.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::answer::{Outcome, Refusal, respond};
use super::discovery::{Found, route};
use super::fault::Fault;
use super::hold::Moment;
use super::wire::{Cut, CuttableListener};
use super::world::World;
use super::{Seen, Shared, dataflow, endpoints, logging, models, operations, vertex_jobs};

pub(super) async fn start(shared: Arc<Shared>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port of the loopback address is free");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    // The same address by another name.
    shared.lock().world.dedicated_host = format!("http://localhost:{}", address.port());
    let router = Router::new().fallback(serve).with_state(shared);
    let service = router.into_make_service_with_connect_info::<Cut>();
    let server = tokio::spawn(async move {
        // It ends with the task.
        let _ = axum::serve(CuttableListener(listener), service).await;
    });
    (address, server)
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("computeMetadata/") {
        return respond(token(&shared));
    }
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let found = route(method.as_str(), &path);
    let called = found
        .as_ref()
        .map_or(path.as_str(), |found| short(&found.id));
    let query = query(&uri);
    let document = if body.is_empty() {
        Ok(Value::Null)
    } else {
        serde_json::from_slice(&body)
    };
    let (number, fault) = {
        let mut state = shared.lock();
        state.seen.push(Seen {
            method: called.to_owned(),
            path: path.clone(),
            query: query.clone(),
            body: document.as_ref().cloned().unwrap_or_default(),
            at: Instant::now(),
        });
        let fault = state.faults.get_mut(called).and_then(VecDeque::pop_front);
        (state.seen.len() - 1, fault)
    };
    shared.hold.pass(number, Moment::Before).await;
    let is_done = fault.as_ref().is_none_or(Fault::is_done);
    let outcome = match document {
        _ if !is_done => Ok(Value::Null),
        Err(error) => Err(Refusal::invalid(format!(
            "Invalid JSON payload received. {error}"
        ))),
        Ok(document) => answer(&shared, found, &path, &query, &headers, &document),
    };
    shared.hold.pass(number, Moment::After).await;
    let Some(fault) = fault else {
        return respond(outcome);
    };
    if let Fault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    if let Some(bytes) = fault.cut() {
        cut.after(bytes);
    }
    fault.answer().unwrap_or_else(|| respond(outcome))
}

/// A token for an hour.
fn token(shared: &Shared) -> Outcome {
    let mut state = shared.lock();
    state.tokens += 1;
    let token = format!("ya29.fake-token-{}", state.tokens);
    Ok(json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"}))
}

fn answer(
    shared: &Shared,
    found: Option<Found>,
    path: &str,
    query: &BTreeMap<String, String>,
    headers: &HeaderMap,
    body: &Value,
) -> Outcome {
    let Some(found) = found else {
        return Err(Refusal::not_found(path));
    };
    let mut state = shared.lock();
    let good = format!("Bearer ya29.fake-token-{}", state.tokens);
    if headers
        .get("authorization")
        .is_none_or(|given| given != good.as_str())
    {
        return Err(Refusal::new(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials.",
        ));
    }
    let body_given = Some(body).filter(|body| !body.is_null());
    if let Some(problem) = found.problem(query, body_given) {
        return Err(Refusal::invalid(problem));
    }
    if short(&found.id) == "endpoints.predict" {
        let name = path.strip_prefix("v1/").unwrap_or(path);
        let host = headers.get("host").and_then(|host| host.to_str().ok());
        let name = name.split(':').next().unwrap_or(name);
        endpoints::check_host(&state.world, name, host.unwrap_or_default())?;
    }
    let answer = dispatch(&mut state.world, &found.id, path, query, body)?;
    let lie = found.answer_problem(&answer);
    assert_eq!(
        lie, None,
        "the fake answers {} as Google would not",
        found.id
    );
    Ok(answer)
}

fn dispatch(
    world: &mut World,
    id: &str,
    path: &str,
    query: &BTreeMap<String, String>,
    body: &Value,
) -> Outcome {
    let parts: Vec<&str> = path.split('/').collect();
    // Vertex AI's names are the paths below the version, without the verb.
    let name = path.strip_prefix("v1/").unwrap_or(path);
    let name = name.split(':').next().unwrap_or(name);
    match short(id) {
        "flexTemplates.launch" => dataflow::launch(world, &parts, body),
        "jobs.list" => dataflow::list(world, query),
        "jobs.get" => dataflow::get(world, parts[6]),
        "jobs.update" => dataflow::update(world, parts[6], body),
        "jobs.getMetrics" => dataflow::metrics(world, parts[6]),
        "messages.list" => dataflow::messages(world, parts[6], query),
        "customJobs.create" | "hyperparameterTuningJobs.create" => {
            vertex_jobs::create(world, path, body)
        }
        "customJobs.list" | "hyperparameterTuningJobs.list" => {
            vertex_jobs::list(world, parts[5], query)
        }
        "customJobs.get" | "hyperparameterTuningJobs.get" => vertex_jobs::get(world, name),
        "customJobs.cancel" | "hyperparameterTuningJobs.cancel" => vertex_jobs::cancel(world, name),
        "models.upload" => models::upload(world, name, body),
        "models.get" => models::get(world, name),
        "models.listVersions" => models::list_versions(world, name, query),
        "models.mergeVersionAliases" => models::merge_aliases(world, name, body),
        "models.delete" | "models.deleteVersion" => models::delete(world, name),
        "endpoints.create" => endpoints::create(world, name, query, body),
        "endpoints.get" => endpoints::get(world, name),
        "endpoints.patch" => endpoints::patch(world, name, query, body),
        "endpoints.deployModel" => endpoints::deploy(world, name, body),
        "endpoints.undeployModel" => endpoints::undeploy(world, name, body),
        "endpoints.predict" => endpoints::predict(world, name, body),
        "endpoints.delete" => endpoints::delete(world, name),
        "entries.list" => logging::list(world, body),
        "operations.get" => operations::get(world, name),
        "operations.list" => operations::list(world, name.trim_end_matches("/operations")),
        "operations.cancel" => operations::cancel(world, name),
        other => Err(Refusal::new(
            501,
            "UNIMPLEMENTED",
            format!("the fake has no {other}"),
        )),
    }
}

/// The last two parts of a method's id.
fn short(id: &str) -> &str {
    let dot = id.rmatch_indices('.').nth(1);
    dot.map_or(id, |(dot, _)| &id[dot + 1..])
}

fn query(uri: &Uri) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = uri.query().unwrap_or_default().split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
