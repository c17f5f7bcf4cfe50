//! `deploy status`: what is served, since when, and what it is worth.

use std::fs;
use std::path::Path;
use std::time::Duration;

use component::{Context, Outcome, Plan};
use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};

use crate::args::StatusArgs;
use crate::release::endpoint;
use crate::repository::{Pointer, Repository};
use crate::servable::Servable;
use crate::serve::{MODEL_NAME_HEADER, MODEL_VERSION_HEADER};
use crate::{Error, target};

/// Time a server has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Describes the model in the repository, and the server at an endpoint.
pub(crate) async fn run(args: &StatusArgs, context: &Context) -> Result<Outcome, Error> {
    let repository = target::repository(&args.target)?;
    let endpoint = args.endpoint.as_deref().map(endpoint).transpose()?;
    if context.dry_run {
        let asked = endpoint.iter().map(ToString::to_string);
        return Ok(Outcome::Plan(Plan {
            reads: [repository.folder().display().to_string()]
                .into_iter()
                .chain(asked)
                .collect(),
            ..Plan::default()
        }));
    }
    let pointer = repository.pointer()?.unwrap_or_else(Pointer::new);
    let mut status = describe(&repository, &pointer)?;
    if let Some(url) = endpoint {
        status["server"] = ask(url).await;
    }
    Ok(Outcome::Report(format!("{status:#}\n")))
}

fn describe(repository: &Repository, pointer: &Pointer) -> Result<Value, Error> {
    let served = match pointer.model_version {
        None => Value::Null,
        Some(version) => describe_version(repository, version)?,
    };
    let canary = match pointer.canary {
        None => Value::Null,
        Some(canary) => {
            let mut version = describe_version(repository, canary.model_version)?;
            version["percent"] = json!(canary.percent);
            version
        }
    };
    Ok(json!({
        "model_name": repository.model_name(),
        "served": served,
        "canary": canary,
        "is_confirmed": pointer.unconfirmed.is_none(),
        "rollback_to": pointer.previous().filter(|v| Some(*v) != pointer.model_version),
        "versions": repository.installed()?,
    }))
}

fn describe_version(repository: &Repository, version: u64) -> Result<Value, Error> {
    let folder = repository.version_folder(version);
    let (files, model) = Servable::open_installed(&folder)?;
    let metrics = model.metrics();
    Ok(json!({
        "model_version": version,
        "installed": changed(&folder),
        "served_since": changed(&repository.pointer_path()),
        "unit": metrics.unit,
        "test": metrics.test,
        "files": files.digests(),
    }))
}

/// When a file or folder was last changed.
fn changed(path: &Path) -> Option<String> {
    let modified = fs::metadata(path).and_then(|found| found.modified()).ok()?;
    let time = Timestamp::try_from(modified).ok()?;
    Some(time.to_string())
}

/// Which model a server serves. One that does not answer is part of the status, not a failure.
async fn ask(url: reqwest::Url) -> Value {
    let Ok(client) = Client::builder().timeout(PATIENCE).build() else {
        return Value::Null;
    };
    let ready = url.join("/v2/health/ready");
    let Ok(ready) = ready else { return Value::Null };
    match client.get(ready).send().await {
        Err(error) => json!({
            "url": url.as_str(),
            "ready": false,
            "problem": component::chain(&error.without_url()),
        }),
        Ok(response) => {
            let header = |name: &str| {
                let value = response.headers().get(name)?;
                value.to_str().ok().map(str::to_owned)
            };
            json!({
                "url": url.as_str(),
                "ready": response.status().is_success(),
                "model_name": header(MODEL_NAME_HEADER),
                "model_version": header(MODEL_VERSION_HEADER),
            })
        }
    }
}
