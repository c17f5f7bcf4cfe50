//! Moves raw data from any HTTP source, or a file, into a storage bucket.
//!
//! The bytes stream through, whatever their number. A broken download is resumed where it broke
//! as long as the source is still the same; the destination changes only once everything has
//! arrived and was found right; and a source that has not changed since it was stored costs one
//! HEAD request.

mod address;
mod args;
mod download;
mod entity;
mod error;
mod file;
mod http;
mod inspect;
mod origin;
mod plan;
mod record;
mod redact;
mod retry;
mod transfer;

use component::{Artifact, ArtifactKind, Contract, Outcome, Outputs, Parameter, ParameterKind};
use serde_json::{Map, Value};
use storage::Storage;
use tokio::time::Instant;
use tracing::info;

pub use address::SourceAddress;
pub use args::{Args, Limits};
pub use error::{Error, ReadError};

use file::FileOrigin;
use http::{HttpClient, HttpOptions, HttpOrigin};
use origin::Origin;
use plan::{Plan, Transfer};
use retry::RetryPolicy;
use transfer::{Setup, Stored};

/// The component as the pipeline sees it.
pub const CONTRACT: Contract = Contract {
    name: "gcs-ingest",
    about: "Moves raw data from any HTTP source or file into a storage bucket",
    input_artifacts: &[],
    output_artifacts: &[Artifact {
        name: "raw_data",
        kind: ArtifactKind::Dataset,
        help: "The data as it came; its metadata tells from where",
    }],
    output_parameters: &[Parameter {
        name: "raw_data_uri",
        kind: ParameterKind::String,
        help: "Storage address of the data, a folder if there are several sources",
    }],
    subcommands: &[],
};

/// Transfers every source to its place, one after the other.
pub async fn run(args: Args, context: component::Context) -> Result<Outcome, Error> {
    let plan = Plan::new(&args)?;
    if context.dry_run {
        return Ok(Outcome::Plan(plan.describe()));
    }
    let work = ingest(&args, &plan, &context);
    tokio::select! {
        biased;
        () = context.cancel.cancelled() => Err(Error::Cancelled),
        outputs = work => Ok(Outcome::Done(outputs?)),
    }
}

async fn ingest(args: &Args, plan: &Plan, context: &component::Context) -> Result<Outputs, Error> {
    let limits = &args.limits;
    let storage = Storage::from_env();
    if let Some((bucket, options)) = &plan.bucket {
        let outcome = storage.ensure_bucket(bucket, options).await?;
        info!("bucket gs://{bucket}: {outcome:?}");
    }
    let setup = Setup {
        storage: &storage,
        context,
        retry: RetryPolicy {
            max_attempts: limits.max_attempts,
            initial_delay: limits.retry_initial_delay,
            max_delay: limits.retry_max_delay,
        },
        force: args.force,
    };
    let mut all = Vec::with_capacity(plan.transfers.len());
    for (transfer, origin) in plan.transfers.iter().zip(origins(plan, limits)?) {
        let deadline = Instant::now() + limits.timeout;
        let stored = tokio::time::timeout_at(deadline, setup.transfer(transfer, &origin, deadline))
            .await
            .map_err(|_| Error::Timeout {
                address: transfer.source.to_string(),
                timeout: limits.timeout,
            })??;
        info!(
            bytes = stored.meta.size,
            "{} holds {}", stored.meta.uri, transfer.source
        );
        all.push(stored);
    }
    let mut metadata = metadata(&all);
    if let Some(version) = &args.data_version {
        metadata.insert("data_version".to_owned(), version.as_str().into());
    }
    Ok(Outputs::new()
        .artifact("raw_data", &plan.destination, metadata.into())
        .parameter("raw_data_uri", plan.destination.to_string()))
}

/// How to get at each source; all HTTP sources share one client.
fn origins(plan: &Plan, limits: &Limits) -> Result<Vec<Origin>, Error> {
    let options = HttpOptions {
        connect_timeout: limits.connect_timeout,
        read_timeout: limits.read_timeout,
        max_redirects: limits.max_redirects,
    };
    let mut client: Option<HttpClient> = None;
    let origin = |transfer: &Transfer| {
        let source = &transfer.source;
        let url = match source {
            SourceAddress::File(path) => return Ok(Origin::File(FileOrigin(path.clone()))),
            SourceAddress::Http(url) => url.clone(),
        };
        let http = match &client {
            Some(client) => client.clone(),
            None => client
                .insert(HttpClient::new(options).map_err(|error| Error::Read {
                    address: source.to_string(),
                    source: error,
                })?)
                .clone(),
        };
        Ok(Origin::Http(HttpOrigin {
            http,
            url,
            promises_html: source.promises_html(),
        }))
    };
    plan.transfers.iter().map(origin).collect()
}

/// The provenance of everything stored: plain keys for one object; for several the totals, and
/// each object's own behind its name.
fn metadata(all: &[Stored]) -> Map<String, Value> {
    let mut metadata = Map::new();
    if let [only] = all {
        only.record.describe(&only.meta, "", &mut metadata);
        return metadata;
    }
    metadata.insert("files".to_owned(), all.len().into());
    let bytes: u64 = all.iter().map(|stored| stored.meta.size).sum();
    metadata.insert("bytes".to_owned(), bytes.into());
    for stored in all {
        let name = stored.meta.uri.file_name().unwrap_or_default();
        stored
            .record
            .describe(&stored.meta, &format!("{name}."), &mut metadata);
    }
    metadata
}
