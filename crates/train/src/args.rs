//! Flags of `train`.

use serde_json::{Value, json};
use storage::Uri;
use trainer::FitOptions;

/// Where the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Runner {
    /// In this process.
    Local,
}

/// Flags of `train`. A hyperparameter's value is taken from its flag, else from the best
/// hyperparameters, else from the default.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where the model is trained: `local` is this process
    #[arg(long, value_name = "WHERE", default_value = "local")]
    pub runner: Runner,
    /// Examples folder that `transform` wrote
    #[arg(long, value_name = "DIR")]
    pub examples: Uri,
    /// Hyperparameters that `hptune` found; a hyperparameter's own flag wins over them
    #[arg(long, value_name = "FILE.json")]
    pub best_hyperparameters: Option<Uri>,
    /// Folder to write the model to
    #[arg(long, value_name = "DIR")]
    pub model: Uri,
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
    #[arg(long, value_name = "N", help_heading = "Hyperparameters")]
    pub train_steps: Option<u32>,
    /// Rows in an optimizer step [default: 20]
    #[arg(long, value_name = "N", help_heading = "Hyperparameters")]
    pub batch_size: Option<u32>,
    /// Adam's learning rate at the first step; it falls to 0 at the last [default: 0.001]
    #[arg(long, value_name = "RATE", help_heading = "Hyperparameters")]
    pub learning_rate: Option<f64>,
    /// Units of the first hidden layer [default: 64]
    #[arg(long, value_name = "N", help_heading = "Hyperparameters")]
    pub first_layer_size: Option<u32>,
    /// Number of hidden layers; 0 is a linear model [default: 2]
    #[arg(long, value_name = "N", help_heading = "Hyperparameters")]
    pub num_layers: Option<u32>,
    /// Hidden layer i has max(2, int(first-layer-size × scale-factor^i)) units [default: 0.5]
    #[arg(long, value_name = "FACTOR", help_heading = "Hyperparameters")]
    pub scale_factor: Option<f64>,
    /// Decoupled weight decay of the dense layers [default: 0.01]
    #[arg(long, value_name = "RATE", help_heading = "Hyperparameters")]
    pub weight_decay: Option<f64>,

    /// Optimizer steps between two looks at the eval split; each look uses all of its rows
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub eval_steps: u64,
    /// Early stopping: after N looks in a row without a better eval loss training stops, and the
    /// weights of the best look are kept; 0: all steps are taken and the last weights kept
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub patience: u32,
    /// Also refit over N periods, one after the other, and report the error in each; the model is
    /// the same with and without
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub backtest: u32,
    /// Seed of the first weights and of the order of the rows
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

impl Args {
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
