//! The pipeline as a job of Dataflow, and what it left.

use bytes::Bytes;
use cloud::{Session, Staging};
use component::Context;
use gcp::dataflow::{Dataflow, FlexTemplate, Metric, WorkerOptions};
use gcp::job::JobKey;
use serde::Serialize;
use serde_json::Value;
use storage::{PutOptions, Storage};

use super::{MALFORMED, ROWS, Stage, gather};
use crate::config::Config;
use crate::input::Input;
use crate::plan::Plan;
use crate::{DataflowArgs, Error};

/// The gathered table's name; messages and the provenance show it.
const TABLE: &str = "rows.csv";

/// What the job counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records of the raw files.
    pub rows_read: u64,
    /// Records of the series with all their cells.
    pub rows_kept: u64,
    /// Records of the series with more or fewer cells than the header.
    pub rows_malformed: u64,
}

/// A job that is to be run.
#[derive(Clone, Debug)]
pub struct Launch<'a> {
    args: &'a DataflowArgs,
    key: JobKey,
    staging: Staging,
    stage: Stage,
    request: Value,
}

/// What a job left.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The records it kept, one table.
    pub table: Input,
    /// What it counted, where the service says so.
    pub counts: Option<Counts>,
    /// The value of the output parameter `gcp_resources`.
    pub resources: String,
}

impl<'a> Launch<'a> {
    /// The job that reads `inputs` as `config` wants.
    pub fn new(
        args: &'a DataflowArgs,
        config: &Config,
        plan: &Plan,
        inputs: &[Input],
    ) -> Result<Self, Error> {
        // What makes two jobs different: what they do and what they read.
        let work = Stage::new(config, plan, Vec::new(), "").pipeline();
        let versions = inputs.iter().map(|input| {
            let meta = &input.meta;
            format!(
                "{} {} {:?} {:?}",
                meta.uri, meta.size, meta.crc32c, meta.generation
            )
        });
        let key = args
            .job
            .place
            .key("transform", [work].into_iter().chain(versions));
        let staging = Staging::new(&args.job, &key)?;
        let there = |input: &Input| staging.input("raw_data", &input.meta.uri).to_string();
        let addresses = inputs.iter().map(there).collect();
        let output = staging.outputs().to_string();
        let stage = Stage::new(config, plan, addresses, &output);
        let region = &args.job.place.region;
        let spec = args.yaml_template.clone().unwrap_or_else(|| {
            format!("gs://dataflow-templates-{region}/latest/flex/Yaml_Template")
        });
        let document = staging.document("pipeline.yaml").to_string();
        let template = FlexTemplate {
            spec,
            parameters: [("yaml_pipeline_file".to_owned(), document)].into(),
            workers: workers(args, &staging),
            labels: args.job.labels(),
        };
        Ok(Self {
            args,
            request: template.request(&key),
            key,
            staging,
            stage,
        })
    }

    /// What a run does, with the request and the pipeline, instead of reading the table here.
    pub fn plan(&self, local: component::Plan) -> Result<component::Plan, Error> {
        let launch = self.args.job.place.dataflow_launch()?;
        let document = self.staging.document("pipeline.yaml");
        let mut does = vec![
            format!("sends POST {launch} {}", self.request),
            format!("with {document}: {}", self.stage.document()),
        ];
        does.extend(local.does);
        Ok(component::Plan { does, ..local })
    }

    /// Has the service check the request, and launches nothing: what to tell when it is content.
    pub async fn validate(&self, context: &Context) -> Result<String, Error> {
        let dataflow = Session::for_job(&self.args.job, context)
            .await?
            .dataflow()?;
        let checked = dataflow.validate(&self.request).await;
        checked.map_err(cloud::Error::call("have the launch checked"))?;
        Ok(format!(
            "Dataflow would launch {}; nothing was launched or written\n",
            self.key.name()
        ))
    }

