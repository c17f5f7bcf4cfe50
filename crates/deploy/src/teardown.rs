//! `deploy teardown`: takes a model down again.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use component::{Context, Outcome, Outputs, Plan};
use tracing::info;

use crate::repository::Repository;
use crate::{Error, args::TeardownArgs, target};

/// Removes a model's pointer and versions, after asking or with `--yes`. Nothing there is fine.
pub(crate) async fn run(args: &TeardownArgs, context: &Context) -> Result<Outcome, Error> {
    let repository = target::repository(&args.target)?;
    let model = describe(&repository)?;
    if context.dry_run {
        return Ok(Outcome::Plan(Plan {
            does: vec![match &model {
                Some(model) => format!("removes {model}"),
                None => format!(
                    "does nothing: there is no {}",
                    repository.folder().display()
                ),
            }],
            ..Plan::default()
        }));
    }
    if let Some(model) = &model
        && !args.yes
        && !confirmed(model, context).await
    {
        return Err(Error::NotConfirmed {
            model_name: repository.model_name().to_owned(),
        });
    }
    // Also where the model is out of sight already: a killed teardown may have left its files.
    if repository.exists() {
        let timeout = Duration::from_secs(args.lock_timeout);
        let locked = repository.lock(timeout, &context.cancel).await?;
        locked.remove()?;
    }
    let removed = model
        .unwrap_or_else(|| format!("nothing: {} was not there", repository.folder().display()));
    info!("removed {removed}");
    Ok(Outcome::Done(Outputs::new().parameter("deployed", false)))
}

/// The model and its versions in words; none when it is not there.
fn describe(repository: &Repository) -> Result<Option<String>, Error> {
    let folder = repository.folder();
    if !folder.exists() {
        return Ok(None);
    }
    let versions: Vec<String> = repository.installed()?.iter().map(u64::to_string).collect();
    let versions = match versions.as_slice() {
        [] => "without versions".to_owned(),
        [version] => format!("with version {version}"),
        versions => format!("with versions {}", versions.join(", ")),
    };
    let name = repository.model_name();
    Ok(Some(format!(
        "the model `{name}` {versions} from {}",
        folder.display()
    )))
}

/// Asks on a terminal; elsewhere nobody can answer.
pub(crate) async fn confirmed(model: &str, context: &Context) -> bool {
    let question = format!("Remove {model}? [y/N] ");
    let asked = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        let answered = io::stdin().is_terminal()
            && io::stderr().write_all(question.as_bytes()).is_ok()
            && io::stdin().lock().read_line(&mut answer).is_ok();
        answered && matches!(answer.trim(), "y" | "Y" | "yes")
    });
    tokio::select! {
        answer = asked => answer.unwrap_or(false),
        () = context.cancel.cancelled() => false,
    }
}
