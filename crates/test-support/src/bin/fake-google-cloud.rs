//! Starts a fake Google Cloud, and says by which variables programs find it.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use test_support::gcs::FakeGcs;
use test_support::google::{Beam, Containers, FakeGoogle, Machine, Servers};

/// A fake Google Cloud on the loopback address, until it is interrupted: Cloud Storage, Dataflow,
/// Vertex AI, the logs and the metadata server. Jobs and endpoints really work: their containers are
/// run, pipelines are run by Apache Beam.
#[derive(Debug, Parser)]
struct Args {
    /// Folder of the programs that are run in place of containers: `train`, `deploy`; without it
    /// the docker engine runs the containers from their images
    #[arg(long)]
    programs: Option<PathBuf>,

    /// A Python that has apache-beam[yaml]
    #[arg(long)]
    beam: PathBuf,

    /// Script that runs a pipeline and prints what it counted
    #[arg(long)]
    beam_script: PathBuf,

    /// Bucket that is there from the beginning
    #[arg(long, default_value = "bucket")]
    bucket: String,

    /// Where to write the variables, as a shell reads them; once it is there, everything answers
    #[arg(long)]
    environment: PathBuf,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let args = Args::parse();
    let storage = Arc::new(FakeGcs::start().await);
    storage.create_bucket(&args.bucket);
    let google = FakeGoogle::start().await;
    let environment = google.environment(&storage);
    let containers = args.programs.map_or(Containers::Docker, Containers::Folder);
    let machine = Machine {
        containers: containers.clone(),
        env: environment.clone(),
    };
    let beam = Beam {
        python: args.beam,
        script: args.beam_script,
        storage: Arc::clone(&storage),
    };
    google.work(move |request| match request.get("launchParameter") {
        Some(_) => beam.work(request),
        None => machine.work(request),
    });
    // No metadata server: it is this fake, which is locked while a container answers.
    let mut env = environment.clone();
    env.retain(|(name, _)| name == "STORAGE_EMULATOR_HOST");
    let servers = Servers::new(containers, env);
    google.serve(move |version, request| {
        // The container asks the storage, which this thread must not keep waiting.
        tokio::task::block_in_place(|| servers.answer(version, request))
    });
    let mut text = String::new();
    for (name, value) in environment {
        let _infallible = writeln!(text, "export {name}='{value}'");
    }
    let aside = args.environment.with_extension("part");
    std::fs::write(&aside, text)?;
    std::fs::rename(aside, args.environment)?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = terminate.recv() => Ok(()),
    }
}
