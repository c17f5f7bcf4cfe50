//! Long-running operations.

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::world::World;

/// Something under way.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// What it is about, as Google names the kind: `DeployModel`.
    pub(super) kind: &'static str,
    /// How often it is asked for before it is done.
    pub(super) looks: u32,
    /// What it does once it is done.
    pub(super) effect: Effect,
    /// Its answer once it is done.
    pub(super) answer: Option<Value>,
    /// What went wrong.
    pub(super) error: Option<Value>,
}

/// What an operation does to the world when it ends.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// A version of a model is there.
    Version(String, Value),
    /// An endpoint is there.
    Endpoint(String, Value),
    /// An endpoint is changed into this.
    Change(String, Value),
    /// A resource is gone.
    Delete(String),
}

/// Begins an operation on `resource`.
pub(super) fn begin(
    world: &mut World,
    resource: &str,
    kind: &'static str,
    effect: Effect,
    answer: Value,
) -> Value {
    let name = format!("{resource}/operations/{}", world.number());
    let operation = Operation {
        kind,
        looks: 2,
        effect,
        answer: Some(answer),
        error: world.failure.clone(),
    };
    let shown = shown(&name, &operation);
    world.operations.insert(name, operation);
    shown
}

/// One operation, a moment later than the last time.
pub(super) fn get(world: &mut World, name: &str) -> Outcome {
    let operation = world.operations.get_mut(name);
    let operation = operation.ok_or_else(|| Refusal::not_found(name))?;
    if operation.looks > 0 {
        operation.looks -= 1;
        if operation.looks == 0 && operation.error.is_none() {
            let effect = operation.effect.clone();
            take_effect(world, effect);
        }
    }
    Ok(shown(name, &world.operations[name]))
}

/// The operations on a resource.
pub(super) fn list(world: &World, resource: &str) -> Outcome {
    let prefix = format!("{resource}/operations/");
    let operations = world.operations.iter();
    let operations: Vec<Value> = operations
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, operation)| shown(name, operation))
        .collect();
    Ok(if operations.is_empty() {
        json!({})
    } else {
        json!({"operations": operations})
    })
}

/// Ends an operation before it has done anything.
pub(super) fn cancel(world: &mut World, name: &str) -> Outcome {
    let operation = world.operations.get_mut(name);
    let operation = operation.ok_or_else(|| Refusal::not_found(name))?;
    if operation.looks > 0 {
        operation.looks = 0;
        operation.error = Some(json!({"code": 1, "message": "The operation was cancelled."}));
    }
    Ok(json!({}))
}

/// Whether another change of `resource` is under way.
pub(super) fn is_busy(world: &World, resource: &str) -> bool {
    let prefix = format!("{resource}/operations/");
    let mut operations = world.operations.iter();
    operations.any(|(name, operation)| name.starts_with(&prefix) && operation.looks > 0)
}

fn take_effect(world: &mut World, effect: Effect) {
    match effect {
        Effect::Version(name, document) => {
            super::models::add_version(world, name, document);
        }
        Effect::Endpoint(name, document) | Effect::Change(name, document) => {
            world.endpoints.insert(name, document);
        }
        Effect::Delete(name) => {
            world.endpoints.remove(&name);
            world.versions.retain(|version, _| {
                *version != name && version.split('@').next() != Some(name.as_str())
            });
        }
    }
}

fn shown(name: &str, operation: &Operation) -> Value {
    let kind = operation.kind;
    let mut document = json!({"name": name, "metadata": {
        "@type": format!("type.googleapis.com/google.cloud.aiplatform.v1.{kind}OperationMetadata"),
        "genericMetadata": {"createTime": "2026-01-01T00:00:00Z"},
    }});
    if kind == "DeployModel" {
        document["metadata"]["deploymentStage"] = json!(match operation.looks {
            2 => "PREPARING_MODEL",
            1 => "STARTING_MODEL_SERVER",
            _ => "SUCCESSFULLY_DEPLOYED",
        });
    }
    if operation.looks > 0 {
        return document;
    }
    document["done"] = json!(true);
    match &operation.error {
        Some(error) => document["error"] = error.clone(),
        None => document["response"] = operation.answer.clone().unwrap_or_else(|| json!({})),
    }
    document
}
