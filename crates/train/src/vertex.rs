//! Training in a custom job of Vertex AI, which runs this same program.
//!
//! The inputs are read here first: what is wrong with them is found before a machine is paid for,
//! and their digests make the job's key. The job writes to the staging folder; from there the
//! outputs come to where they were asked for, as if this process had made them.

use artifacts::layout;
use cloud::{Session, Staging};
use component::{Context, Outcome, Plan};
use gcp::job::JobKey;
use gcp::vertex::CustomJob;
use model::Model;
use serde_json::Value;
use storage::{Storage, Uri};

use crate::{Args, Error, input, input::Input, outputs, publish};

const METRICS: &str = "metrics.json";
const REPORT: &str = "report.html";
const MODEL_CARD: &str = "model_card.md";

/// Trains remotely, or says with which request it would.
pub(crate) async fn run(
    storage: &Storage,
    args: &Args,
    context: &Context,
) -> Result<Outcome, Error> {
    let input = input::read(storage, args).await?;
    let job = Job::new(args, &input)?;
    if context.dry_run {
        return job.plan(args);
    }
    let session = Session::for_job(&args.cloud.job, context).await?;
    job.bring_inputs(storage, args, &input).await?;
    let jobs = session.vertex()?.custom_jobs();
    session.run(&jobs, &job.key, &job.request).await?;
    let (files, model) = job.fetch(storage).await?;
    publish::publish(storage, args, &files, None).await?;
    let outputs = outputs(args, model.metadata(), session.resources());
    Ok(Outcome::Done(outputs))
}

/// A custom job and where its files are.
struct Job {
    key: JobKey,
    staging: Staging,
    request: Value,
}

impl Job {
    fn new(args: &Args, input: &Input) -> Result<Self, Error> {
        let image = args.cloud.own_image()?;
        let settings = settings(args);
        let digests = input.files.iter().map(|file| file.sha256.clone());
        let inputs = [image.clone()].into_iter().chain(settings.clone());
        let key = args.cloud.job.place.key("train", inputs.chain(digests));
        let staging = Staging::new(&args.cloud.job, &key)?;
        let mut flags = vec![format!(
            "--examples={}",
            staging.input("examples", &args.examples)
        )];
        if let Some(uri) = &args.best_hyperparameters {
            let best = staging.input("best_hyperparameters", uri);
            flags.push(format!("--best-hyperparameters={best}"));
        }
        flags.extend([
            format!("--model={}", staging.output("model")),
            format!("--metrics={}", staging.output(METRICS)),
            format!("--report={}", staging.output(REPORT)),
            format!("--model-card={}", staging.output(MODEL_CARD)),
        ]);
        flags.extend(settings);
        // No part of the key: the model is the same without.
        flags.extend(args.threads.map(|threads| format!("--threads={threads}")));
        let base = staging.outputs();
        let job = CustomJob {
            spec: args.cloud.job_spec(&image, flags, &base),
            kms_key_name: args.cloud.job.encryption_key.clone(),
            labels: args.cloud.job.labels(),
        };
        Ok(Self {
            request: job.request(&key),
            key,
            staging,
        })
    }

    fn plan(&self, args: &Args) -> Result<Outcome, Error> {
        let collection = args.cloud.job.place.vertex_collection("customJobs")?;
        let out = self.staging.outputs();
        Ok(Outcome::Plan(Plan {
            reads: vec![format!("examples {}", args.examples)],
            does: vec![format!("sends POST {collection} {}", self.request)],
            writes: vec![format!("{out}, and from there the model {}", args.model())],
        }))
    }

    async fn bring_inputs(
        &self,
        storage: &Storage,
        args: &Args,
        input: &Input,
    ) -> Result<(), Error> {
        // The best hyperparameters are read first, and stand apart.
        let skip = usize::from(args.best_hyperparameters.is_some());
        let names = input.files.iter().skip(skip).map(|file| file.name.as_str());
        let Self { staging, .. } = self;
        staging
            .bring_folder(storage, "examples", &args.examples, names)
            .await?;
        if let Some(uri) = &args.best_hyperparameters {
            staging.bring(storage, "best_hyperparameters", uri).await?;
        }
        Ok(())
    }

    /// What the job wrote.
    async fn fetch(&self, storage: &Storage) -> Result<(publish::Files, Model), Error> {
        let folder = self.staging.output("model");
        let read = async |uri: Uri| storage.read(&uri).await;
        let onnx = folder.join(layout::model::ONNX);
        let files = publish::Files {
            onnx: read(onnx.clone()).await?,
            golden: read(folder.join(layout::model::GOLDEN)).await?,
            metrics: read(self.staging.output(METRICS)).await?,
            report: read(self.staging.output(REPORT)).await?,
            model_card: read(self.staging.output(MODEL_CARD)).await?,
        };
        let model = Model::from_onnx(&files.onnx).map_err(|error| Error::JobOutput {
            uri: onnx,
            problem: error.to_string(),
        })?;
        Ok((files, model))
    }
}

/// The flags that say how to train, as the job gets them.
fn settings(args: &Args) -> Vec<String> {
    let hyperparameters = args.hyperparameters();
    let mut flags: Vec<String> = hyperparameters
        .map(|(name, value)| format!("--{}={value}", name.replace('_', "-")))
        .collect();
    flags.extend([
        format!("--eval-steps={}", args.eval_steps),
        format!("--patience={}", args.patience),
        format!("--backtest={}", args.backtest),
        format!("--seed={}", args.seed),
    ]);
    flags
}
