//! What to serve and where: flags, and the variables Vertex AI sets.

use std::net::SocketAddr;
use std::time::Duration;

use storage::Uri;

use super::slot::Source;
use super::telemetry::{AccessMode, OtlpConfig, SampleConfig};
use crate::args::{LimitArgs, ServeArgs};
use crate::{Error, target};

/// Path of the health route where nothing else is said.
pub(crate) const DEFAULT_HEALTH_ROUTE: &str = "/health";
/// Path of the predict route where nothing else is said.
pub(crate) const DEFAULT_PREDICT_ROUTE: &str = "/predict";
/// Vertex AI's default port.
const DEFAULT_PORT: u16 = 8080;

/// Variables Vertex AI sets for a prediction container:
/// <https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements#aip-variables>.
mod aip {
    /// Port to listen on.
    pub(super) const HTTP_PORT: &str = "AIP_HTTP_PORT";
    /// Path of the health checks.
    pub(super) const HEALTH_ROUTE: &str = "AIP_HEALTH_ROUTE";
    /// Path of the predictions.
    pub(super) const PREDICT_ROUTE: &str = "AIP_PREDICT_ROUTE";
    /// Folder of the model's files; an empty string without any.
    pub(super) const STORAGE_URI: &str = "AIP_STORAGE_URI";
    /// With the next one, the routes where the platform names none.
    pub(super) const ENDPOINT_ID: &str = "AIP_ENDPOINT_ID";
    /// See [`ENDPOINT_ID`].
    pub(super) const DEPLOYED_MODEL_ID: &str = "AIP_DEPLOYED_MODEL_ID";
}

/// Paths the server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Routes {
    /// Answers GET when the model is ready.
    pub(crate) health: String,
    /// Answers POST with predictions.
    pub(crate) predict: String,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            health: DEFAULT_HEALTH_ROUTE.to_owned(),
            predict: DEFAULT_PREDICT_ROUTE.to_owned(),
        }
    }
}

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) source: Source,
    pub(crate) address: SocketAddr,
    pub(crate) routes: Routes,
    pub(crate) limits: LimitArgs,
    pub(crate) access_log: AccessMode,
    /// Where spans go; nowhere where the environment names no collector.
    pub(crate) collector: Option<OtlpConfig>,
    /// Where samples go.
    pub(crate) samples: Option<SampleConfig>,
    /// Rows over which inputs are compared with the train rows; 0 compares nothing.
    pub(crate) drift_window: usize,
}

impl Config {
    /// A flag wins over Vertex AI's variable, which wins over the default. `variable` looks a
    /// variable up; an empty one counts as unset.
    pub(crate) fn new(
        args: &ServeArgs,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        Ok(Self {
            source: source(args, variable(aip::STORAGE_URI))?,
            address: SocketAddr::new(args.host, port(args, variable(aip::HTTP_PORT))?),
            routes: routes(args, &variable)?,
            limits: args.limits,
            access_log: args.access_log,
            collector: OtlpConfig::read(&variable)?,
            samples: samples(args)?,
            drift_window: args.drift_window as usize,
        })
    }
}

fn source(args: &ServeArgs, storage_uri: Option<String>) -> Result<Source, Error> {
    if args.target.model_repository.is_some() {
        return Ok(Source::Repository {
            repository: target::repository(&args.target)?,
            poll_interval: Duration::from_millis(args.poll_interval_ms),
        });
    }
    let folder: Uri = match (&args.model, storage_uri) {
        (Some(folder), _) => folder.clone(),
        (None, Some(text)) => text.parse().map_err(|_| Error::Flag {
            flag: aip::STORAGE_URI,
            value: text,
            problem: "is not an address",
            hint: "give --model gs://bucket/folder",
        })?,
        (None, None) => return Err(Error::NothingToServe),
    };
    Ok(Source::Folder {
        folder,
        model_name: target::model_name(&args.target.model_name)?,
    })
}

fn samples(args: &ServeArgs) -> Result<Option<SampleConfig>, Error> {
    let Some(path) = args.sample_log.clone() else {
        return Ok(None);
    };
    if !(args.sample_rate > 0.0 && args.sample_rate <= 1.0) {
        return Err(Error::Flag {
            flag: "--sample-rate",
            value: args.sample_rate.to_string(),
            problem: "is not a part of the requests",
            hint: "give a number above 0 and at most 1",
        });
    }
    Ok(Some(SampleConfig {
        path,
        rate: args.sample_rate,
        max_bytes: args.sample_log_max_bytes,
    }))
}

fn port(args: &ServeArgs, http_port: Option<String>) -> Result<u16, Error> {
    match (args.port, http_port) {
        (Some(port), _) => Ok(port),
        (None, Some(text)) => text.parse().map_err(|_| Error::Flag {
            flag: aip::HTTP_PORT,
            value: text,
            problem: "is not a port",
            hint: "give --port a number from 0 to 65535",
        }),
        (None, None) => Ok(DEFAULT_PORT),
    }
}

