//! `deployment.json`: what became of a model that was to be served.

use serde::{Deserialize, Serialize};

use crate::Provenance;

/// The outcome of a deployment. The same model, repository and flags give the same document,
/// also when the deployment is repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// [`crate::FORMAT_VERSION`].
    pub version: u32,
    /// Whether the model given is the one that is served now.
    pub deployed: bool,
    /// Why it is not; absent when it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Name the model is served under.
    pub model_name: String,
    /// Version that is served now; absent when none is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model_version: Option<String>,
    /// Version a rollback would return to; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous_version: Option<String>,
    /// Predict address of the running server that answered; absent when the model was tried in a
    /// server of the deployment's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub endpoint: Option<String>,
    /// How the model compared with its baseline; absent for a rollback, which asks no question.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gate: Option<GateResult>,
    /// Golden rows that were predicted through HTTP and agreed.
    pub golden_rows: u64,
    /// Which model files these were, and by which build they were deployed.
    pub provenance: Provenance,
}

/// The comparison that lets a model through, on the test split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateResult {
    /// Whether the model is good enough.
    pub passed: bool,
    /// Key of the baseline in `Evaluation::baselines`.
    pub baseline: String,
    /// The baseline's root mean squared error, in the label's unit.
    pub baseline_root_mean_squared_error: f64,
    /// The model's root mean squared error, in the label's unit.
    pub model_root_mean_squared_error: f64,
    /// 1 − model / baseline: the fraction of the baseline's error the model removes.
    pub improvement: f64,
    /// The improvement that had to be exceeded.
    pub min_improvement: f64,
}
