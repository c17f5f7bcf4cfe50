//! The paths of the server, and who answers them.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, header};
use axum::response::IntoResponse;

use super::app::App;
use super::config::Routes;
use super::rejection::Rejection;
use super::telemetry::Protocol;
use super::{document, grpc, predict, v1, v2};

/// What a path leads to; `model` and `version` are as the path has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint<'p> {
    /// The page for people.
    Page,
    /// The description for programs.
    OpenApi,
    Metrics,
    Health,
    /// Vertex AI's predict call.
    Predict,
    /// Health at GET, predictions at POST: the platform names one path for both.
    HealthAndPredict,
    V1Models,
    V1Model(&'p str),
    V1Predict(&'p str),
    V2(v2::Endpoint<'p>),
}

impl<'p> Endpoint<'p> {
    fn of(path: &'p str, routes: &Routes) -> Option<Self> {
        match (path == routes.health, path == routes.predict) {
            (true, true) => return Some(Self::HealthAndPredict),
            (true, false) => return Some(Self::Health),
            (false, true) => return Some(Self::Predict),
            (false, false) => {}
        }
        Some(match path {
            "/" => Self::Page,
            "/openapi.json" => Self::OpenApi,
            "/metrics" => Self::Metrics,
            "/v1/models" => Self::V1Models,
            _ => {
                if let Some(model) = path.strip_prefix("/v1/models/") {
                    if model.is_empty() || model.contains('/') {
                        return None;
                    }
                    match model.strip_suffix(":predict") {
                        Some(model) => Self::V1Predict(model),
                        None => Self::V1Model(model),
                    }
                } else {
                    Self::V2(v2::Endpoint::of(path)?)
                }
            }
        })
    }

    fn protocol(self) -> Protocol {
        match self {
            Self::Predict | Self::HealthAndPredict => Protocol::Vertex,
            Self::V1Predict(_) => Protocol::V1,
            Self::V2(v2::Endpoint::Infer(_)) => Protocol::V2,
            _ => Protocol::Other,
        }
    }

    /// Methods it answers, as the `Allow` header has them.
    fn allows(self) -> &'static str {
        match self {
            Self::Predict | Self::V1Predict(_) | Self::V2(v2::Endpoint::Infer(_)) => "POST",
            Self::HealthAndPredict => "GET, HEAD, POST",
            _ => "GET, HEAD",
        }
    }
}

/// The protocol of a request, for the metrics.
pub(crate) fn protocol<B>(app: &App, request: &Request<B>) -> Protocol {
    if grpc::is_grpc(request.headers()) {
        return Protocol::Grpc;
    }
    let endpoint = Endpoint::of(request.uri().path(), &app.routes);
    endpoint.map_or(Protocol::Other, Endpoint::protocol)
}

/// The protocol of a path that answers POST with predictions of the served model.
pub(crate) fn predicts(app: &App, path: &str) -> Option<Protocol> {
    let endpoint = Endpoint::of(path, &app.routes)?;
    let predicts = match endpoint {
        Endpoint::Predict | Endpoint::HealthAndPredict => true,
        Endpoint::V1Predict(model) => model == app.slot.model_name(),
        _ => false,
    };
    predicts.then(|| endpoint.protocol())
}

/// Answers a request.
pub(crate) async fn answer(app: &Arc<App>, request: Request<Body>) -> Response<Body> {
    if grpc::is_grpc(request.headers()) {
        return grpc::answer(app, request).await;
    }
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let Some(endpoint) = Endpoint::of(path, &app.routes) else {
        let rejection = Rejection::NotFound {
            path: path.to_owned(),
            predict: app.routes.predict.clone(),
        };
        return rejection.into_response();
    };
    let is_read = head.method == Method::GET || head.method == Method::HEAD;
    let is_post = head.method == Method::POST;
    let headers = &head.headers;
    let answered = match endpoint {
        Endpoint::Predict | Endpoint::HealthAndPredict if is_post => {
            predict::predict(app, headers, body).await
        }
        Endpoint::V1Predict(model) if is_post => v1::predict(app, model, headers, body).await,
        Endpoint::V2(v2::Endpoint::Infer(model)) if is_post => {
            v2::infer(app, model, headers, body).await
        }
        Endpoint::Health | Endpoint::HealthAndPredict if is_read => predict::health(app),
        Endpoint::V1Models if is_read => v1::models(app),
        Endpoint::V1Model(model) if is_read => v1::model(app, model),
        Endpoint::V2(endpoint) if is_read && endpoint.is_read() => v2::read(app, endpoint),
        Endpoint::Metrics if is_read => Ok(document::metrics(app)),
        Endpoint::Page if is_read => Ok(document::page(app)),
        Endpoint::OpenApi if is_read => Ok(document::open_api(app)),
        _ => Ok(wrong_method(path, &head.method, endpoint.allows())),
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

fn wrong_method(path: &str, method: &Method, allows: &'static str) -> Response<Body> {
    let rejection = Rejection::Method {
        path: path.to_owned(),
        method: method.to_string(),
    };
    let mut response = rejection.into_response();
    let allows = HeaderValue::from_static(allows);
    response.headers_mut().insert(header::ALLOW, allows);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<Endpoint<'_>> {
        Endpoint::of(path, &Routes::default())
    }

    #[test]
    fn paths_lead_to_their_endpoints() {
        assert_eq!(of("/"), Some(Endpoint::Page));
        assert_eq!(of("/health"), Some(Endpoint::Health));
        assert_eq!(of("/v1/models"), Some(Endpoint::V1Models));
        assert_eq!(of("/v1/models/btc"), Some(Endpoint::V1Model("btc")));
        assert_eq!(
            of("/v1/models/btc:predict"),
            Some(Endpoint::V1Predict("btc"))
        );
        for path in [
            "",
            "/v1",
            "/v1/models/",
            "/v1/models/a/b",
            "/predict/",
            "/v2/x",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }

    #[test]
    fn the_platforms_routes_come_first() {
        let routes = Routes {
            health: "/v2/health/ready".to_owned(),
            predict: "/".to_owned(),
        };
        assert_eq!(
            Endpoint::of("/v2/health/ready", &routes),
            Some(Endpoint::Health)
        );
        assert_eq!(Endpoint::of("/", &routes), Some(Endpoint::Predict));
        let one = Routes {
            health: "/p".to_owned(),
            predict: "/p".to_owned(),
        };
        assert_eq!(
            Endpoint::of("/p", &one).map(Endpoint::allows),
            Some("GET, HEAD, POST")
        );
    }
}
