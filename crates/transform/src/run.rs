//! The component: from flags to published examples.

use artifacts::{Provenance, Split};
use component::{Context, MemoryLimit, Outcome, Unit};
use storage::{ObjectMeta, Storage, Uri};
use tokio::runtime::Handle;
use tracing::{info, warn};

use crate::args::parse_config;
use crate::collect::{Collector, Columns};
use crate::config::Config;
use crate::data_report::{self, Sources};
use crate::dataflow::{Counts, Launch};
use crate::date::DateFormat;
use crate::findings::Findings;
use crate::input::{Access, Input, with_text};
use crate::plan::Plan;
use crate::policy::Policy;
use crate::publish::{Folder, publish};
use crate::scan::Scanner;
use crate::scratch::Scratch;
use crate::statistics::Statistics;
use crate::table::{Collected, Dated};
use crate::{Args, Error, Runner, documents, dry_run, examples, fit, split, timeline, write};

/// Makes the examples and publishes them.
///
/// # Panics
/// When the computation does, which is a mistake in this crate.
pub async fn run(args: Args, context: Context) -> Result<Outcome, Error> {
    let raw_data = address("raw-data", &args.raw_data)?;
    let target = address("examples", &args.examples)?;
    let report = args
        .report
        .as_deref()
        .map(|report| address("report", report))
        .transpose()?;
    let storage = Storage::from_env();
    let config = match &args.config {
        None => Config::default(),
        Some(config) => {
            let uri = address("config", config)?;
            let name = uri.file_name().unwrap_or(config).to_owned();
            parse_config(&name, &storage.read(&uri).await?)?
        }
    };
    let config = args.overrides.clone().apply(config);
    let plan = Plan::new(&config)?;
    let local = args.runner == Runner::Local;
    if local && args.dataflow.validate_only {
        return Err(Error::NothingToValidate);
    }
    if context.dry_run && local {
        return Ok(Outcome::Plan(dry_run::plan(&args, &config, &plan)));
    }
    let mut inputs = inputs(&storage, &raw_data).await?;
    let mut counts = None;
    let mut resources = cloud::NO_RESOURCES.to_owned();
    if !local {
        let launch = Launch::new(&args.dataflow, &config, &plan, &inputs)?;
        if context.dry_run {
            let plan = dry_run::plan(&args, &config, &plan);
            return Ok(Outcome::Plan(launch.plan(plan)?));
        }
        if args.dataflow.validate_only {
            return Ok(Outcome::Report(launch.validate(&context).await?));
        }
        let fetched = launch.run(&storage, &inputs, &context).await?;
        inputs = vec![fetched.table];
        counts = fetched.counts;
        resources = fetched.resources;
    }
    let total: u64 = inputs.iter().map(|input| input.meta.size).sum();
    let access = Access {
        storage: storage.clone(),
        runtime: Handle::current(),
        cancel: context.cancel.clone(),
        progress: context.progress("reading", Unit::Bytes, Some(total)),
    };
    let build = context.build();
    let limit = args.memory_limit;
    let source = Source { inputs, counts };
    let made = component::blocking(move || make(&config, &plan, &source, &access, limit, build));
    let folder = made.await?;
    if context.cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let (schema, statistics) = (folder.schema.clone(), folder.statistics.clone());
    publish(&storage, &target, report.as_ref(), folder).await?;
    for (finding, found) in &statistics.findings {
        if found.count > 0 {
            warn!(count = found.count, policy = ?found.policy, "{finding}: {}", found.first[0]);
        }
    }
    info!(
        train = schema.splits.train.rows,
        eval = schema.splits.eval.rows,
        test = schema.splits.test.rows,
        rejected = statistics.rows.rejected,
        "examples written to {target}"
    );
    Ok(Outcome::Done(documents::outputs(
        &target,
        report.as_ref(),
        &schema,
        &statistics,
        resources,
    )))
}

/// What is read here, and what a job counted that read before.
struct Source {
    inputs: Vec<Input>,
    counts: Option<Counts>,
}

fn address(flag: &'static str, text: &str) -> Result<Uri, Error> {
    text.parse()
        .map_err(|source| Error::Address { flag, source })
}

