//! A deployment, a promotion or a rollback.

use std::time::Duration;

use artifacts::{Deployment, GateResult, Provenance};
use cloud::{Session, Staging};
use component::{Context, Outcome, Plan};
use gcp::job::JobKey;
use gcp::vertex::{self, MachineSpec, ModelVersion, Port, ServingContainer};
use serde_json::{Value, json};
use storage::{Storage, Uri};
use tracing::{info, warn};

use super::site::{Site, endpoint_id};
use super::traffic::State;
use crate::args::{GateMode, ReleaseArgs, VertexArgs};
use crate::release::Action;
use crate::servable::{ModelFiles, Servable};
use crate::serve::DEFAULT_PREDICT_ROUTE;
use crate::{Error, gate, record, target};

/// Percent of the requests that a new version answers while it is checked.
const TRIAL_SHARE: u32 = 10;
const MACHINE_TYPE: &str = "n1-standard-2";
const PORT: u16 = 8080;

/// Deploys a model, or promotes or rolls back one that is there.
pub(crate) async fn run(args: &ReleaseArgs, context: &Context) -> Result<Outcome, Error> {
    let name = target::model_name(&args.target.model_name)?;
    let storage = Storage::from_env();
    let action = Action::of(args)?;
    if let Action::Deploy(folder) = &action {
        return Box::pin(deploy(args, &storage, folder, name, context)).await;
    }
    if context.dry_run {
        let what = match action {
            Action::RollBack(Some(version)) => format!("serves version {version} of `{name}`"),
            Action::RollBack(None) => format!("serves the version before of `{name}`"),
            _ => format!("serves the version of `{name}` that is tried out"),
        };
        return Ok(Outcome::Plan(Plan {
            does: vec![format!("{what} on the endpoint {}", endpoint_id(&name))],
            ..Plan::default()
        }));
    }
    let session = Session::for_job(&args.vertex.job, context).await?;
    let site = Site::new(session, name, context)?;
    let before = site.state().await?;
    let (id, version) = match action {
        Action::RollBack(None) if before.tried_out().is_some() => served(&before),
        Action::RollBack(wanted) => wanted_version(&site, &before, wanted).await?,
        _ => tried_out(&site, &before)?,
    };
    let resource = format!("{}@{version}", site.model());
    let document = site.lookup(&resource).await?.unwrap_or_default();
    let folder = document["artifactUri"].as_str().unwrap_or_default();
    let folder: Uri = folder
        .parse()
        .map_err(|_| no_way_back(&site, &before, &version))?;
    let (files, model) = Servable::open(&storage, &folder).await?;
    let place = &args.vertex.job.place;
    let id = id.unwrap_or_else(|| {
        let served = before.served().unwrap_or_default();
        let parts = [site.name.as_str(), &version, served];
        place.key("rollback", parts).number().to_string()
    });
    let key = place.key("deploy", [site.name.as_str(), &id]);
    let release = Release {
        args,
        site: &site,
        model: &model,
        key,
        id,
        version,
    };
    release.put(&before).await?;
    release.take_over(&before).await?;
    let deployment = release.record(context, &files, None, &before);
    let resources = site.session.resources();
    record::publish(args, &storage, &deployment, &model, resources).await
}

