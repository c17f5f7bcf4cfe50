//! The study as a hyperparameter tuning job of Vertex AI, its trials runs of `train`.
//!
//! The study's specification goes there as it is. What comes back is the table of all trials, from
//! which the outputs are made as after a study in this process; the service names no best trial.

use artifacts::{
    Goal, Measurement, MetricValue, Trial, TrialParameter, TrialState, Trials, figure,
};
use cloud::{Session, Staging};
use component::{Context, Outcome};
use gcp::job::JobKey;
use gcp::vertex::{TrialRecord, TuningJob};
use serde_json::{Value, json};
use storage::Storage;

use crate::{
    Args, Error, input::Input, metric::Metric, output, study::Plan, warm_start::WarmStart,
};

/// Trials at a time, unless the study says: machines cost, and the search learns between trials.
const PARALLEL_TRIALS: u32 = 2;

/// Runs the study remotely, or says with which request it would.
pub(crate) async fn run(
    storage: &Storage,
    args: &Args,
    plan: &Plan,
    input: &Input,
    context: &Context,
) -> Result<Outcome, Error> {
    if !args.warm_start.is_empty() {
        let flag = "--warm-start";
        return Err(Error::OnlyHere { flag });
    }
    let job = Job::new(args, plan, input)?;
    if context.dry_run {
        let local = output::plan(args, plan);
        let place = &args.cloud.job.place;
        let collection = place.vertex_collection("hyperparameterTuningJobs")?;
        let does = vec![format!("sends POST {collection} {}", job.request)];
        return Ok(Outcome::Plan(component::Plan { does, ..local }));
    }
    let session = Session::for_job(&args.cloud.job, context).await?;
    let files = input.files.iter().map(String::as_str);
    job.staging
        .bring_folder(storage, "examples", &args.examples, files)
        .await?;
    let jobs = session.vertex()?.tuning_jobs();
    let ended = session.run(&jobs, &job.key, &job.request).await?;
    let trials = trials(&ended.document, plan);
    for trial in &trials.trials {
        tell(trial, plan);
    }
    let tuned = output::Tuned::new(input, plan, trials, &WarmStart::default())?;
    tuned.write(storage, args).await?;
    Ok(Outcome::Done(tuned.outputs(args, session.resources())))
}

/// A tuning job and where its trials' files are.
struct Job {
    key: JobKey,
    staging: Staging,
    request: Value,
}

impl Job {
    fn new(args: &Args, plan: &Plan, input: &Input) -> Result<Self, Error> {
        let image = args.cloud.image()?;
        let settings = settings(args, plan);
        let parallel = match args.parallel_trial_count {
            // The local default is a matter of this machine.
            None if !plan.says_parallel => PARALLEL_TRIALS,
            _ => plan.parallel_trial_count,
        };
        let study = json!(plan.spec);
        let counts = format!("{} {parallel}", plan.max_trial_count);
        let parts = [image.to_owned(), study.to_string(), counts];
        let parts = parts.into_iter().chain(settings.clone());
        let parts = parts.chain([input.digest.clone()]);
        let key = args.cloud.job.place.key("hptune", parts);
        let staging = Staging::new(&args.cloud.job, &key)?;
        let examples = staging.input("examples", &args.examples);
        let mut flags = vec![format!("--examples={examples}")];
        flags.extend(settings);
        // No part of the key: the results are the same without.
        flags.extend(args.threads.map(|threads| format!("--threads={threads}")));
        let job = TuningJob {
            study_spec: study,
            max_trial_count: plan.max_trial_count,
            parallel_trial_count: parallel.min(plan.max_trial_count),
            max_failed_trial_count: plan.max_failed_trial_count.unwrap_or(0),
            // A trial writes its model to a folder of its own, which the service names.
            trial: args.cloud.job_spec(image, flags, &staging.outputs()),
            kms_key_name: args.cloud.job.encryption_key.clone(),
            labels: args.cloud.job.labels(),
        };
        Ok(Self {
            request: job.request(&key),
            key,
            staging,
        })
    }
}