fn routes(args: &ServeArgs, variable: &impl Fn(&str) -> Option<String>) -> Result<Routes, Error> {
    let fallback = match (variable(aip::ENDPOINT_ID), variable(aip::DEPLOYED_MODEL_ID)) {
        (Some(endpoint), Some(model)) => {
            let health = format!("/v1/endpoints/{endpoint}/deployedModels/{model}");
            let predict = format!("{health}:predict");
            Routes { health, predict }
        }
        _ => Routes::default(),
    };
    let health = args.health_route.clone();
    let predict = args.predict_route.clone();
    Ok(Routes {
        health: route(
            "--health-route",
            health
                .or_else(|| variable(aip::HEALTH_ROUTE))
                .unwrap_or(fallback.health),
        )?,
        predict: route(
            "--predict-route",
            predict
                .or_else(|| variable(aip::PREDICT_ROUTE))
                .unwrap_or(fallback.predict),
        )?,
    })
}

/// A path that means itself: no query, no pattern.
fn route(flag: &'static str, path: String) -> Result<String, Error> {
    let plain = |c: char| c.is_ascii_graphic() && !"{}*?#".contains(c);
    if path.starts_with('/') && path.chars().all(plain) {
        return Ok(path);
    }
    Err(Error::Flag {
        flag,
        value: path,
        problem: "is not a path",
        hint: "start it with `/` and leave out blanks, `?`, `#`, `*`, `{` and `}`",
    })
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn config(flags: &[&str], variables: &[(&str, &str)]) -> Result<Config, String> {
        let command = ServeArgs::augment_args(clap::Command::new("serve"));
        let argv = std::iter::once("serve").chain(flags.iter().copied());
        let matches = command.try_get_matches_from(argv).unwrap();
        let args = ServeArgs::from_arg_matches(&matches).unwrap();
        Config::new(&args, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn vertex_ai_needs_no_flags() {
        let config = config(
            &[],
            &[
                ("AIP_HTTP_PORT", "8081"),
                ("AIP_HEALTH_ROUTE", "/ready"),
                ("AIP_PREDICT_ROUTE", "/v1/p:predict"),
                ("AIP_STORAGE_URI", "gs://bucket/model"),
                ("AIP_ENDPOINT_ID", "12"),
                ("AIP_DEPLOYED_MODEL_ID", "34"),
            ],
        )
        .unwrap();
        assert_eq!(config.address.to_string(), "0.0.0.0:8081");
        assert_eq!(config.source.to_string(), "gs://bucket/model");
        assert_eq!(config.routes.health, "/ready");
        assert_eq!(config.routes.predict, "/v1/p:predict");
    }

    #[test]
    fn routes_the_platform_does_not_name_are_made_from_its_ids() {
        let ids = [("AIP_ENDPOINT_ID", "12"), ("AIP_DEPLOYED_MODEL_ID", "34")];
        let routes = config(&["--model", "m"], &ids).unwrap().routes;
        assert_eq!(routes.health, "/v1/endpoints/12/deployedModels/34");
        assert_eq!(routes.predict, "/v1/endpoints/12/deployedModels/34:predict");
    }

    #[test]
    fn flags_win_and_without_either_there_are_defaults() {
        let aip = [
            ("AIP_HTTP_PORT", "8081"),
            ("AIP_STORAGE_URI", "gs://bucket/model"),
        ];
        let flags = ["--model", "m", "--port", "0", "--host", "127.0.0.1"];
        let config_of_both = config(&flags, &aip).unwrap();
        assert_eq!(config_of_both.address.to_string(), "127.0.0.1:0");
        assert_eq!(config_of_both.source.to_string(), "m");
        let default = config(&["--model", "m"], &[]).unwrap();
        assert_eq!(default.address.to_string(), "0.0.0.0:8080");
        assert_eq!(default.routes, Routes::default());
    }

    #[test]
    fn an_empty_storage_address_means_none() {
        assert_eq!(
            config(&[], &[("AIP_STORAGE_URI", "")]).unwrap_err(),
            "there is no model to serve: neither --model, --model-repository nor AIP_STORAGE_URI"
        );
    }

    #[test]
    fn values_that_mean_nothing_are_refused() {
        let model = ["--model", "m"];
        assert_eq!(
            config(&model, &[("AIP_HTTP_PORT", "http")]).unwrap_err(),
            "AIP_HTTP_PORT \"http\" is not a port"
        );
        assert_eq!(
            config(&model, &[("AIP_HEALTH_ROUTE", "health")]).unwrap_err(),
            "--health-route \"health\" is not a path"
        );
        assert_eq!(
            config(&["--model", "m", "--predict-route", "/{any}"], &[]).unwrap_err(),
            "--predict-route \"/{any}\" is not a path"
        );
    }
}
