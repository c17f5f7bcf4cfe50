//! A component's `main`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, FromArgMatches};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::arguments::{self, ArgumentError, Invocation, Parsed};
use crate::context::Grace;
use crate::diagnose::{chain, final_line};
use crate::{Context, Contract, Diagnose, Exit, Outcome, logging};

/// Time a cancelled run gets to tidy up. Kubeflow ends the container within a second anyway; a
/// terminal user should not wait either.
const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// Runs a component: parses its arguments, sets up logs, signals and the runtime, calls `run`,
/// hands its outputs on, and returns the exit code: 0 done, 1 failed, 2 wrong usage,
/// 128 + signal number cancelled. The last line on stderr is the whole story of a failure.
pub fn main<A, F, Fut, E>(contract: &'static Contract, run: F) -> ExitCode
where
    A: Args + FromArgMatches,
    F: FnOnce(A, Context) -> Fut,
    Fut: Future<Output = Result<Outcome, E>>,
    E: Diagnose,
{
    // Fails only when a provider is installed already, which is then used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let parsed = match arguments::parse::<A>(contract, std::env::args_os().collect()) {
        Ok(Invocation::Run(parsed)) => *parsed,
        Ok(Invocation::Describe(description)) => {
            say(&mut io::stdout(), &format!("{description:#}\n"));
            return ExitCode::SUCCESS;
        }
        Err(error) => return refuse(contract, error),
    };
    let (display, json_logs) = match logging::install(
        contract.name,
        parsed.common.log_format,
        &parsed.common.log_level,
    ) {
        Ok(installed) => installed,
        Err(message) => return refuse(contract, ArgumentError::Message(message)),
    };
    let context = Context {
        cancel: CancellationToken::new(),
        dry_run: parsed.common.dry_run,
        json_logs,
        grace: Grace::default(),
        name: contract.name,
        display,
        parameter_files: parsed
            .executor
            .as_ref()
            .map(|executor| Arc::new(executor.parameter_files()))
            .unwrap_or_default(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            last_line(&final_line(&error, None));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(supervise(parsed, context, run));
    // Blocking work that ignores its cancellation must not hold the process.
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// How a run ended.
enum End<E> {
    Returned(Result<Outcome, E>),
    Cancelled(Interruption),
}

async fn supervise<A, F, Fut, E>(parsed: Parsed<A>, context: Context, run: F) -> u8
where
    F: FnOnce(A, Context) -> Fut,
    Fut: Future<Output = Result<Outcome, E>>,
    E: Diagnose,
{
    let Parsed {
        args,
        executor,
        contract,
        ..
    } = parsed;
    let cancel = context.cancel.clone();
    let grace = context.grace.clone();
    let interrupted = interrupted();
    let mut work = std::pin::pin!(run(args, context));
    let end = tokio::select! {
        result = &mut work => End::Returned(result),
        interruption = interrupted => {
            cancel.cancel();
            tracing::warn!("{} received, stopping", interruption.name);
            match tokio::time::timeout(grace.at_least(CANCEL_GRACE), work).await {
                Ok(Ok(Outcome::Drained)) => End::Returned(Ok(Outcome::Drained)),
                // What became of work elsewhere; the last line is the interruption's.
                Ok(Err(error)) => {
                    tracing::warn!("{}", chain(&error));
                    End::Cancelled(interruption)
                }
                _ => End::Cancelled(interruption),
            }
        }
    };
    match end {
        End::Returned(Ok(Outcome::Done(outputs))) => {
            check_outputs(contract, &outputs);
            if let Some(executor) = &executor
                && let Err(error) = executor.write_outputs(contract, &outputs)
            {
                tracing::error!("{}", chain(&error));
                last_line(&final_line(&error, None));
                return Exit::Failure.code();
            }
            say(&mut io::stdout(), &format!("{:#}\n", outputs.to_json()));
            0
        }
        End::Returned(Ok(Outcome::Plan(plan))) => {
            say(&mut io::stdout(), &plan.to_text());
            0
        }
        End::Returned(Ok(Outcome::Report(text))) => {
            say(&mut io::stdout(), &text);
            0
        }
        End::Returned(Ok(Outcome::Drained)) => 0,
        End::Returned(Err(error)) => {
            tracing::error!("{}", chain(&error));
            last_line(&final_line(&error, error.hint().as_deref()));
            error.exit().code()
        }
        End::Cancelled(interruption) => {
            last_line(&format!(
                "error: {} was cancelled by {}; outputs are as they were before, or complete. \
                 Next step: run it again to finish",
                contract.name, interruption.name
            ));
            interruption.code
        }
    }
}

/// A component that forgets an output, or gives it another type, is caught by its own tests.
fn check_outputs(contract: &Contract, outputs: &crate::Outputs) {
    for (name, value) in &outputs.parameters {
        let declared = contract.output_parameters.iter().find(|p| p.name == name);
        debug_assert!(
            declared.is_some_and(|parameter| parameter.kind.accepts(value)),
            "output parameter {name} = {value} is not in the contract, or of another type"
        );
    }
    for name in outputs.artifacts.keys() {
        debug_assert!(
            contract
                .output_artifacts
                .iter()
                .any(|artifact| artifact.name == name),
            "output artifact {name} is not in the contract"
        );
    }
}

#[derive(Clone, Copy)]
struct Interruption {
    name: &'static str,
    code: u8,
}

/// Resolves at the first SIGTERM or SIGINT. The handlers are in place when this returns, before
/// any work begins: until then a signal ends the process without a word.
fn interrupted() -> impl Future<Output = Interruption> {
    let terminate = Interruption {
        name: "SIGTERM",
        code: 143,
    };
    let interrupt = Interruption {
        name: "SIGINT",
        code: 130,
    };
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    async move {
        let (Ok(mut sigterm), Ok(mut sigint)) = signals else {
            // No handlers, so the signals end the process as they always did.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = sigterm.recv() => terminate,
            _ = sigint.recv() => interrupt,
        }
    }
}

/// Help and version go to stdout and are no error; everything else is wrong usage.
fn refuse(contract: &Contract, error: ArgumentError) -> ExitCode {
    match error {
        ArgumentError::Clap(error) if !error.use_stderr() => {
            say(&mut io::stdout(), &error.to_string());
            ExitCode::SUCCESS
        }
        ArgumentError::Clap(error) => {
            let report = error.to_string();
            say(&mut io::stderr(), &report);
            let (first, _) = report.split_once("\n\n").unwrap_or((&report, ""));
            let first: Vec<&str> = first.split_whitespace().collect();
            last_line(&format!(
                "{}. Next step: see '{} --help'",
                first.join(" "),
                contract.name
            ));
            ExitCode::from(Exit::Usage.code())
        }
        ArgumentError::Message(message) => {
            last_line(&format!("error: {message}"));
            ExitCode::from(Exit::Usage.code())
        }
    }
}

fn last_line(line: &str) {
    say(&mut io::stderr(), &format!("{line}\n"));
}

/// A reader that went away (`| head`) is no reason to fail.
fn say(to: &mut impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
