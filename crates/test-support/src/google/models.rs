//! Vertex AI's model registry.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::operations::{self, Effect};
use super::vertex_jobs::has_labels;
use super::world::World;

/// Uploads a model, or a version of one.
pub(super) fn upload(world: &mut World, collection: &str, body: &Value) -> Outcome {
    let collection = collection.trim_end_matches(":upload");
    let parent = body["parentModel"].as_str().filter(|name| !name.is_empty());
    let id = body["modelId"].as_str().filter(|id| !id.is_empty());
    let model = match (parent, id) {
        (Some(parent), _) => {
            if parent.contains('@') || versions(world, parent).next().is_none() {
                return Err(Refusal::not_found(parent));
            }
            parent.to_owned()
        }
        (None, Some(id)) => {
            let model = format!("{collection}/{id}");
            if versions(world, &model).next().is_some() || operations::is_busy(world, &model) {
                return Err(Refusal::exists(format!("Model {model} already exists.")));
            }
            model
        }
        (None, None) => format!("{collection}/{}", world.number()),
    };
    if body["model"]["containerSpec"].is_null() {
        return Err(Refusal::invalid("model.container_spec is required."));
    }
    let version = world.version_number(&model);
    let mut document = body["model"].clone();
    document["name"] = json!(model);
    document["versionId"] = json!(version);
    document["versionCreateTime"] = json!(world.now());
    let answer = json!({
        "@type": "type.googleapis.com/google.cloud.aiplatform.v1.UploadModelResponse",
        "model": model, "modelVersionId": version,
    });
    let effect = Effect::Version(format!("{model}@{version}"), document);
    Ok(operations::begin(
        world,
        &model,
        "UploadModel",
        effect,
        answer,
    ))
}

/// A version is there: an alias belongs to one version only, `default` to the first unless
/// another takes it.
pub(super) fn add_version(world: &mut World, name: String, mut document: Value) {
    let model = name.split('@').next().unwrap_or_default().to_owned();
    let mut aliases = strings(&document["versionAliases"]);
    if versions(world, &model).next().is_none() && !aliases.contains(&"default".to_owned()) {
        aliases.push("default".into());
    }
    take_aliases(world, &model, &aliases);
    document["versionAliases"] = json!(aliases);
    world.versions.insert(name, document);
}

/// A model's default version, or the version of a number or alias.
pub(super) fn get(world: &World, name: &str) -> Outcome {
    let version = find(world, name).ok_or_else(|| Refusal::not_found(name))?;
    let mut document = world.versions[&version].clone();
    let deployed: Vec<Value> = uses(world, &version);
    if !deployed.is_empty() {
        document["deployedModels"] = json!(deployed);
    }
    Ok(document)
}

/// A model's versions, the oldest first.
pub(super) fn list_versions(
    world: &World,
    model: &str,
    query: &BTreeMap<String, String>,
) -> Outcome {
    let filter = query.get("filter").map(String::as_str).unwrap_or_default();
    if versions(world, model).next().is_none() {
        return Err(Refusal::not_found(model));
    }
    let mut found = Vec::new();
    for name in versions(world, model) {
        if has_labels(&world.versions[name], filter)? {
            found.push(world.versions[name].clone());
        }
    }
    Ok(if found.is_empty() {
        json!({})
    } else {
        json!({"models": found})
    })
}

/// Gives a version aliases, and takes those written `-alias`.
pub(super) fn merge_aliases(world: &mut World, name: &str, body: &Value) -> Outcome {
    let version = find(world, name).ok_or_else(|| Refusal::not_found(name))?;
    let model = version.split('@').next().unwrap_or_default().to_owned();
    let changes = strings(&body["versionAliases"]);
    let (taken, given): (Vec<String>, Vec<String>) = changes
        .into_iter()
        .partition(|alias| alias.starts_with('-'));
    if taken.contains(&"-default".to_owned()) {
        return Err(Refusal::invalid("The default alias cannot be removed."));
    }
    take_aliases(world, &model, &given);
    let document = world.versions.get_mut(&version).expect("found above");
    let mut aliases = strings(&document["versionAliases"]);
    aliases.extend(given);
    aliases.retain(|alias| !taken.contains(&format!("-{alias}")));
    document["versionAliases"] = json!(aliases);
    Ok(document.clone())
}

/// Deletes a model with all versions, or one version that is not the last.
pub(super) fn delete(world: &mut World, name: &str) -> Outcome {
    let (model, version) = match name.split_once('@') {
        Some((model, _)) => (model, find(world, name)),
        None => (name, versions(world, name).next().cloned()),
    };
    let version = version.ok_or_else(|| Refusal::not_found(name))?;
    let all: Vec<String> = versions(world, model).cloned().collect();
    let one = name.contains('@');
    if one && all.len() == 1 {
        return Err(Refusal::precondition(
            "The only version of a model cannot be deleted.",
        ));
    }
    let gone = if one { vec![version.clone()] } else { all };
    if gone.iter().any(|version| !uses(world, version).is_empty()) {
        return Err(Refusal::precondition(format!(
            "{name} is deployed on an endpoint."
        )));
    }
    let target = if one { version } else { model.to_owned() };
    let effect = Effect::Delete(target);
    Ok(operations::begin(world, model, "Delete", effect, json!({})))
}

impl World {
    /// The number of a model's next version, counting what is on its way.
    fn version_number(&self, model: &str) -> String {
        let there = self
            .versions
            .keys()
            .filter_map(|name| name.strip_prefix(model)?.strip_prefix('@'));
        let newest = there
            .filter_map(|version| version.parse::<u64>().ok())
            .max()
            .unwrap_or(0);
        let prefix = format!("{model}/operations/");
        let coming = self.operations.iter().filter(|(name, operation)| {
            name.starts_with(&prefix) && operation.kind == "UploadModel" && operation.looks > 0
        });
        (newest + coming.count() as u64 + 1).to_string()
    }
}

/// The names of a model's versions.
fn versions<'a>(world: &'a World, model: &str) -> impl Iterator<Item = &'a String> {
    let prefix = format!("{model}@");
    world
        .versions
        .keys()
        .filter(move |name| name.starts_with(&prefix))
}

/// The version a name stands for.
pub(super) fn find(world: &World, name: &str) -> Option<String> {
    let (model, wanted) = name.split_once('@').unwrap_or((name, "default"));
    let is_it = |version: &&String| {
        let document = &world.versions[*version];
        document["versionId"] == wanted
            || strings(&document["versionAliases"])
                .iter()
                .any(|alias| alias == wanted)
    };
    versions(world, model).find(is_it).cloned()
}

/// Where a version is deployed.
fn uses(world: &World, version: &str) -> Vec<Value> {
    let (model, number) = version.split_once('@').unwrap_or((version, ""));
    let mut found = Vec::new();
    for (endpoint, document) in &world.endpoints {
        for deployed in document["deployedModels"].as_array().into_iter().flatten() {
            if deployed["model"] == model && deployed["modelVersionId"] == number {
                found.push(json!({"endpoint": endpoint, "deployedModelId": deployed["id"]}));
            }
        }
    }
    found
}

fn take_aliases(world: &mut World, model: &str, aliases: &[String]) {
    let names: Vec<String> = versions(world, model).cloned().collect();
    for name in names {
        let document = world.versions.get_mut(&name).expect("listed above");
        let mut kept = strings(&document["versionAliases"]);
        kept.retain(|alias| !aliases.contains(alias));
        document["versionAliases"] = json!(kept);
    }
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(|text| Some(text.as_str()?.to_owned()))
        .collect()
}
