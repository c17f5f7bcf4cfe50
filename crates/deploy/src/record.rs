//! What became of a model: the record, the report and the outputs.

use artifacts::Deployment;
use bytes::Bytes;
use component::{Outcome, Outputs};
use serde_json::json;
use storage::{PutOptions, Storage, Uri};

use crate::args::ReleaseArgs;
use crate::servable::Servable;
use crate::{Error, report};

/// Writes the record and the report where they were asked for, and hands the outputs on.
pub(crate) async fn publish(
    args: &ReleaseArgs,
    storage: &Storage,
    deployment: &Deployment,
    model: &Servable,
    resources: String,
) -> Result<Outcome, Error> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut outputs = Outputs::new()
        .parameter("deployed", deployment.deployed)
        .parameter("model_version", text(&deployment.model_version))
        .parameter("served_endpoint", text(&deployment.endpoint))
        .parameter(cloud::GCP_RESOURCES.name, resources);
    if let Some(uri) = &args.deployment {
        let document = artifacts::to_json(deployment);
        write(storage, uri, document, "application/json").await?;
        let gate = deployment.gate.as_ref();
        let mut metadata = json!({
            "display_name": format!("Deployment of {}", deployment.model_name),
            "deployed": deployment.deployed,
            "model_name": deployment.model_name,
            "model_version": deployment.model_version,
            "baseline": gate.map(|gate| &gate.baseline),
            "improvement": gate.map(|gate| gate.improvement),
            "reason": deployment.reason,
        });
        for file in &deployment.provenance.inputs {
            metadata[format!("{}.sha256", file.name)] = json!(file.sha256);
        }
        outputs = outputs.artifact("deployment", uri, metadata);
    }
    if let Some(uri) = &args.report {
        let page = report::html(deployment, model.metrics(), model.golden());
        write(storage, uri, page.into_bytes(), "text/html; charset=utf-8").await?;
        let title = json!({ "display_name": "Deployment report" });
        outputs = outputs.artifact("report", uri, title);
    }
    Ok(Outcome::Done(outputs))
}

async fn write(
    storage: &Storage,
    uri: &Uri,
    bytes: Vec<u8>,
    content_type: &str,
) -> Result<(), Error> {
    let options = PutOptions::of_type(content_type);
    let written = storage.write(uri, Bytes::from(bytes), options).await;
    written.map_err(|source| Error::WriteDeployment {
        uri: uri.clone(),
        source: Box::new(source),
    })?;
    Ok(())
}
