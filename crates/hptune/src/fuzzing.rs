//! For the fuzz targets.

use clap::Parser as _;
use storage::Uri;

use crate::{Args, study};

#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    args: Args,
}

/// Reads a study and asks it for three trials, if it is one.
///
/// # Panics
/// If a study that was accepted has no trials.
pub fn study(text: &[u8]) {
    let flags = ["hptune", "--examples", "e", "--best-hyperparameters", "b"];
    let args = Flags::try_parse_from(flags)
        .expect("the required flags")
        .args;
    let uri: Uri = "study".parse().expect("an address");
    let plan = study::parse(&uri, text)
        .and_then(|config| study::Plan::new(uri.to_string(), config, &args));
    if let Ok(plan) = plan {
        let mut study = plan.begin(&args, 3).expect("the plan was checked");
        for _ in 0..3 {
            study.ask();
        }
    }
}
