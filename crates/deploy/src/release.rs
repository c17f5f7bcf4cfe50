//! `deploy` itself: a deployment, or a rollback.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use artifacts::{Deployment, GateResult, Provenance};
use component::{Context, Outcome, Plan};
use reqwest::Url;
use storage::{Storage, Uri};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::args::{GateMode, LimitArgs, ReleaseArgs};
use crate::check::{Check, CheckError};
use crate::repository::{Canary, Locked, Pointer, Repository, RepositoryError};
use crate::servable::{ModelFiles, Servable};
use crate::serve::{DEFAULT_PREDICT_ROUTE, Routes, Server, Source, Telemetry};
use crate::{Error, gate, record, target};

/// Deploys a model or rolls one back.
pub(crate) async fn run(args: &ReleaseArgs, context: &Context) -> Result<Outcome, Error> {
    let release = Release::new(args, context)?;
    if context.dry_run {
        return Ok(Outcome::Plan(release.plan()));
    }
    let (deployment, model) = match &release.action {
        Action::Deploy(folder) => release.deploy(folder).await?,
        Action::Promote => release.promote().await?,
        Action::RollBack(wanted) => release.roll_back(*wanted).await?,
    };
    let resources = cloud::NO_RESOURCES.to_owned();
    record::publish(args, &release.storage, &deployment, &model, resources).await
}

/// What a run is asked to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// Serve the model in this folder.
    Deploy(Uri),
    /// Serve the version that is tried out.
    Promote,
    /// Serve this version again, or the one before the last deployed one.
    RollBack(Option<u64>),
}

impl Action {
    /// What the flags ask for.
    pub(crate) fn of(args: &ReleaseArgs) -> Result<Self, Error> {
        let min = args.min_improvement;
        if !(min.is_finite() && min < 1.0) {
            return Err(Error::Flag {
                flag: "--min-improvement",
                value: min.to_string(),
                problem: "is not a fraction below 1",
                hint: "give 0.05 for 5 %",
            });
        }
        if args.promote {
            return Ok(Self::Promote);
        }
        if args.rollback || args.to_version.is_some() {
            return Ok(Self::RollBack(args.to_version));
        }
        let model = args.model.clone();
        Ok(Self::Deploy(
            model.ok_or_else(|| Error::missing("--model"))?,
        ))
    }
}

/// A checked command line and what its work needs.
struct Release<'a> {
    args: &'a ReleaseArgs,
    context: &'a Context,
    repository: Repository,
    endpoint: Option<Url>,
    action: Action,
    storage: Storage,
}

impl<'a> Release<'a> {
    fn new(args: &'a ReleaseArgs, context: &'a Context) -> Result<Self, Error> {
        let action = Action::of(args)?;
        Ok(Self {
            args,
            context,
            repository: target::repository(&args.target)?,
            endpoint: args.endpoint.as_deref().map(endpoint).transpose()?,
            action,
            storage: Storage::from_env(),
        })
    }

    fn plan(&self) -> Plan {
        let folder = self.repository.folder();
        let ask = match &self.endpoint {
            Some(url) => format!("asks {url} to predict its golden rows"),
            None => "asks a server of its own to predict its golden rows".to_owned(),
        };
        let (read, what) = match &self.action {
            Action::Deploy(model) => (
                format!("the model {model}"),
                format!(
                    "checks the model, and that it removes more than {} % of the error of {}",
                    self.args.min_improvement * 100.0,
                    self.args
                        .baseline
                        .as_deref()
                        .unwrap_or("the naive baseline")
                ),
            ),
            Action::RollBack(Some(version)) => (
                format!("{}", self.repository.version_folder(*version).display()),
                format!("goes back to version {version}"),
            ),
            Action::Promote => (
                format!("{}", folder.display()),
                "serves the version that is tried out".to_owned(),
            ),
            Action::RollBack(None) => (
                format!("{}", folder.display()),
                "goes back to the version before the last deployed one".to_owned(),
            ),
        };
        let mut writes = vec![format!(
            "{} (versions, and which of them is served)",
            folder.display()
        )];
        let documents = [&self.args.deployment, &self.args.report];
        writes.extend(documents.into_iter().flatten().map(Uri::to_string));
        Plan {
            reads: vec![read],
            does: vec![what, ask],
            writes,
        }
    }

