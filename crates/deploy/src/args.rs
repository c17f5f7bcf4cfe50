//! Flags of `deploy` and its subcommands.

use std::net::IpAddr;
use std::path::PathBuf;

use storage::Uri;

use crate::serve::AccessMode;

/// Flags of `deploy`: a deployment or a rollback, unless a subcommand says otherwise.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// Another action than a deployment.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of a deployment or a rollback.
    #[command(flatten)]
    pub release: ReleaseArgs,
}

/// What `deploy` does besides deploying.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Serve a model over HTTP until SIGTERM (Vertex AI's container contract)
    Serve(ServeArgs),
    /// Add predictions to a table, Parquet or CSV, of any size
    Predict(PredictArgs),
    /// Show what is served, since when, and what it is worth
    Status(StatusArgs),
    /// Take a served model down and remove its versions
    Teardown(TeardownArgs),
    /// Report how a pipeline run ended and clean up what a killed deployment left
    Finish(FinishArgs),
}

/// Which model of which repository.
#[derive(Debug, clap::Args)]
pub struct TargetArgs {
    /// Directory that holds the served models, each with its numbered versions
    #[arg(long, value_name = "DIR")]
    pub model_repository: Option<Uri>,
    /// Name the model is served under: lower-case letters, digits, `-`, `_`
    #[arg(long, value_name = "NAME", default_value = "model")]
    pub model_name: String,
}

/// Flags of a deployment or a rollback.
#[derive(Debug, clap::Args)]
pub struct ReleaseArgs {
    /// Where the model is served: `local` is a model repository that `deploy serve` follows,
    /// `vertex` an endpoint of Vertex AI named like the model
    #[arg(long = "target", value_name = "WHERE", default_value = "local")]
    pub serve_on: ServeOn,
    /// Model folder that `train` wrote
    #[arg(long, value_name = "DIR")]
    pub model: Option<Uri>,
    /// Which model of which repository.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Baseline the model has to beat on the test split [default: the model's naive baseline]
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<String>,
    /// Fraction of the baseline's error the model has to remove, exclusive: 0 asks for strictly
    /// better, 0.05 for more than 5 % better, -0.05 allows up to 5 % worse
    #[arg(
        long,
        value_name = "FRACTION",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub min_improvement: f64,
    /// What a model that is not good enough means: `enforce` fails, `report` ends well with
    /// deployed=false
    #[arg(long, value_name = "MODE", default_value = "enforce")]
    pub gate: GateMode,
    /// Versions kept for a rollback besides the one served, in the repository or in Vertex AI's
    /// registry
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub keep: usize,
    /// Let the new version answer this part of the requests beside the served one, instead of
    /// serving it alone
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..100))]
    pub canary: Option<u8>,
    /// Serve the version that `--canary` tries out alone, instead of deploying
    #[arg(long, conflicts_with_all = ["canary", "rollback", "to_version"])]
    pub promote: bool,
    /// Serve the version from before the last deployment again, instead of deploying; where a
    /// version is tried out, only that ends
    #[arg(long)]
    pub rollback: bool,
    /// Serve this kept version again, instead of deploying
    #[arg(long, value_name = "VERSION", conflicts_with = "rollback")]
    pub to_version: Option<u64>,
    /// Predict address of a running `deploy serve` to ask for the final prediction; `/predict`
    /// where it has no path [default: a server started for the purpose]
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Seconds within which that server has to answer from the new version
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub check_timeout: u64,
    /// Seconds to wait for another deployment of the same model to finish
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub lock_timeout: u64,
    /// Where to write what became of the model
    #[arg(long, value_name = "FILE.json")]
    pub deployment: Option<Uri>,
    /// Where to write the deployment report
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<Uri>,
    /// The endpoint, where the model is served on Vertex AI.
    #[command(flatten)]
    pub vertex: VertexArgs,
}

/// Flags of a deployment on Vertex AI.
#[allow(clippy::doc_markdown)] // help text for a terminal
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Google Cloud")]
pub struct VertexArgs {
    /// Where, for which run, on what machines.
    #[command(flatten)]
    pub job: cloud::JobArgs,
    /// Image of `deploy`, in Artifact Registry, which serves the model [default:
    /// `COMPONENT_IMAGE`]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Machines at least
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub min_replicas: u32,
    /// Machines at most
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_replicas: u32,
    /// Give the endpoint a host of its own: larger requests (10 MB) and no shared quota. For an
    /// endpoint that is there already nothing changes
    #[arg(long)]
    pub dedicated_endpoint: bool,
    /// BigQuery table that gets requests and answers, as `bq://PROJECT.DATASET.TABLE`. For an
    /// endpoint that is there already nothing changes
    #[arg(long, value_name = "TABLE")]
    pub request_log: Option<String>,
    /// Fraction of the requests that gets there, above 0 and at most 1
    #[arg(long, value_name = "FRACTION", default_value_t = 0.1)]
    pub request_log_rate: f64,
}

/// Where a model is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ServeOn {
    /// By servers that follow the model repository.
    Local,
    /// By an endpoint of Vertex AI.
    Vertex,
}

/// What a model that does not pass the gate means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum GateMode {
    /// The run fails.
    Enforce,
    /// The run ends well and says that nothing was deployed.
    Report,
}