async fn deploy(
    args: &ReleaseArgs,
    storage: &Storage,
    folder: &Uri,
    name: String,
    context: &Context,
) -> Result<Outcome, Error> {
    let (files, model) = Servable::open(storage, folder).await?;
    let gate = gate::judge(
        model.metrics(),
        args.baseline.as_deref(),
        args.min_improvement,
    );
    let gate = gate.map_err(|source| Error::Baseline {
        folder: folder.clone(),
        source,
    })?;
    let reason = gate::reason(&gate, model.metrics().unit.as_deref());
    let passed = gate.passed;
    if !passed && args.gate == GateMode::Enforce && !context.dry_run {
        return Err(Error::Refused { reason });
    }
    let rate = args.vertex.request_log_rate;
    if !(rate > 0.0 && rate <= 1.0) {
        return Err(Error::Flag {
            flag: "--request-log-rate",
            value: rate.to_string(),
            problem: "is not a fraction above 0 and at most 1",
            hint: "use 1 to log every request",
        });
    }
    let image = cloud::own_image(args.vertex.image.as_deref())?;
    let digests = files.digests().into_iter().map(|file| file.sha256);
    let parts = [name.clone(), image.clone()].into_iter().chain(digests);
    let key = args.vertex.job.place.key("deploy", parts);
    let staging = Staging::new(&args.vertex.job, &key)?;
    let upload = upload(args, &name, &image, &staging.input("model", folder), &key);
    let endpoint = endpoint(&args.vertex, &name);
    if context.dry_run {
        return plan(args, folder, &name, &key, [upload, endpoint]);
    }
    let session = Session::for_job(&args.vertex.job, context).await?;
    let site = Site::new(session, name, context)?;
    let before = site.state().await?;
    if !passed {
        warn!("not deployed because {reason}");
        let served = before.served().and_then(|id| before.version(id));
        let deployment = Deployment {
            deployed: false,
            reason: Some(reason),
            model_version: served.map(str::to_owned),
            golden_rows: 0,
            ..document(&site, context, &files, &model, Some(gate))
        };
        let resources = site.session.resources();
        return record::publish(args, storage, &deployment, &model, resources).await;
    }
    if args.canary.is_some() && before.served().is_none() {
        return Err(Error::NothingBeside {
            model_name: site.name,
        });
    }
    let names = files.entries().map(|(name, _)| name);
    staging
        .bring_folder(storage, "model", folder, names)
        .await?;
    let uploaded = site
        .make(&site.vertex.upload(&site.name), &key, &upload)
        .await?;
    let version = uploaded.document["modelVersionId"].as_str();
    let version = version.unwrap_or_default().to_owned();
    info!(version, "`{}` is in the model registry", site.name);
    let change = site.vertex.endpoint(&endpoint_id(&site.name));
    let made = site.make(&change, &key, &endpoint).await?;
    site.note(&made.document)?;
    let release = Release {
        args,
        site: &site,
        model: &model,
        id: key.number().to_string(),
        key,
        version,
    };
    release.put(&before).await?;
    let deployment = match args.canary {
        None => {
            release.take_over(&before).await?;
            release.record(context, &files, Some(gate), &before)
        }
        Some(percent) => {
            site.set_aliases(&release.version, &["candidate"]).await?;
            let served = before.served().and_then(|id| before.version(id));
            let version = &release.version;
            Deployment {
                deployed: false,
                reason: Some(format!(
                    "version {version} is tried out on {percent} % of the requests"
                )),
                model_version: served.map(str::to_owned),
                ..document(&site, context, &files, &model, Some(gate))
            }
        }
    };
    let resources = site.session.resources();
    record::publish(args, storage, &deployment, &model, resources).await
}

/// A version on its way to the endpoint.
struct Release<'a> {
    args: &'a ReleaseArgs,
    site: &'a Site,
    model: &'a Servable,
    key: JobKey,
    /// The deployed model's id.
    id: String,
    version: String,
}