    /// Runs the job and gathers what it kept.
    pub async fn run(
        &self,
        storage: &Storage,
        inputs: &[Input],
        context: &Context,
    ) -> Result<Fetched, Error> {
        let session = Session::for_job(&self.args.job, context).await?;
        for input in inputs {
            let uri = &input.meta.uri;
            self.staging.bring(storage, "raw_data", uri).await?;
        }
        let pipeline = self.stage.pipeline();
        self.staging.put(storage, "pipeline.yaml", pipeline).await?;
        let dataflow = session.dataflow()?;
        let job = session.run(&dataflow, &self.key, &self.request).await?;
        let counts = counts(&dataflow, &job.name).await;
        if let Some(counts) = &counts {
            tracing::info!(
                read = counts.rows_read,
                kept = counts.rows_kept,
                malformed = counts.rows_malformed,
                "the job counted its rows"
            );
        }
        Ok(Fetched {
            table: self.gather(storage).await?,
            counts,
            resources: session.resources(),
        })
    }

    /// The records the job wrote as one table, in the order of the raw files.
    async fn gather(&self, storage: &Storage) -> Result<Input, Error> {
        let folder = self.staging.outputs();
        let mut parts: [Vec<Bytes>; 2] = Default::default();
        for meta in storage.list(&folder).await? {
            let name = meta.uri.file_name().unwrap_or_default();
            let kind = [ROWS, MALFORMED]
                .iter()
                .position(|kind| name.starts_with(kind));
            if let Some(kind) = kind {
                parts[kind].push(storage.read(&meta.uri).await?);
            }
        }
        let [rows, malformed] = &parts;
        let mut table = Vec::new();
        let gathered = gather(
            &self.stage.columns,
            rows.iter().map(|part| &part[..]),
            malformed.iter().map(|part| &part[..]),
            &mut table,
        );
        let gathered = gathered.map_err(|source| Error::JobOutput {
            folder: folder.to_string(),
            source,
        })?;
        tracing::info!(records = gathered.records, "gathered what the job wrote");
        let uri = self.staging.document(TABLE);
        let meta = storage
            .write(&uri, table, PutOptions::of_type("text/csv"))
            .await?;
        Ok(Input {
            name: TABLE.to_owned(),
            meta,
        })
    }
}

/// What the job runs on.
fn workers(args: &DataflowArgs, staging: &Staging) -> WorkerOptions {
    let job = &args.job;
    WorkerOptions {
        num_workers: args.num_workers,
        max_workers: args.max_workers,
        machine_type: job.machine_type.clone(),
        launcher_machine_type: None,
        service_account_email: job.service_account.clone(),
        temp_location: Some(staging.document("temp").to_string()),
        staging_location: Some(staging.document("staging").to_string()),
        network: job.network.clone(),
        subnetwork: args.subnetwork.clone(),
        ip_configuration: args.private_ips.then(|| "WORKER_IP_PRIVATE".to_owned()),
        kms_key_name: job.encryption_key.clone(),
    }
}

/// What the pipeline's own counters say; the examples do not depend on it.
async fn counts(dataflow: &Dataflow, job: &str) -> Option<Counts> {
    let metrics = match dataflow.metrics(job).await {
        Ok(metrics) => metrics,
        Err(error) => {
            tracing::warn!(job, %error, "cannot read what the job counted");
            return None;
        }
    };
    let count = |name: &str| {
        let is_it = |metric: &&Metric| metric.origin == "user" && metric.name == name;
        let found: Vec<&Metric> = metrics.iter().filter(is_it).collect();
        (!found.is_empty()).then(|| found.iter().map(|metric| metric.value).sum::<f64>() as u64)
    };
    // A counter that was never raised is not there.
    Some(Counts {
        rows_read: count("rows_read")?,
        rows_kept: count("rows_kept").unwrap_or_default(),
        rows_malformed: count("rows_malformed").unwrap_or_default(),
    })
}
