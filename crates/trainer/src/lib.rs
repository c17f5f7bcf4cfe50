//! Loss, optimizer, fit, evaluation and hyperparameter search. Bytes and numbers in, numbers out:
//! no clock, no runtime, and no I/O but the temporary files of rows that outgrow memory.
//!
//! - [`dataset`] and [`examples`]: example files become checked rows;
//! - [`store`]: where rows are, in memory or in a temporary file;
//! - [`hyperparameters`] and [`search`]: the knobs of a fit by name, and how to find good ones;
//! - [`fit()`]: mini-batches, Adam, early stopping;
//! - [`Measure`]: what a look at the eval split tells;
//! - [`metrics`] and [`baselines`]: what a model is worth, and what it has to beat;
//! - [`uncertainty`]: how sure that is, and how sure a prediction.

pub mod baselines;
pub mod dataset;
pub mod examples;
mod fit;
mod forward;
pub mod hyperparameters;
mod measure;
pub mod metrics;
mod random;
pub mod search;
pub mod store;
mod threads;
pub mod uncertainty;

pub use fit::{
    EncodeError, EncodedSet, Fit, FitError, FitOptions, Schedule, Step, Stop, Training, fit,
    hidden_units,
};
pub use forward::Forward;
pub use measure::{Measure, UnknownMeasure};
pub use random::Random;
pub use threads::{Threads, ThreadsError};