impl Release<'_> {
    /// Puts the version on the endpoint, with a part of the traffic, and checks it; what does not
    /// pass is taken off again.
    async fn put(&self, before: &State) -> Result<(), Error> {
        let Self { site, id, .. } = self;
        let number = id.parse().expect("the id is a number");
        let share = self.args.canary.map_or(TRIAL_SHARE, u32::from);
        let split = before.beside("0", id, share);
        let model = format!("{}@{}", site.model(), self.version);
        let request = deployment(&self.args.vertex, &site.name, model, number, split);
        let change = site.vertex.deploy(&site.endpoint(), number);
        site.make(&change, &self.key, &request).await?;
        let timeout = Duration::from_secs(self.args.check_timeout);
        let Err(source) = site.check(id, self.model.golden(), timeout).await else {
            info!(version = self.version, "it predicts the golden rows");
            return Ok(());
        };
        let others = before.beside("", id, 0);
        let consequence = match before.served().filter(|served| served != id) {
            Some(served) => {
                site.set_traffic(&others).await?;
                let version = before.version(served).unwrap_or_default();
                format!("version {version} is served as before")
            }
            None => "no version is served".to_owned(),
        };
        site.undeploy(&self.key, id).await?;
        Err(Error::Check {
            model_name: site.name.clone(),
            version: self.version.parse().unwrap_or_default(),
            consequence,
            source: Box::new(source),
        })
    }

    /// Gives the version all traffic and the aliases, and takes the others off.
    async fn take_over(&self, before: &State) -> Result<(), Error> {
        let Self { site, id, .. } = self;
        site.set_traffic(&[(id.clone(), 100)].into()).await?;
        site.set_aliases(&self.version, &["default", "-candidate"])
            .await?;
        if let Some(previous) = self.previous(before) {
            site.set_aliases(&previous, &["previous"]).await?;
        }
        site.undeploy_others(&self.key, id).await?;
        site.prune(&self.key, &self.version, self.args.keep).await?;
        info!(version = self.version, "`{}` is served", site.name);
        Ok(())
    }

    /// The version that was served before this one.
    fn previous(&self, before: &State) -> Option<String> {
        let others = before.versions.keys().filter(|other| **other != self.id);
        let traffic = |id: &&String| before.traffic.get(*id).copied().unwrap_or_default();
        let version = before.version(others.max_by_key(traffic)?)?;
        (version != self.version).then(|| version.to_owned())
    }

    fn record(
        &self,
        context: &Context,
        files: &ModelFiles,
        gate: Option<GateResult>,
        before: &State,
    ) -> Deployment {
        Deployment {
            model_version: Some(self.version.clone()),
            previous_version: self.previous(before),
            ..document(self.site, context, files, self.model, gate)
        }
    }
}

/// The record of a deployment that went well, without versions.
fn document(
    site: &Site,
    context: &Context,
    files: &ModelFiles,
    model: &Servable,
    gate: Option<GateResult>,
) -> Deployment {
    Deployment {
        version: artifacts::FORMAT_VERSION,
        deployed: true,
        reason: None,
        model_name: site.name.clone(),
        model_version: None,
        previous_version: None,
        endpoint: Some(site.address()),
        gate,
        golden_rows: model.golden().instances.len() as u64,
        provenance: Provenance {
            build: context.build(),
            inputs: files.digests(),
        },
    }
}

/// The deployed model that answers most requests, which is to answer all again.
fn served(before: &State) -> (Option<String>, String) {
    let id = before.served().unwrap_or_default();
    let version = before.version(id).unwrap_or_default();
    (Some(id.to_owned()), version.to_owned())
}

/// The deployed model that is tried out, which is to take over.
fn tried_out(site: &Site, before: &State) -> Result<(Option<String>, String), Error> {
    let id = before.tried_out().ok_or_else(|| Error::NothingTriedOut {
        model_name: site.name.clone(),
    })?;
    let version = before.version(id).unwrap_or_default();
    Ok((Some(id.to_owned()), version.to_owned()))
}

/// A version of the registry that is to be served again: this one, or the one before.
async fn wanted_version(
    site: &Site,
    before: &State,
    wanted: Option<u64>,
) -> Result<(Option<String>, String), Error> {
    let alias = wanted.map_or("previous".to_owned(), |version| version.to_string());
    let found = site.lookup(&format!("{}@{alias}", site.model())).await?;
    let version = found.and_then(|found| Some(found["versionId"].as_str()?.to_owned()));
    let version = version.ok_or_else(|| no_way_back(site, before, &alias))?;
    let mut on_it = before.versions.iter();
    let id = on_it
        .find(|(_, one)| **one == version)
        .map(|(id, _)| id.clone());
    Ok((id, version))
}