    async fn deploy(&self, folder: &Uri) -> Result<(Deployment, Servable), Error> {
        let (files, model) = Servable::open(&self.storage, folder).await?;
        let baseline = self.args.baseline.as_deref();
        let gate = gate::judge(model.metrics(), baseline, self.args.min_improvement);
        let gate = gate.map_err(|source| Error::Baseline {
            folder: folder.clone(),
            source,
        })?;
        if !gate.passed {
            return Ok((self.refuse(&files, &model, gate)?, model));
        }
        let locked = self.lock().await?;
        let before = locked.pointer()?;
        if self.args.canary.is_some() && before.settled().model_version.is_none() {
            return Err(Error::NothingBeside {
                model_name: self.repository.model_name().to_owned(),
            });
        }
        let version = locked.install(&files, &before)?;
        let Some(percent) = self.args.canary else {
            let after = before.deploy(version);
            self.switch(&locked, &before, &after, version, &model)
                .await?;
            return Ok((self.record(&files, &model, Some(gate), &after), model));
        };
        let after = before.try_out(Canary {
            model_version: version,
            percent,
        });
        self.switch(&locked, &before, &after, version, &model)
            .await?;
        let record = Deployment {
            deployed: false,
            reason: Some(format!(
                "version {version} is tried out on {percent} % of the requests"
            )),
            ..self.record(&files, &model, Some(gate), &after)
        };
        Ok((record, model))
    }

    /// Ends a run whose model is not good enough; what is served stays.
    fn refuse(
        &self,
        files: &ModelFiles,
        model: &Servable,
        gate: GateResult,
    ) -> Result<Deployment, Error> {
        let reason = gate::reason(&gate, model.metrics().unit.as_deref());
        if self.args.gate == GateMode::Enforce {
            return Err(Error::Refused { reason });
        }
        warn!("not deployed because {reason}");
        let served = self.repository.pointer()?.unwrap_or_else(Pointer::new);
        Ok(Deployment {
            deployed: false,
            reason: Some(reason),
            golden_rows: 0,
            endpoint: None,
            ..self.record(files, model, Some(gate), &served)
        })
    }

    async fn roll_back(&self, wanted: Option<u64>) -> Result<(Deployment, Servable), Error> {
        let locked = self.lock().await?;
        let before = locked.pointer()?;
        let refused = |wanted: String| Error::Rollback {
            model_name: self.repository.model_name().to_owned(),
            wanted,
            kept: before.history.clone(),
            served: before.model_version,
        };
        let version = match wanted {
            Some(version) if before.history.contains(&version) => version,
            Some(version) => return Err(refused(format!("version {version}"))),
            None if before.canary.is_some() => before
                .model_version
                .expect("a version is tried out beside another"),
            None => before
                .previous()
                .ok_or_else(|| refused("an earlier version".to_owned()))?,
        };
        let folder = self.repository.version_folder(version);
        let (files, model) = Servable::open_installed(&folder)?;
        let after = before.roll_back(version);
        self.switch(&locked, &before, &after, version, &model)
            .await?;
        Ok((self.record(&files, &model, None, &after), model))
    }

    async fn promote(&self) -> Result<(Deployment, Servable), Error> {
        let locked = self.lock().await?;
        let before = locked.pointer()?;
        let canary = before.canary.ok_or_else(|| Error::NothingTriedOut {
            model_name: self.repository.model_name().to_owned(),
        })?;
        let version = canary.model_version;
        let folder = self.repository.version_folder(version);
        let (files, model) = Servable::open_installed(&folder)?;
        let after = before.deploy(version);
        self.switch(&locked, &before, &after, version, &model)
            .await?;
        Ok((self.record(&files, &model, None, &after), model))
    }

