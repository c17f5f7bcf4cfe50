//! Dataflow: Flex Template jobs, their messages and metrics.
//! <https://cloud.google.com/dataflow/docs/reference/rest>

mod client;
mod metrics;
mod state;
mod template;

pub use client::Dataflow;
pub use metrics::Metric;
pub use template::{FlexTemplate, WorkerOptions};