fn no_way_back(site: &Site, before: &State, wanted: &str) -> Error {
    let served = before.served().and_then(|id| before.version(id));
    Error::Rollback {
        model_name: site.name.clone(),
        wanted: match wanted {
            "previous" => "an earlier version".to_owned(),
            version => format!("version {version}"),
        },
        kept: Vec::new(),
        served: served.and_then(|version| version.parse().ok()),
    }
}

fn upload(args: &ReleaseArgs, name: &str, image: &str, folder: &Uri, key: &JobKey) -> Value {
    let version = ModelVersion {
        display_name: name.to_owned(),
        description: format!("run {}", args.vertex.job.place.run()),
        aliases: vec!["candidate".to_owned()],
        artifact_uri: Some(folder.to_string()),
        container: ServingContainer {
            image_uri: image.to_owned(),
            // The images have no entry point.
            command: vec!["/deploy".to_owned()],
            args: vec!["serve".to_owned()],
            env: Vec::new(),
            ports: vec![Port {
                container_port: PORT,
            }],
            predict_route: DEFAULT_PREDICT_ROUTE.to_owned(),
            health_route: "/health".to_owned(),
        },
        labels: args.vertex.job.labels(),
    };
    let mut request = version.request(key);
    encrypt(&mut request["model"], &args.vertex);
    request
}

fn endpoint(args: &VertexArgs, name: &str) -> Value {
    let mut endpoint = json!({"displayName": name, "labels": args.job.labels()});
    if let Some(network) = &args.job.network {
        endpoint["network"] = json!(network);
    }
    if args.dedicated_endpoint {
        endpoint["dedicatedEndpointEnabled"] = json!(true);
    }
    if let Some(table) = &args.request_log {
        endpoint["predictRequestResponseLoggingConfig"] = json!({
            "enabled": true,
            "samplingRate": args.request_log_rate,
            "bigqueryDestination": {"outputUri": table},
        });
    }
    encrypt(&mut endpoint, args);
    endpoint
}

fn encrypt(resource: &mut Value, args: &VertexArgs) {
    if let Some(key) = &args.job.encryption_key {
        resource["encryptionSpec"] = json!({"kmsKeyName": key});
    }
}

fn deployment(
    args: &VertexArgs,
    name: &str,
    model: String,
    id: u64,
    traffic: std::collections::BTreeMap<String, u32>,
) -> Value {
    let machine_type = args.job.machine_type.clone();
    let deployment = vertex::Deployment {
        model,
        display_name: name.to_owned(),
        machine: MachineSpec {
            machine_type: machine_type.unwrap_or_else(|| MACHINE_TYPE.to_owned()),
            ..MachineSpec::default()
        },
        min_replicas: args.min_replicas,
        max_replicas: args.max_replicas.max(args.min_replicas),
        service_account: args.job.service_account.clone(),
        traffic,
    };
    deployment.request(id)
}

/// The requests of a first deployment; where another version is served, the split says so.
fn plan(
    args: &ReleaseArgs,
    folder: &Uri,
    name: &str,
    key: &JobKey,
    [upload, endpoint]: [Value; 2],
) -> Result<Outcome, Error> {
    let place = &args.vertex.job.place;
    let models = place.vertex_collection("models")?;
    let endpoints = place.vertex_collection("endpoints")?;
    let (_, models_name) = models.split_once("/v1/").unwrap_or_default();
    let (id, number) = (endpoint_id(name), key.number());
    let model = format!("{models_name}/{name}@VERSION");
    let all = [("0".to_owned(), 100)].into();
    let deploy = deployment(&args.vertex, name, model, number, all);
    Ok(Outcome::Plan(Plan {
        reads: vec![format!("the model {folder}")],
        does: vec![
            format!("sends POST {models}:upload {upload}"),
            format!("sends POST {endpoints}?endpointId={id} {endpoint}"),
            format!("sends POST {endpoints}/{id}:deployModel {deploy}"),
            format!("asks {endpoints}/{id}:predict for the golden rows"),
        ],
        writes: [&args.deployment, &args.report]
            .into_iter()
            .flatten()
            .map(Uri::to_string)
            .collect(),
    }))
}
