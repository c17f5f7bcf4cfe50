//! Flags of `hptune`.

use component::MemoryLimit;
use serde::{Deserialize, Serialize};
use storage::Uri;
use trainer::Threads;

/// Where the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Runner {
    /// In this process.
    Local,
    /// In a hyperparameter tuning job of Vertex AI, each trial on a machine of its own.
    Vertex,
}

/// What the default search expects most of in its next trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acquisition {
    /// Improvement for what the trial takes: a large network has to promise more than a small one.
    ExpectedImprovementPerCost,
    /// Improvement, whatever the trial takes.
    ExpectedImprovement,
}

/// Flags of `hptune`. A trial count is taken from its flag, else from the study file, else from
/// the default.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where the trials run: `local` is this process, `vertex` a hyperparameter tuning job of
    /// Vertex AI whose trials are runs of `train`; that job searches by its own algorithm and
    /// takes no seed for it
    #[arg(long, value_name = "WHERE", default_value = "local")]
    pub runner: Runner,
    /// Examples folder that `transform` wrote; its test split is not read
    #[arg(long, value_name = "DIR")]
    pub examples: Uri,
    /// Study to run, JSON or YAML in Vertex AI's shape: `studySpec`, `maxTrialCount`,
    /// `parallelTrialCount`, `maxFailedTrialCount` [default: the classic space over
    /// `learning_rate`, `first_layer_size`, `num_layers` and `scale_factor`]
    #[arg(long, value_name = "FILE")]
    pub study_config: Option<Uri>,
    /// Where to write the hyperparameters `train` takes
    #[arg(long, value_name = "FILE.json")]
    pub best_hyperparameters: Uri,
    /// Where to write the table of all trials
    #[arg(long, value_name = "FILE.json")]
    pub trials: Option<Uri>,
    /// Where to write the study's figures
    #[arg(long, value_name = "FILE.json")]
    pub metrics: Option<Uri>,
    /// Where to write the tuning report
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<Uri>,
    /// Where finished trials are recorded; a study that was interrupted goes on from there and
    /// repeats none of them
    #[arg(long, value_name = "FILE.json")]
    pub journal: Option<Uri>,
    /// Trials of an earlier study to begin from: its trials table or its journal; those outside of
    /// this study's space are left out and counted. May be given several times
    #[arg(long, value_name = "FILE.json")]
    pub warm_start: Vec<Uri>,

    /// Trials in all [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_trial_count: Option<u32>,
    /// Trials at a time; changes how long the study takes, not what it finds [default: one for
    /// each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub parallel_trial_count: Option<u32>,
    /// Threads of each trial; changes how long the study takes, not what it finds [default: the
    /// processors, shared out between the trials at a time]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Memory for rows, in MiB; the splits it has no room for go through temporary files in TMPDIR,
    /// which should be on a disk. The result is the same with any limit
    #[arg(long, value_name = "MIB", default_value = "128")]
    pub memory_limit: MemoryLimit,
    /// Trials proposed without waiting for the results of those right before them; once the
    /// first trials have filled the space, no more than this run at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    pub trials_ahead: u32,
    /// What the default search expects most of in its next trial; trials of a space with small and
    /// large networks take very different times
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "expected-improvement-per-cost"
    )]
    pub acquisition: Acquisition,
    /// Seed of the search, and of every trial's training
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Optimizer steps of a trial, unless the study searches them
    #[arg(long, value_name = "N", default_value_t = 1000, help_heading = "Trials", value_parser = clap::value_parser!(u32).range(1..))]
    pub train_steps: u32,
    /// Rows in an optimizer step, unless the study searches them
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = "Trials", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: u32,
    /// Decoupled weight decay, unless the study searches it
    #[arg(
        long,
        value_name = "RATE",
        default_value_t = 0.01,
        help_heading = "Trials"
    )]
    pub weight_decay: f64,
    /// Optimizer steps between two looks at the eval split
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "Trials", value_parser = clap::value_parser!(u64).range(1..))]
    pub eval_steps: u64,
    /// Early stopping after N looks in a row without a better eval loss, as in `train`; 0: none
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Trials")]
    pub patience: u32,

    /// The job, where the trials do not run in this process.
    #[command(flatten)]
    pub cloud: cloud::TrainingArgs,
}

impl Args {
    /// How many threads each of `trials` trials at a time is given.
    pub(crate) fn threads(&self, trials: u32) -> usize {
        let share = || Threads::available() / trials as usize;
        self.threads.map_or_else(share, usize::from)
    }
}
