//! `deploy teardown --target vertex`: takes a model and its endpoint away.

use component::{Context, Outcome, Outputs, Plan};
use serde_json::Value;
use tracing::info;

use super::site::{Site, endpoint_id};
use super::traffic::State;
use crate::teardown::confirmed;
use crate::{Error, args::TeardownArgs, target};

/// Removes what is deployed, then the endpoint, then the model with all its versions, after
/// asking or with `--yes`. Nothing there is fine.
pub(crate) async fn run(args: &TeardownArgs, context: &Context) -> Result<Outcome, Error> {
    let name = target::model_name(&args.target.model_name)?;
    let site = Site::open(&args.place, name, context).await?;
    let endpoint = site.lookup(&site.endpoint()).await?;
    let model = site.lookup(&site.model()).await?;
    let what = describe(&site, endpoint.as_ref(), model.is_some());
    if context.dry_run {
        return Ok(Outcome::Plan(Plan {
            does: vec![format!("removes {what}")],
            ..Plan::default()
        }));
    }
    let is_there = endpoint.is_some() || model.is_some();
    if is_there && !args.yes && !confirmed(&what, context).await {
        return Err(Error::NotConfirmed {
            model_name: site.name,
        });
    }
    let key = args.place.key("teardown", [&site.name]);
    let state = State::of(endpoint.as_ref());
    if let Some(served) = state.served() {
        if state.traffic.len() > 1 {
            site.set_traffic(&[(served.to_owned(), 100)].into()).await?;
        }
        site.undeploy_others(&key, served).await?;
    }
    // The last one takes the traffic with it.
    for id in site.state().await?.versions.keys() {
        site.undeploy(&key, id).await?;
    }
    for (name, is_there) in [
        (site.endpoint(), endpoint.is_some()),
        (site.model(), model.is_some()),
    ] {
        if is_there {
            let change = site.vertex.delete(&name);
            site.make(&change, &key, &Value::Null).await?;
        }
    }
    info!("removed {what}");
    let resources = site.session.resources();
    let outputs = Outputs::new()
        .parameter("deployed", false)
        .parameter(cloud::GCP_RESOURCES.name, resources);
    Ok(Outcome::Done(outputs))
}

/// What there is to remove, in words.
fn describe(site: &Site, endpoint: Option<&Value>, model: bool) -> String {
    let name = &site.name;
    let deployed = State::of(endpoint).versions.len();
    let endpoint = endpoint.map(|_| {
        let id = endpoint_id(name);
        format!("the endpoint {id} with {deployed} deployed models")
    });
    let model = model.then(|| format!("the model `{name}` with all its versions"));
    let parts: Vec<String> = endpoint.into_iter().chain(model).collect();
    let project = site.session.project();
    if parts.is_empty() {
        return format!("nothing: there is no `{name}` in the project {project}");
    }
    format!("{} from the project {project}", parts.join(" and "))
}
