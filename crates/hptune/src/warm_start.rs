//! What earlier studies found, for a study to begin from.

use artifacts::{MetricSpec, Trial, TrialParameter, TrialState};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use storage::{Storage, Uri};
use trainer::{hyperparameters::canonical, search::Study};

use crate::{Error, study::Plan};

/// Earlier trials as the search takes them: parameters and the values of the study's metrics.
type Known = (Vec<TrialParameter>, Option<Vec<f64>>);

/// The earlier studies, and how much of them is of use.
#[derive(Default)]
pub(crate) struct WarmStart {
    studies: Vec<Vec<Known>>,
    /// Trials that are over in the earlier studies.
    found: usize,
    /// Those of them the search has learnt from.
    taken: usize,
    /// SHA-256 of all that was read; empty where nothing was.
    pub(crate) digest: String,
}

/// What a trials table and a journal have in common, and where each names its metrics.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    metric_id: Option<String>,
    #[serde(default)]
    goal: artifacts::Goal,
    #[serde(default)]
    further_metrics: Vec<MetricSpec>,
    study: Option<JournalStudy>,
    trials: Vec<Trial>,
}

#[derive(Deserialize)]
struct JournalStudy {
    spec: artifacts::StudySpec,
    hyperparameters: std::collections::BTreeMap<String, serde_json::Value>,
}

impl artifacts::Versioned for Document {
    fn version(&self) -> u32 {
        self.version
    }
}

impl WarmStart {
    /// Reads trials tables and journals.
    pub(crate) async fn read(storage: &Storage, uris: &[Uri], plan: &Plan) -> Result<Self, Error> {
        let mut warm_start = Self::default();
        let mut digest = Sha256::new();
        for uri in uris {
            let bytes = storage.read(uri).await?;
            digest.update(Sha256::digest(&bytes));
            let name = uri.file_name().unwrap_or("the trials").to_owned();
            let document: Document =
                artifacts::parse(&name, &bytes).map_err(|source| Error::WarmStart {
                    uri: uri.clone(),
                    source,
                })?;
            let known = document.known(plan).ok_or_else(|| Error::OtherMetrics {
                uri: uri.clone(),
                wanted: plan.metric_ids(),
            })?;
            let over = document.trials.iter().filter(|trial| is_over(trial));
            warm_start.found += over.count();
            warm_start.studies.push(known);
        }
        if !uris.is_empty() {
            warm_start.digest = hex::encode(digest.finalize());
        }
        Ok(warm_start)
    }

    /// Lets the search learn, and tells how much of it was of use.
    pub(crate) fn teach(&mut self, study: &mut Study) {
        let studies = self.studies.iter();
        self.taken = studies.map(|trials| study.learn_from(trials)).sum();
        if self.found == 0 {
            return;
        }
        let (taken, left_out) = (self.taken, self.left_out());
        if taken == 0 {
            tracing::warn!("none of {left_out} earlier trials lies in this study's space");
        } else {
            tracing::info!(taken, left_out, "earlier trials learnt from");
        }
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// Earlier trials outside of this study's space.
    pub(crate) fn left_out(&self) -> usize {
        self.found - self.taken
    }
}

fn is_over(trial: &Trial) -> bool {
    matches!(trial.state, TrialState::Succeeded | TrialState::Infeasible)
}

impl Document {
    /// The trials that are over and ran as this study's would; `None` where they measured
    /// something else.
    fn known(&self, plan: &Plan) -> Option<Vec<Known>> {
        let first = self.metric_id.as_ref().map(|metric_id| MetricSpec {
            metric_id: metric_id.clone(),
            goal: self.goal,
        });
        let metrics: Vec<MetricSpec> = match &self.study {
            Some(study) => study.spec.metrics.clone(),
            None => first
                .into_iter()
                .chain(self.further_metrics.clone())
                .collect(),
        };
        let names = plan.metrics.iter().map(|metric| {
            let same = metrics.iter().find(|other| metric.is_same(other))?;
            Some(same.metric_id.as_str())
        });
        let names = names.collect::<Option<Vec<&str>>>()?;
        let mut known = Vec::new();
        for trial in self.trials.iter().filter(|trial| is_over(trial)) {
            let Some(parameters) = self.parameters(trial, plan) else {
                continue;
            };
            let values = names.iter().map(|name| trial.metric(name));
            known.push((parameters, values.collect()));
        }
        Some(known)
    }

    /// A trial's values: its own, and from a journal what its study held fixed; `None` where a
    /// value of its own is not searched here and differs from what is held fixed here.
    fn parameters(&self, trial: &Trial, plan: &Plan) -> Option<Vec<TrialParameter>> {
        let mut parameters = trial.parameters.clone();
        let named = |parameters: &[TrialParameter], name: &str| {
            parameters
                .iter()
                .any(|p| canonical(&p.parameter_id) == name)
        };
        for (name, value) in self.study.iter().flat_map(|study| &study.hyperparameters) {
            if !named(&parameters, name) {
                parameters.push(TrialParameter {
                    parameter_id: name.clone(),
                    value: value.clone(),
                });
            }
        }
        let here = plan.fixed.to_map();
        let fits = |parameter: &TrialParameter| {
            let name = canonical(&parameter.parameter_id);
            plan.searches(&name)
                || here.get(&name).and_then(serde_json::Value::as_f64) == parameter.value.as_f64()
        };
        parameters.iter().all(fits).then_some(parameters)
    }
}