/// Flags of `deploy serve`.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Model folder to serve as it is [default: `AIP_STORAGE_URI`]
    #[arg(long, value_name = "DIR", conflicts_with = "model_repository")]
    pub model: Option<Uri>,
    /// Which model of which repository to follow.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Address to listen on
    #[arg(long, value_name = "IP", default_value = "0.0.0.0")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one [default: `AIP_HTTP_PORT`, else 8080]
    #[arg(long)]
    pub port: Option<u16>,
    /// Path that answers GET when the model is ready [default: Vertex AI's, else `/health`]
    #[arg(long, value_name = "PATH")]
    pub health_route: Option<String>,
    /// Path that answers POST with predictions [default: Vertex AI's, else `/predict`]
    #[arg(long, value_name = "PATH")]
    pub predict_route: Option<String>,
    /// Milliseconds between two looks at the repository for another served version
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    pub poll_interval_ms: u64,
    /// Limits on requests and connections.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Requests that get a line in the log: `all` but successful health checks and the like,
    /// refused ones (`errors`), or none (`off`)
    #[arg(long, value_name = "WHICH", default_value = "all")]
    pub access_log: AccessMode,
    /// Rows over which the inputs are compared with those the model was trained on, as a metric
    /// for each input; 0 compares nothing
    #[arg(long, value_name = "ROWS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub drift_window: u32,
    /// File that some requests are added to with their predictions, as JSON lines
    #[arg(long, value_name = "FILE.jsonl")]
    pub sample_log: Option<PathBuf>,
    /// Part of the requests that is added to the file
    #[arg(long, value_name = "FRACTION", default_value_t = 0.01)]
    pub sample_rate: f64,
    /// Size at which the file is renamed, with `.1` after its name, and another one begun
    #[arg(long, value_name = "BYTES", default_value_t = 100_000_000)]
    pub sample_log_max_bytes: u64,
}

/// Limits of a server.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct LimitArgs {
    /// Largest body of a request; the default is Vertex AI's limit on shared endpoints
    #[arg(long, value_name = "BYTES", default_value_t = Self::DEFAULT.max_body_bytes)]
    pub max_body_bytes: usize,
    /// Connections served at a time; further ones are answered 503
    #[arg(long, value_name = "N", default_value_t = Self::DEFAULT.max_connections)]
    pub max_connections: usize,
    /// Milliseconds a request that needs a core of its own may be expected to wait for it; one
    /// that would wait longer is answered 503 at once
    #[arg(long, value_name = "MS", default_value_t = Self::DEFAULT.max_queue_ms)]
    pub max_queue_ms: u64,
    /// Seconds the body of a request may take to arrive
    #[arg(long, value_name = "SECONDS", default_value_t = Self::DEFAULT.body_timeout)]
    pub body_timeout: u64,
    /// Seconds the head of a request may take to arrive, and a connection may be idle
    #[arg(long, value_name = "SECONDS", default_value_t = Self::DEFAULT.idle_timeout)]
    pub idle_timeout: u64,
    /// Seconds that new requests are still answered after SIGTERM, with readiness off, until a
    /// load balancer has noticed
    #[arg(long, value_name = "SECONDS", default_value_t = Self::DEFAULT.drain_delay)]
    pub drain_delay: u64,
    /// Seconds that requests under way then have to finish
    #[arg(long, value_name = "SECONDS", default_value_t = Self::DEFAULT.drain_timeout)]
    pub drain_timeout: u64,
}

impl LimitArgs {
    /// The flags' defaults.
    pub const DEFAULT: Self = Self {
        max_body_bytes: 1_500_000,
        max_connections: 1024,
        max_queue_ms: 500,
        body_timeout: 30,
        idle_timeout: 75,
        drain_delay: 0,
        drain_timeout: 20,
    };
}

/// Flags of `deploy finish`.
#[derive(Debug, clap::Args)]
pub struct FinishArgs {
    /// How the tasks before ended: Kubeflow's `PipelineTaskFinalStatus` as JSON
    #[arg(long, value_name = "JSON")]
    pub status: String,
    /// Which model of which repository.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Where on Google Cloud, and which run: with --project, jobs of the run that are still alive
    /// are cancelled.
    #[command(flatten)]
    pub place: cloud::PlaceArgs,
    /// Where to write how the run ended, in Markdown
    #[arg(long, value_name = "FILE.md")]
    pub summary: Option<Uri>,
    /// Seconds to wait for a deployment of the same model to finish
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub lock_timeout: u64,
}

/// Flags of `deploy predict`.
#[derive(Debug, clap::Args)]
pub struct PredictArgs {
    /// Model folder to predict with [default: the served version of --model-repository]
    #[arg(long, value_name = "DIR")]
    pub model: Option<Uri>,
    /// Which model of which repository.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Table with the model's inputs among its columns: .parquet or .csv
    #[arg(long, value_name = "FILE")]
    pub input: Option<Uri>,
    /// Where to write the table with its predictions, in the same format
    #[arg(long, value_name = "FILE")]
    pub output: Option<Uri>,
}

/// Flags of `deploy status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Which model of which repository.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Predict address of a running `deploy serve`, to show what it serves
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
}

/// Flags of `deploy teardown`.
#[derive(Debug, clap::Args)]
pub struct TeardownArgs {
    /// Where the model is served: `local` or `vertex`
    #[arg(long = "target", value_name = "WHERE", default_value = "local")]
    pub serve_on: ServeOn,
    /// Where on Google Cloud.
    #[command(flatten)]
    pub place: cloud::PlaceArgs,
    /// Which model of which repository.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Seconds to wait for a deployment of the same model to finish
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub lock_timeout: u64,
}
