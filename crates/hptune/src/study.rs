//! The study to run: the built-in one, or a file's.

use artifacts::{ParameterSpec, StudyConfig, StudySpec};
use storage::{Storage, Uri};
use trainer::{
    Threads,
    hyperparameters::{Hyperparameters, canonical},
    search::{Effort, Study, StudyOptions},
};

use crate::{
    Acquisition, Args, Error,
    error::StudyError,
    metric::{Metric, Selection},
    trial::with_parameters,
};

/// The classic search space, with a learning rate that converges (0.1 to 0.3 diverges).
const DEFAULT: &str = include_str!("default_study.yaml");
/// What messages call it.
const DEFAULT_NAME: &str = "the built-in study";
/// Trials of a study that does not say.
const DEFAULT_TRIALS: u32 = 20;

/// A checked study.
pub(crate) struct Plan {
    /// The file's address, or what stands for it.
    pub(crate) name: String,
    pub(crate) spec: StudySpec,
    /// What trials measure, the first of them decides.
    pub(crate) metrics: Vec<Metric>,
    pub(crate) selection: Selection,
    pub(crate) max_trial_count: u32,
    pub(crate) parallel_trial_count: u32,
    /// Whether that number is the study's own, not one for this machine.
    pub(crate) says_parallel: bool,
    /// Failed trials that end the study.
    pub(crate) max_failed_trial_count: Option<u32>,
    /// Hyperparameters the study does not search.
    pub(crate) fixed: Hyperparameters,
}

impl Plan {
    /// The study of a configuration, with the flags over it.
    pub(crate) fn new(name: String, config: StudyConfig, args: &Args) -> Result<Self, Error> {
        let fixed = fixed(args)?;
        let selection = match config.study_spec.measurement_selection_type.as_deref() {
            Some("BEST_MEASUREMENT") => Selection::Best,
            _ => Selection::Last,
        };
        let mut plan = Self {
            name,
            metrics: Vec::new(),
            selection,
            max_trial_count: args
                .max_trial_count
                .or(config.max_trial_count)
                .unwrap_or(DEFAULT_TRIALS),
            says_parallel: config.parallel_trial_count.is_some(),
            parallel_trial_count: args
                .parallel_trial_count
                .or(config.parallel_trial_count)
                .unwrap_or_else(processors),
            max_failed_trial_count: config.max_failed_trial_count.filter(|count| *count > 0),
            spec: config.study_spec,
            fixed,
        };
        match plan.check() {
            Ok(()) => Ok(plan),
            Err(source) => Err(Error::Study {
                study: plan.name,
                source,
            }),
        }
    }

    /// Names of the metrics, for a message.
    pub(crate) fn metric_ids(&self) -> String {
        let ids: Vec<&str> = self.metrics.iter().map(|m| m.id.as_str()).collect();
        ids.join(", ")
    }

