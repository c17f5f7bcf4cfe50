//! Flags of `train`.

use component::MemoryLimit;
use serde_json::{Value, json};
use storage::Uri;
use trainer::{FitOptions, Threads};

use crate::hypertune::TuningMetrics;

/// Where the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Runner {
    /// In this process.
    Local,
    /// In a custom job of Vertex AI, which runs the same program.
    Vertex,
}

/// Flags of `train`. A hyperparameter's value is taken from its flag, else from the best
/// hyperparameters, else from the default.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where the model is trained: `local` is this process, `vertex` a custom job of Vertex AI
    /// that runs the same program
    #[arg(long, value_name = "WHERE", default_value = "local")]
    pub runner: Runner,
    /// Examples folder that `transform` wrote
    #[arg(long, value_name = "DIR")]
    pub examples: Uri,
    /// Hyperparameters that `hptune` found; a hyperparameter's own flag wins over them
    #[arg(long, value_name = "FILE.json")]
    pub best_hyperparameters: Option<Uri>,
    /// Folder to write the model to [default: `AIP_MODEL_DIR`]
    #[arg(long, value_name = "DIR")]
    pub model: Option<Uri>,
    /// Where to write the metrics beside the baselines
    #[arg(long, value_name = "FILE.json")]
    pub metrics: Option<Uri>,
    /// Where to write the training report
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<Uri>,
    /// Where to write the model card, for people
    #[arg(long, value_name = "FILE.md")]
    pub model_card: Option<Uri>,

    /// Optimizer steps [default: 5000]
    #[arg(long, alias = "train_steps", value_name = "N", help_heading = "Hyperparameters", value_parser = whole)]
    pub train_steps: Option<u32>,
    /// Rows in an optimizer step [default: 20]
    #[arg(long, alias = "batch_size", value_name = "N", help_heading = "Hyperparameters", value_parser = whole)]
    pub batch_size: Option<u32>,
    /// Adam's learning rate at the first step; it falls to 0 at the last [default: 0.001]
    #[arg(
        long,
        alias = "learning_rate",
        value_name = "RATE",
        help_heading = "Hyperparameters"
    )]
    pub learning_rate: Option<f64>,
    /// Units of the first hidden layer [default: 64]
    #[arg(long, alias = "first_layer_size", value_name = "N", help_heading = "Hyperparameters", value_parser = whole)]
    pub first_layer_size: Option<u32>,
    /// Number of hidden layers; 0 is a linear model [default: 2]
    #[arg(long, alias = "num_layers", value_name = "N", help_heading = "Hyperparameters", value_parser = whole)]
    pub num_layers: Option<u32>,
    /// Hidden layer i has max(2, int(first-layer-size × scale-factor^i)) units [default: 0.5]
    #[arg(
        long,
        alias = "scale_factor",
        value_name = "FACTOR",
        help_heading = "Hyperparameters"
    )]
    pub scale_factor: Option<f64>,
    /// Decoupled weight decay of the dense layers [default: 0.01]
    #[arg(
        long,
        alias = "weight_decay",
        value_name = "RATE",
        help_heading = "Hyperparameters"
    )]
    pub weight_decay: Option<f64>,

    /// Optimizer steps between two looks at the eval split; each look uses all of its rows
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub eval_steps: u64,
    /// Early stopping: after N looks in a row without a better eval loss training stops, and the
    /// weights of the best look are kept; 0: all steps are taken and the last weights kept
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub patience: u32,
    /// Folder to keep the training in on the way: a run that was interrupted goes on from there,
    /// and ends with the same bytes [default: `AIP_CHECKPOINT_DIR`]
    #[arg(long, value_name = "DIR")]
    pub checkpoint_dir: Option<Uri>,
    /// Optimizer steps after which the training is kept again, at the next look
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    pub checkpoint_steps: u64,
    /// Also refit over N periods, one after the other, and report the error in each; the model is
    /// the same with and without
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub backtest: u32,
    /// Threads to train and to evaluate on; the model is the same, to the bit, on any number
    /// [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Memory for rows, in MiB; the splits it has no room for go through temporary files in TMPDIR,
    /// which should be on a disk. The result is the same with any limit
    #[arg(long, value_name = "MIB", default_value = "128")]
    pub memory_limit: MemoryLimit,
    /// Seed of the first weights and of the order of the rows
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// What a tuner is told at each look at the eval split, where this is a trial: `rmse`, `mae`
    /// and `parameter_count`, with commas between several
    #[arg(long, value_name = "NAME", default_value = "rmse")]
    pub tuning_metric: TuningMetrics,

    /// The job, where it is not this process that trains.
    #[command(flatten)]
    pub cloud: cloud::TrainingArgs,
}

/// A whole number; a tuner writes some as `16.0`.
fn whole(text: &str) -> Result<u32, String> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    whole
        .parse()
        .map_err(|_| "expected a whole number".to_owned())
}

impl Args {
    /// The model folder.
    ///
    /// # Panics
    /// Where neither a flag nor the platform named one, which [`crate::run`] refuses.
    pub(crate) fn model(&self) -> &Uri {
        self.model.as_ref().expect("checked at the beginning")
    }

    /// How many threads to train on.
    pub(crate) fn threads(&self) -> usize {
        self.threads.map_or_else(Threads::available, usize::from)
    }

    /// The hyperparameters given as flags, by name.
    pub(crate) fn hyperparameters(&self) -> impl Iterator<Item = (&'static str, Value)> {
        [
            ("train_steps", self.train_steps.map(|value| json!(value))),
            ("batch_size", self.batch_size.map(|value| json!(value))),
            (
                "learning_rate",
                self.learning_rate.map(|value| json!(value)),
            ),
            (
                "first_layer_size",
                self.first_layer_size.map(|value| json!(value)),
            ),
            ("num_layers", self.num_layers.map(|value| json!(value))),
            ("scale_factor", self.scale_factor.map(|value| json!(value))),
            ("weight_decay", self.weight_decay.map(|value| json!(value))),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }

    /// The options of the fit that are no hyperparameters.
    pub(crate) fn fit_options(&self) -> FitOptions {
        FitOptions {
            eval_every: self.eval_steps,
            patience: (self.patience > 0).then_some(self.patience),
            seed: self.seed,
            ..FitOptions::default()
        }
    }
}