    async fn lock(&self) -> Result<Locked<'_>, RepositoryError> {
        let timeout = Duration::from_secs(self.args.lock_timeout);
        self.repository.lock(timeout, &self.context.cancel).await
    }

    /// Serves another version; it stays when it answers over HTTP, or else the switch is undone.
    async fn switch(
        &self,
        locked: &Locked<'_>,
        before: &Pointer,
        after: &Pointer,
        version: u64,
        model: &Servable,
    ) -> Result<(), Error> {
        if after != before {
            locked.switch(after)?;
        }
        if let Err(source) = self.check(version, model).await {
            let settled = after.settled().alone();
            let consequence = match settled.model_version {
                Some(served) if after.canary.is_some() => {
                    format!("version {served} is served alone")
                }
                _ if settled == *after => "it was served before this run and still is".to_owned(),
                Some(earlier) => format!("version {earlier} is served again"),
                None => "no version is served".to_owned(),
            };
            locked.switch(&settled)?;
            return Err(Error::Check {
                model_name: self.repository.model_name().to_owned(),
                version,
                consequence,
                source: Box::new(source),
            });
        }
        let confirmed = after.confirmed(self.args.keep);
        if confirmed != *before {
            locked.switch(&confirmed)?;
        }
        locked.prune(&confirmed)?;
        info!(
            version,
            "`{}` answers over HTTP as it should",
            self.repository.model_name()
        );
        Ok(())
    }

    /// Predicts the golden rows through the running server, or through one of its own.
    async fn check(&self, version: u64, model: &Servable) -> Result<(), CheckError> {
        let cancel = &self.context.cancel;
        let check = |url, timeout| Check {
            url,
            model_name: self.repository.model_name(),
            version,
            golden: model.golden(),
            timeout,
        };
        let client = reqwest::Client::builder();
        if let Some(url) = &self.endpoint {
            let client = client.build().map_err(CheckError::Client)?;
            let timeout = Duration::from_secs(self.args.check_timeout);
            return check(url.clone(), timeout).run(&client, cancel).await;
        }
        let client = client.no_proxy().build().map_err(CheckError::Client)?;
        let source = Source::Repository {
            repository: self.repository.clone(),
            poll_interval: Duration::from_secs(1),
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::start(
            source,
            0,
            address,
            Routes::default(),
            LimitArgs::DEFAULT,
            Telemetry::quiet(),
        )
        .await?;
        let url = format!("http://{}{DEFAULT_PREDICT_ROUTE}", server.address);
        let url = Url::parse(&url).expect("an address and a constant path");
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.run(stop.clone()));
        let result = check(url, Duration::ZERO).run(&client, cancel).await;
        stop.cancel();
        drop(client);
        let _ = serving.await;
        result
    }

    fn record(
        &self,
        files: &ModelFiles,
        model: &Servable,
        gate: Option<GateResult>,
        pointer: &Pointer,
    ) -> Deployment {
        let pointer = pointer.confirmed(self.args.keep);
        let served = pointer.model_version;
        Deployment {
            version: artifacts::FORMAT_VERSION,
            deployed: true,
            reason: None,
            model_name: self.repository.model_name().to_owned(),
            model_version: served.map(|version| version.to_string()),
            previous_version: pointer
                .previous()
                .filter(|previous| Some(*previous) != served)
                .map(|version| version.to_string()),
            endpoint: self.endpoint.as_ref().map(Url::to_string),
            gate,
            golden_rows: model.golden().instances.len() as u64,
            provenance: Provenance {
                build: self.context.build(),
                inputs: files.digests(),
            },
        }
    }
}

/// The predict address of a running server. It is logged and recorded, so it may hold no secret:
/// a refused one is not repeated either.
pub(crate) fn endpoint(text: &str) -> Result<Url, Error> {
    let refused = |value: &str, problem| Error::Flag {
        flag: "--endpoint",
        value: value.to_owned(),
        problem,
        hint: "give the predict address, for example http://127.0.0.1:8080/predict",
    };
    let mut url = Url::parse(text).map_err(|_| refused("…", "is not a URL"))?;
    let host = url.host_str().unwrap_or("…");
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(host, "is neither http nor https"));
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err(refused(host, "has a user, a query or a fragment"));
    }
    if url.path() == "/" {
        url.set_path(DEFAULT_PREDICT_ROUTE);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_without_a_path_means_the_default_route() {
        for text in ["http://h:1", "http://h:1/", "http://h:1/predict"] {
            assert_eq!(endpoint(text).unwrap().as_str(), "http://h:1/predict");
        }
        let route = "https://h/v1/endpoints/1/deployedModels/2:predict";
        assert_eq!(endpoint(route).unwrap().as_str(), route);
    }

    #[test]
    fn an_endpoint_is_an_http_address() {
        for text in ["localhost:8080", "ftp://h/predict", "/predict", "gs://b/o"] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_endpoint_with_a_secret_is_refused_without_repeating_it() {
        let places = [
            "http://me:secret@h/p",
            "http://h/p?key=secret",
            "http://h/p#secret",
        ];
        for text in places {
            assert_eq!(
                endpoint(text).unwrap_err().to_string(),
                "--endpoint \"h\" has a user, a query or a fragment"
            );
        }
    }
}