async fn inputs(storage: &Storage, raw_data: &Uri) -> Result<Vec<Input>, Error> {
    let found = storage.glob(raw_data).await?;
    if found.is_empty() {
        return Err(Error::NoInput {
            uri: raw_data.to_string(),
        });
    }
    let name = |uri: &Uri| uri.file_name().unwrap_or("input").to_owned();
    // Other tools leave markers such as `_SUCCESS` in folders of tables.
    let several = found.len() > 1;
    let is_marker = |meta: &ObjectMeta| name(&meta.uri).starts_with(['_', '.']);
    Ok(found
        .into_iter()
        .filter(|meta| !(several && is_marker(meta)))
        .map(|meta| Input {
            name: name(&meta.uri),
            meta,
        })
        .collect())
}

/// Everything between the raw bytes and the files to publish.
fn make(
    config: &Config,
    plan: &Plan,
    source: &Source,
    access: &Access,
    limit: MemoryLimit,
    build: String,
) -> Result<Folder, Error> {
    let width = Collected::width(plan.kept.len());
    let scratch = Scratch::new(limit.bytes(), width, access.cancel.clone());
    let Source { inputs, counts } = source;
    let names = inputs.iter().map(|input| input.name.clone()).collect();
    let columns = [std::slice::from_ref(&config.date.column), &plan.kept].concat();
    let findings = Findings::new(&config.policies, names, &columns)?;
    let mut provenance = Provenance {
        build,
        inputs: Vec::new(),
    };
    let collector = Collector::new(config, plan, &scratch, findings);
    let (rows, format, scanned, mut findings) =
        read(config, plan, source, access, collector, &mut provenance)?;
    access.progress.finish();
    let timeline = timeline::order(rows, &scratch, &mut findings)?;
    let respect_gaps = config.policies.gap == Policy::Drop;
    let examples = examples::build(&timeline, plan, &scratch, respect_gaps)?;
    let ranges = split::split(&examples.dates, &config.split, plan.horizon)?;
    let train_rows = ranges.get(Split::Train).len();
    let transform_params = fit::fit(plan, &examples, train_rows, &mut findings)?;
    let mut statistics = Statistics::gather(
        config, scanned, format, &timeline, &examples, &ranges, &findings,
    )?;
    statistics.dataflow = *counts;
    let schema = documents::schema(config, plan, &examples, &ranges, provenance)?;
    let date = &config.date.column;
    let splits = Split::ALL
        .into_iter()
        .map(|split| write::write(&examples, date, ranges.get(split), config.format))
        .collect::<Result<_, _>>()?;
    let report = data_report::html(&Sources {
        schema: &schema,
        statistics: &statistics,
        transform_params: &transform_params,
        examples: &examples,
        ranges: &ranges,
    })?;
    Ok(Folder {
        splits,
        rejected: findings.into_rejected()?,
        transform_params,
        statistics,
        schema,
        report,
    })
}

/// Scans all inputs; the digests go to `provenance`.
fn read(
    config: &Config,
    plan: &Plan,
    source: &Source,
    access: &Access,
    mut collector: Collector<'_>,
    provenance: &mut Provenance,
) -> Result<(Dated, DateFormat, u64, Findings), Error> {
    let Source { inputs, counts } = source;
    let mut scanned = 0;
    let mut first_header: Option<Vec<String>> = None;
    for (index, input) in inputs.iter().enumerate() {
        let (rows, digest) = with_text(input, access, |text| {
            let mut scanner = Scanner::new(text, &input.name);
            let header = scanner.header()?;
            let columns = Columns::find(config, plan, &header, &input.name)?;
            match &first_header {
                Some(first) if *first != header => {
                    return Err(Error::HeaderMismatch {
                        file: input.name.clone(),
                        first: inputs[0].name.clone(),
                    });
                }
                Some(_) => {}
                None => first_header = Some(header),
            }
            scanner.records(columns.filter.as_ref(), &mut |record| {
                collector.record(&columns, record, index as u32)
            })
        })?;
        scanned += rows;
        provenance.inputs.push(digest);
    }
    // A job has read more than it kept.
    let scanned = counts.map_or(scanned, |counts| counts.rows_read);
    let (rows, format, findings) = collector.finish()?;
    if rows.is_empty() && findings.rejected_rows() > 0 {
        return Err(findings.all_rejected());
    }
    if rows.is_empty()
        && let Some(series) = &config.series
    {
        return Err(Error::NoSeries {
            column: series.column.clone(),
            value: series.value.clone(),
            rows: scanned,
        });
    }
    Ok((rows, format, scanned, findings))
}
