//! Vertex AI's endpoints and what is deployed on them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::operations::{self, Effect};
use super::world::World;

/// Creates an endpoint, under a chosen id or one of its own.
pub(super) fn create(
    world: &mut World,
    collection: &str,
    query: &BTreeMap<String, String>,
    body: &Value,
) -> Outcome {
    let id = query.get("endpointId").cloned();
    let id = id.unwrap_or_else(|| world.number().to_string());
    let name = format!("{collection}/{id}");
    if world.endpoints.contains_key(&name) || operations::is_busy(world, &name) {
        return Err(Refusal::exists(format!("Endpoint {name} already exists.")));
    }
    let mut document = body.clone();
    document["name"] = json!(name);
    document["createTime"] = json!(world.now());
    if document["dedicatedEndpointEnabled"] == true {
        document["dedicatedEndpointDns"] = json!(world.dedicated_host);
    }
    let effect = Effect::Endpoint(name.clone(), document.clone());
    Ok(operations::begin(
        world,
        &name,
        "CreateEndpoint",
        effect,
        document,
    ))
}

/// One endpoint.
pub(super) fn get(world: &World, name: &str) -> Outcome {
    let endpoint = world.endpoints.get(name);
    endpoint.cloned().ok_or_else(|| Refusal::not_found(name))
}

/// Changes the split of the traffic, or labels.
pub(super) fn patch(
    world: &mut World,
    name: &str,
    query: &BTreeMap<String, String>,
    body: &Value,
) -> Outcome {
    let mut document = get(world, name)?;
    let mask = query
        .get("updateMask")
        .map(String::as_str)
        .unwrap_or_default();
    for field in mask.split(',').filter(|field| !field.is_empty()) {
        if !["trafficSplit", "labels", "description"].contains(&field) {
            return Err(Refusal::invalid(format!("{field} cannot be updated.")));
        }
        document[field] = body[field].clone();
    }
    check_split(&document)?;
    world.endpoints.insert(name.to_owned(), document.clone());
    Ok(document)
}

/// Deploys a model. One endpoint is changed by one operation at a time.
pub(super) fn deploy(world: &mut World, name: &str, body: &Value) -> Outcome {
    let mut document = get(world, name)?;
    is_free(world, name)?;
    let mut deployed = body["deployedModel"].clone();
    let wanted = deployed["model"].as_str().unwrap_or_default();
    let version = super::models::find(world, wanted);
    let version = version.ok_or_else(|| Refusal::not_found(wanted))?;
    let (model, number) = version.split_once('@').unwrap_or((&version, ""));
    deployed["model"] = json!(model);
    deployed["modelVersionId"] = json!(number);
    let id = match deployed["id"].as_str().filter(|id| !id.is_empty()) {
        Some(id) => id.to_owned(),
        None => world.number().to_string(),
    };
    if id.len() > 10 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::invalid(format!("Invalid deployed model id {id}.")));
    }
    deployed["id"] = json!(id);
    let mut list = document["deployedModels"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if list.iter().any(|other| other["id"] == id) {
        return Err(Refusal::exists(format!(
            "The deployed model {id} already exists."
        )));
    }
    list.push(deployed.clone());
    document["deployedModels"] = json!(list);
    if let Some(split) = body["trafficSplit"]
        .as_object()
        .filter(|split| !split.is_empty())
    {
        // "0" is the model being deployed.
        let mut split = split.clone();
        if let Some(share) = split.remove("0") {
            split.insert(id, share);
        }
        document["trafficSplit"] = json!(split);
    }
    check_split(&document)?;
    let effect = Effect::Change(name.to_owned(), document);
    let answer = json!({
        "@type": "type.googleapis.com/google.cloud.aiplatform.v1.DeployModelResponse",
        "deployedModel": deployed,
    });
    Ok(operations::begin(
        world,
        name,
        "DeployModel",
        effect,
        answer,
    ))
}

