//! Where spans go and which, by the standard variables:
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::sampler::Sampler;
use crate::Error;

const DISABLED: &str = "OTEL_SDK_DISABLED";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TRACES_HEADERS: &str = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const TRACES_TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

/// Path of the traces below the endpoint of all signals.
const TRACES_PATH: &str = "v1/traces";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_SAMPLER: &str = "parentbased_always_on";
const DEFAULT_SERVICE_NAME: &str = "deploy";

/// How a request's body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    Protobuf,
}

/// A collector, and what it is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OtlpConfig {
    pub(super) endpoint: Url,
    pub(super) headers: HeaderMap,
    pub(super) encoding: Encoding,
    pub(super) timeout: Duration,
    /// Who tells it; names and values.
    pub(super) resource: Vec<(String, String)>,
    pub(super) sampler: Sampler,
}

impl OtlpConfig {
    /// What the variables say; nothing where they name no collector. `variable` takes an empty
    /// one for unset.
    pub(crate) fn read(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Error> {
        let either = |specific: &'static str, general: &'static str| {
            let found = variable(specific).map(|value| (specific, value));
            found.or_else(|| variable(general).map(|value| (general, value)))
        };
        let is_off = variable(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let Some(found) = either(TRACES_ENDPOINT, ENDPOINT).filter(|_| !is_off) else {
            return Ok(None);
        };
        match variable(EXPORTER).as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(other) => {
                return refuse(
                    EXPORTER,
                    other,
                    "is not an exporter this server has",
                    "set it to otlp or none",
                );
            }
        }
        Ok(Some(Self {
            endpoint: endpoint(found)?,
            headers: either(TRACES_HEADERS, HEADERS).map_or(Ok(HeaderMap::new()), headers)?,
            encoding: either(TRACES_PROTOCOL, PROTOCOL).map_or(Ok(Encoding::Protobuf), encoding)?,
            timeout: either(TRACES_TIMEOUT, TIMEOUT).map_or(Ok(DEFAULT_TIMEOUT), timeout)?,
            resource: resource(variable(SERVICE_NAME), variable(RESOURCE))?,
            sampler: sampler(variable(SAMPLER), variable(SAMPLER_ARG))?,
        }))
    }
}

fn endpoint((name, value): (&'static str, String)) -> Result<Url, Error> {
    let is_http = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let Some(mut url) = Url::parse(&value).ok().filter(is_http) else {
        return refuse(
            name,
            &value,
            "is not an HTTP address",
            "give a collector's address, for example http://localhost:4318",
        );
    };
    if name == ENDPOINT {
        let path = url.path().trim_end_matches('/');
        let path = format!("{path}/{TRACES_PATH}");
        url.set_path(&path);
    }
    Ok(url)
}

/// `name=value` pairs with commas between them; values are percent-encoded.
fn pairs(list: &str) -> impl Iterator<Item = Option<(&str, String)>> {
    let entries = list.split(',').map(str::trim);
    entries.filter(|entry| !entry.is_empty()).map(|entry| {
        let (name, value) = entry.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        Some((name.trim(), value.into_owned()))
    })
}

/// What is wrong with a header is said without its value, which may be a key.
fn headers((variable, list): (&'static str, String)) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (index, pair) in pairs(&list).enumerate() {
        let header = pair.and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(&value).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        });
        let Some((name, value)) = header else {
            return refuse(
                variable,
                &format!("entry {}", index + 1),
                "is not a header",
                "give name=value pairs with commas between them, the values percent-encoded",
            );
        };
        headers.insert(name, value);
    }
    Ok(headers)
}