    /// All parameters, each before its conditional ones; one that is conditional on different
    /// values of its parent may be there twice.
    pub(crate) fn parameters(&self) -> Vec<&ParameterSpec> {
        fn add<'a>(parameter: &'a ParameterSpec, to: &mut Vec<&'a ParameterSpec>) {
            to.push(parameter);
            for child in &parameter.conditional_parameter_specs {
                add(&child.parameter_spec, to);
            }
        }
        let mut all = Vec::new();
        for parameter in &self.spec.parameters {
            add(parameter, &mut all);
        }
        all
    }

    /// Whether the study searches a hyperparameter of this name.
    pub(crate) fn searches(&self, name: &str) -> bool {
        let mut parameters = self.parameters().into_iter();
        parameters.any(|parameter| canonical(&parameter.parameter_id) == name)
    }

    /// The search itself, at its beginning, for networks with this many inputs.
    pub(crate) fn begin(&self, args: &Args, inputs: usize) -> Result<Study, Error> {
        let study = Study::new(&self.spec, options(args)).map_err(|error| Error::Study {
            study: self.name.clone(),
            source: error.into(),
        })?;
        Ok(match args.acquisition {
            Acquisition::ExpectedImprovement => study,
            Acquisition::ExpectedImprovementPerCost => {
                let fixed = self.fixed.clone();
                study.weigh(Effort::new(move |parameters| {
                    with_parameters(&fixed, parameters)
                        .map_or(f64::INFINITY, |trial| trial.effort(inputs))
                }))
            }
        })
    }

    fn check(&mut self) -> Result<(), StudyError> {
        Study::new(&self.spec, StudyOptions::default())?;
        let metrics = self.spec.metrics.iter().map(Metric::new);
        self.metrics = metrics.collect::<Result<_, _>>()?;
        for (field, count) in [
            ("maxTrialCount", self.max_trial_count),
            ("parallelTrialCount", self.parallel_trial_count),
        ] {
            if count == 0 {
                return Err(StudyError::Zero { field });
            }
        }
        self.parameters()
            .into_iter()
            .try_for_each(|parameter| self.check_parameter(parameter))
    }

    /// Every value in a parameter's range must be one that `train` takes; ranges have no holes,
    /// so their ends tell.
    fn check_parameter(&self, parameter: &ParameterSpec) -> Result<(), StudyError> {
        let name = &parameter.parameter_id;
        let mut values: Vec<serde_json::Value> = Vec::new();
        if let Some(spec) = &parameter.double_value_spec {
            values.extend([spec.min_value.into(), spec.max_value.into()]);
        }
        if let Some(spec) = &parameter.integer_value_spec {
            values.extend([spec.min_value.into(), spec.max_value.into()]);
        }
        if let Some(spec) = &parameter.discrete_value_spec {
            values.extend(spec.values.iter().copied().map(serde_json::Value::from));
        }
        if let Some(spec) = &parameter.categorical_value_spec {
            values.extend(spec.values.iter().cloned().map(serde_json::Value::from));
        }
        let mut scratch = self.fixed.clone();
        for value in &values {
            scratch.set(name, value)?;
        }
        if parameter.double_value_spec.is_some() && Hyperparameters::is_whole(name) == Some(true) {
            return Err(StudyError::NotWhole {
                parameter: name.clone(),
            });
        }
        Ok(())
    }
}

/// Reads the study the flags name.
pub(crate) async fn read(storage: &Storage, args: &Args) -> Result<Plan, Error> {
    match &args.study_config {
        None => built_in(args),
        Some(uri) => {
            let bytes = storage.read(uri).await?;
            Plan::new(uri.to_string(), parse(uri, &bytes)?, args)
        }
    }
}

/// The study without a file.
pub(crate) fn built_in(args: &Args) -> Result<Plan, Error> {
    let config = serde_yaml_ng::from_str(DEFAULT).expect("a test parses the built-in study");
    Plan::new(DEFAULT_NAME.to_owned(), config, args)
}

/// JSON where it begins like an object, YAML otherwise.
pub(crate) fn parse(uri: &Uri, bytes: &[u8]) -> Result<StudyConfig, Error> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice(bytes).map_err(|source| Error::StudyJson {
            uri: uri.clone(),
            source,
        })
    } else {
        serde_yaml_ng::from_slice(bytes).map_err(|source| Error::StudyYaml {
            uri: uri.clone(),
            source,
        })
    }
}

/// What the study does not search.
fn fixed(args: &Args) -> Result<Hyperparameters, Error> {
    let mut fixed = Hyperparameters::default();
    for (name, value) in [
        ("train_steps", args.train_steps.into()),
        ("batch_size", args.batch_size.into()),
        ("weight_decay", args.weight_decay.into()),
    ] {
        fixed.set(name, &value).map_err(Error::Flag)?;
    }
    Ok(fixed)
}

fn options(args: &Args) -> StudyOptions {
    StudyOptions {
        seed: args.seed,
        ahead: args.trials_ahead as usize,
    }
}

fn processors() -> u32 {
    Threads::available() as u32
}