/// Takes a model off an endpoint; it may have no traffic then.
pub(super) fn undeploy(world: &mut World, name: &str, body: &Value) -> Outcome {
    let mut document = get(world, name)?;
    is_free(world, name)?;
    let id = body["deployedModelId"].as_str().unwrap_or_default();
    let mut list = document["deployedModels"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let before = list.len();
    list.retain(|deployed| deployed["id"] != id);
    if list.len() == before {
        return Err(Refusal::not_found(&format!("deployed model {id}")));
    }
    if let Some(split) = body["trafficSplit"]
        .as_object()
        .filter(|split| !split.is_empty())
    {
        document["trafficSplit"] = json!(split);
    }
    if list.is_empty() {
        document["trafficSplit"] = json!({});
    }
    document["deployedModels"] = json!(list);
    check_split(&document)?;
    let effect = Effect::Change(name.to_owned(), document);
    Ok(operations::begin(
        world,
        name,
        "UndeployModel",
        effect,
        json!({}),
    ))
}

/// Deletes an endpoint with nothing on it.
pub(super) fn delete(world: &mut World, name: &str) -> Outcome {
    let document = get(world, name)?;
    is_free(world, name)?;
    let deployed = document["deployedModels"].as_array();
    if deployed.is_some_and(|deployed| !deployed.is_empty()) {
        return Err(Refusal::precondition(format!(
            "Endpoint {name} has deployed models; undeploy them first."
        )));
    }
    let effect = Effect::Delete(name.to_owned());
    Ok(operations::begin(world, name, "Delete", effect, json!({})))
}

/// Whether an endpoint is asked at `host`: one with a host of its own is asked nowhere else.
pub(super) fn check_host(world: &World, name: &str, host: &str) -> Result<(), Refusal> {
    let endpoint = get(world, name)?;
    let own = endpoint["dedicatedEndpointDns"].as_str();
    let at = format!("http://{host}");
    if own.is_some_and(|own| own != at) || own.is_none() && at == world.dedicated_host {
        return Err(Refusal::precondition(format!(
            "Endpoint {name} cannot be asked at {host}."
        )));
    }
    Ok(())
}

/// Asks a deployed model, each as often as its share of the traffic says.
pub(super) fn predict(world: &mut World, name: &str, body: &Value) -> Outcome {
    let endpoint = get(world, name)?;
    world.asked += 1;
    // Steps of 37 meet every percent once in a hundred requests.
    let mut percent = world.asked * 37 % 100;
    let split = endpoint["trafficSplit"].as_object().into_iter().flatten();
    let mut chosen = None;
    for (id, share) in split {
        let share = share.as_u64().unwrap_or(0);
        if percent < share {
            chosen = Some(id.clone());
            break;
        }
        percent -= share;
    }
    let nobody = || Refusal::precondition(format!("Endpoint {name} has no deployed model."));
    let id = chosen.ok_or_else(nobody)?;
    let mut deployed = endpoint["deployedModels"].as_array().into_iter().flatten();
    let deployed = deployed.find(|one| one["id"] == *id).ok_or_else(nobody)?;
    let text = |name: &str| deployed[name].as_str().unwrap_or_default();
    let version = format!("{}@{}", text("model"), text("modelVersionId"));
    let document = &world.versions[&version];
    let Some(model) = world.model.clone() else {
        return Err(Refusal::new(503, "UNAVAILABLE", "no container answers"));
    };
    let mut answer = model.0(document, body).map_err(Refusal::precondition)?;
    answer["deployedModelId"] = json!(id);
    answer["model"] = deployed["model"].clone();
    answer["modelVersionId"] = deployed["modelVersionId"].clone();
    Ok(answer)
}

fn is_free(world: &World, name: &str) -> Result<(), Refusal> {
    if !operations::is_busy(world, name) {
        return Ok(());
    }
    let message = "There are other operations running on the resource. Please try again later.";
    Err(Refusal::new(409, "ABORTED", message))
}

/// Traffic goes to what is deployed, all of it.
fn check_split(document: &Value) -> Result<(), Refusal> {
    let Some(split) = document["trafficSplit"]
        .as_object()
        .filter(|split| !split.is_empty())
    else {
        return Ok(());
    };
    let deployed = document["deployedModels"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for id in split.keys() {
        if !deployed
            .iter()
            .any(|deployed| deployed["id"] == *id.as_str())
        {
            return Err(Refusal::invalid(format!(
                "Traffic split refers to deployed model {id}, which is not there."
            )));
        }
    }
    let sum: u64 = split.values().filter_map(Value::as_u64).sum();
    if sum != 100 {
        return Err(Refusal::invalid(format!(
            "Traffic split adds up to {sum}, not 100."
        )));
    }
    Ok(())
}
