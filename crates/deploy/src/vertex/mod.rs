//! `deploy --target vertex`: a model on an endpoint of Vertex AI.
//!
//! A new version gets a part of the traffic first, or all where it is alone; when it has predicted
//! the golden rows it gets everything, and what was there before is taken off the endpoint. If it
//! fails, it is taken off, and the traffic is as it was. Versions stay in the registry: the alias
//! `default` names the served one, `previous` the one before, `candidate` one that is tried out.
//! Every step asks what is there before it changes anything, so a run after a killed one goes on.

mod release;
mod site;
pub(crate) mod teardown;
mod traffic;

pub(crate) use release::run;