fn encoding((name, value): (&'static str, String)) -> Result<Encoding, Error> {
    match value.as_str() {
        "http/protobuf" => Ok(Encoding::Protobuf),
        "http/json" => Ok(Encoding::Json),
        _ => refuse(
            name,
            &value,
            "is not a protocol this server speaks",
            "set it to http/protobuf or http/json, and the endpoint to the collector's HTTP port, \
             usually 4318",
        ),
    }
}

fn timeout((name, value): (&'static str, String)) -> Result<Duration, Error> {
    match value.parse() {
        Ok(millis) if millis > 0 => Ok(Duration::from_millis(millis)),
        _ => refuse(
            name,
            &value,
            "is not a number of milliseconds",
            "give a whole number above 0",
        ),
    }
}

fn resource(
    service: Option<String>,
    attributes: Option<String>,
) -> Result<Vec<(String, String)>, Error> {
    const NAME: &str = "service.name";
    const VERSION: &str = "service.version";
    let list = attributes.unwrap_or_default();
    let mut resource = Vec::new();
    for pair in pairs(&list) {
        match pair {
            Some((name, value)) if !name.is_empty() => resource.push((name.to_owned(), value)),
            _ => {
                return refuse(
                    RESOURCE,
                    &list,
                    "is not a list of attributes",
                    "give name=value pairs with commas between them, the values percent-encoded",
                );
            }
        }
    }
    if service.is_some() {
        resource.retain(|(name, _)| name != NAME);
    }
    let mut default = |name: &str, value: String| {
        if !resource.iter().any(|(known, _)| known == name) {
            resource.push((name.to_owned(), value));
        }
    };
    default(
        NAME,
        service.unwrap_or_else(|| DEFAULT_SERVICE_NAME.to_owned()),
    );
    default(VERSION, component::version().to_owned());
    Ok(resource)
}

fn sampler(name: Option<String>, argument: Option<String>) -> Result<Sampler, Error> {
    let name = name.unwrap_or_else(|| DEFAULT_SAMPLER.to_owned());
    let ratio = match argument {
        Some(text) if name.ends_with("traceidratio") => match text.parse() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => ratio,
            _ => {
                return refuse(
                    SAMPLER_ARG,
                    &text,
                    "is not a part of the traces",
                    "give a number from 0 to 1",
                );
            }
        },
        // For other samplers it means nothing.
        _ => 1.0,
    };
    match Sampler::named(&name, ratio) {
        Some(sampler) => Ok(sampler),
        None => refuse(
            SAMPLER,
            &name,
            "is not a sampler this server has",
            "set it to always_on, always_off or traceidratio, or one of them with parentbased_ \
             before it",
        ),
    }
}

fn refuse<T>(
    flag: &'static str,
    value: &str,
    problem: &'static str,
    hint: &'static str,
) -> Result<T, Error> {
    Err(Error::Flag {
        flag,
        value: value.to_owned(),
        problem,
        hint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<OtlpConfig>, String> {
        OtlpConfig::read(&|name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
        .map_err(|error| error.to_string())
    }

    fn config(variables: &[(&str, &str)]) -> OtlpConfig {
        read(variables).unwrap().unwrap()
    }

    const ANY: (&str, &str) = (ENDPOINT, "http://collector:4318");

    #[test]
    fn without_a_collector_there_is_nothing_to_do() {
        assert_eq!(read(&[(SERVICE_NAME, "prices")]), Ok(None));
        assert_eq!(read(&[ANY, (DISABLED, "true")]), Ok(None));
        assert_eq!(read(&[ANY, (EXPORTER, "none")]), Ok(None));
    }

    #[test]
    fn a_collector_is_enough() {
        let config = config(&[ANY]);
        assert_eq!(config.endpoint.as_str(), "http://collector:4318/v1/traces");
        assert_eq!(config.encoding, Encoding::Protobuf);
        assert_eq!(config.timeout, Duration::from_secs(10));
        assert_eq!(
            config.resource,
            [
                ("service.name", "deploy"),
                ("service.version", component::version())
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert!(config.sampler.is_parent_based);
        assert_eq!(config.sampler.ratio, 1.0);
    }

    #[test]
    fn a_variable_of_the_traces_comes_before_the_one_of_all_signals() {
        let config = config(&[
            (ENDPOINT, "http://other"),
            (TRACES_ENDPOINT, "https://collector/spans"),
            (HEADERS, "a=1"),
            (TRACES_HEADERS, "Authorization=Bearer%20x, b = 2 ,"),
            (PROTOCOL, "grpc"),
            (TRACES_PROTOCOL, "http/json"),
            (TRACES_TIMEOUT, "250"),
        ]);
        assert_eq!(config.endpoint.as_str(), "https://collector/spans");
        assert_eq!(config.headers.len(), 2);
        assert_eq!(config.headers["authorization"], "Bearer x");
        assert_eq!(config.headers["b"], "2");
        assert_eq!(config.encoding, Encoding::Json);
        assert_eq!(config.timeout, Duration::from_millis(250));
    }

    #[test]
    fn the_services_name_comes_before_the_attributes() {
        let attributes = (RESOURCE, "service.name=a,team=market%20data");
        let resource = |more: &[(&str, &str)]| {
            let config = config(&[&[ANY, attributes], more].concat());
            config.resource[..config.resource.len() - 1].to_vec()
        };
        let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            resource(&[]),
            [owned("service.name", "a"), owned("team", "market data")]
        );
        assert_eq!(
            resource(&[(SERVICE_NAME, "b")]),
            [owned("team", "market data"), owned("service.name", "b")]
        );
    }

    #[test]
    fn a_ratio_is_the_samplers_argument() {
        let ratio = (SAMPLER, "traceidratio");
        assert_eq!(
            config(&[ANY, ratio, (SAMPLER_ARG, "0.25")]).sampler.ratio,
            0.25
        );
        assert_eq!(config(&[ANY, ratio]).sampler.ratio, 1.0);
        let off = (SAMPLER, "always_off");
        assert_eq!(config(&[ANY, off, (SAMPLER_ARG, "x")]).sampler.ratio, 0.0);
    }

    #[test]
    fn values_that_mean_nothing_here_are_refused_by_name() {
        for (name, value, refused) in [
            (
                ENDPOINT,
                "collector:4318",
                "OTEL_EXPORTER_OTLP_ENDPOINT \"collector:4318\" is not an HTTP address",
            ),
            (
                PROTOCOL,
                "grpc",
                "OTEL_EXPORTER_OTLP_PROTOCOL \"grpc\" is not a protocol this server speaks",
            ),
            (
                HEADERS,
                "a=1,secret",
                "OTEL_EXPORTER_OTLP_HEADERS \"entry 2\" is not a header",
            ),
            (
                TIMEOUT,
                "10s",
                "OTEL_EXPORTER_OTLP_TIMEOUT \"10s\" is not a number of milliseconds",
            ),
            (
                RESOURCE,
                "team",
                "OTEL_RESOURCE_ATTRIBUTES \"team\" is not a list of attributes",
            ),
            (
                SAMPLER,
                "xray",
                "OTEL_TRACES_SAMPLER \"xray\" is not a sampler this server has",
            ),
            (
                EXPORTER,
                "zipkin",
                "OTEL_TRACES_EXPORTER \"zipkin\" is not an exporter this server has",
            ),
        ] {
            let refusal = read(&[(name, value), ANY]).unwrap_err();
            assert_eq!(refusal, refused);
        }
        let ratio = [ANY, (SAMPLER, "traceidratio"), (SAMPLER_ARG, "2")];
        assert_eq!(
            read(&ratio).unwrap_err(),
            "OTEL_TRACES_SAMPLER_ARG \"2\" is not a part of the traces"
        );
    }
}