/// The flags of every trial: what the study does not search.
fn settings(args: &Args, plan: &Plan) -> Vec<String> {
    let mut flags: Vec<String> = [
        ("train_steps", args.train_steps.to_string()),
        ("batch_size", args.batch_size.to_string()),
        ("weight_decay", args.weight_decay.to_string()),
    ]
    .into_iter()
    .filter(|(name, _)| !plan.searches(name))
    .map(|(name, value)| format!("--{}={value}", name.replace('_', "-")))
    .collect();
    flags.extend([
        format!("--eval-steps={}", args.eval_steps),
        format!("--patience={}", args.patience),
        format!("--seed={}", args.seed),
        format!("--tuning-metric={}", plan.metric_ids().replace(", ", ",")),
    ]);
    flags
}

/// The table of all trials of a job, by number.
fn trials(job: &Value, plan: &Plan) -> Trials {
    let mut trials = Trials::new(&plan.metrics[0].id, Goal::Minimize);
    trials.further_metrics = plan.spec.metrics[1..].to_vec();
    trials.trials = TrialRecord::all(job)
        .into_iter()
        .map(|record| trial(record, &plan.metrics))
        .collect();
    trials
}

/// A trial that ended without one of the metrics counts as infeasible, whatever the service calls it.
fn trial(record: TrialRecord, metrics: &[Metric]) -> Trial {
    let parameters = record.parameters.into_iter();
    let parameters = parameters
        .map(|(parameter_id, value)| TrialParameter {
            parameter_id,
            value,
        })
        .collect();
    let value = |metric: &Metric| {
        let value = record.metrics.get(&metric.id).copied();
        Some(MetricValue {
            metric_id: metric.id.clone(),
            value: value.filter(|value| value.is_finite())?,
        })
    };
    let values: Option<Vec<_>> = metrics.iter().map(value).collect();
    let measured = values.filter(|_| record.state == "SUCCEEDED");
    let reason = record
        .infeasible_reason
        .unwrap_or_else(|| format!("it ended as {} without its metrics", record.state));
    Trial {
        id: record.id,
        state: match measured {
            Some(_) => TrialState::Succeeded,
            None => TrialState::Infeasible,
        },
        parameters,
        infeasible_reason: measured.is_none().then_some(reason),
        final_measurement: measured.map(|metrics| Measurement {
            step_count: record.steps,
            metrics,
        }),
        measurements: Vec::new(),
    }
}

fn tell(trial: &Trial, plan: &Plan) {
    let metric = &plan.metrics[0].id;
    let id = &trial.id;
    match (trial.metric(metric), &trial.infeasible_reason) {
        (Some(value), _) => tracing::info!("trial {id}: {metric} {}", figure(value)),
        (None, reason) => {
            tracing::warn!(
                "trial {id} failed: {}",
                reason.as_deref().unwrap_or_default()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use artifacts::MetricSpec;

    use super::*;

    #[test]
    fn a_trial_without_the_metric_is_infeasible() {
        let metrics = [Metric::new(&MetricSpec {
            metric_id: "rmse".into(),
            goal: Goal::Minimize,
        })
        .unwrap()];
        let record = |state: &str, metrics: &[(&str, f64)]| TrialRecord {
            id: "1".into(),
            state: state.into(),
            parameters: BTreeMap::new(),
            steps: 7,
            metrics: metrics
                .iter()
                .map(|(name, value)| ((*name).into(), *value))
                .collect(),
            infeasible_reason: None,
        };
        let good = trial(record("SUCCEEDED", &[("rmse", 2.0)]), &metrics);
        assert_eq!(
            (good.state, good.metric("rmse")),
            (TrialState::Succeeded, Some(2.0))
        );
        for (state, measured) in [
            ("SUCCEEDED", vec![("other", 1.0)]),
            ("SUCCEEDED", vec![("rmse", f64::NAN)]),
            ("STOPPING", vec![("rmse", 1.0)]),
            ("INFEASIBLE", vec![]),
        ] {
            let bad = trial(record(state, &measured), &metrics);
            assert_eq!(
                (bad.state, bad.final_measurement),
                (TrialState::Infeasible, None)
            );
            assert_eq!(
                bad.infeasible_reason.unwrap(),
                format!("it ended as {state} without its metrics")
            );
        }
    }
}
