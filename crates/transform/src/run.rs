//! The component: from flags to published examples.

use artifacts::{Provenance, Split};
use component::{Context, Outcome, Unit};
use storage::{ObjectMeta, Storage, Uri};
use tokio::runtime::Handle;
use tracing::{info, warn};

use crate::args::parse_config;
use crate::collect::{Collector, Columns};
use crate::config::Config;
use crate::data_report::{self, Sources};
use crate::date::DateFormat;
use crate::findings::Findings;
use crate::input::{Access, Input, with_text};
use crate::plan::Plan;
use crate::policy::Policy;
use crate::publish::{Folder, publish, temporary};
use crate::scan::Scanner;
use crate::statistics::Statistics;
use crate::table::Table;
use crate::{Args, Error, documents, dry_run, examples, fit, split, timeline, write};

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
    if context.dry_run {
        return Ok(Outcome::Plan(dry_run::plan(&args, &config, &plan)));
    }
    let inputs = inputs(&storage, &raw_data).await?;
    let total: u64 = inputs.iter().map(|input| input.meta.size).sum();
    let access = Access {
        storage: storage.clone(),
        runtime: Handle::current(),
        cancel: context.cancel.clone(),
        progress: context.progress("reading", Unit::Bytes, Some(total)),
    };
    let build = context.build();
    let made = tokio::task::spawn_blocking(move || make(&config, &plan, &inputs, &access, build));
    let folder = made.await.expect("the computation does not panic")?;
    if context.cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    publish(&storage, &target, report.as_ref(), &folder).await?;
    for (finding, found) in &folder.statistics.findings {
        if found.count > 0 {
            warn!(count = found.count, policy = ?found.policy, "{finding}: {}", found.first[0]);
        }
    }
    let schema = &folder.schema;
    info!(
        train = schema.splits.train.rows,
        eval = schema.splits.eval.rows,
        test = schema.splits.test.rows,
        rejected = folder.statistics.rows.rejected,
        "examples written to {target}"
    );
    Ok(Outcome::Done(documents::outputs(
        &target,
        report.as_ref(),
        &folder,
    )))
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
    inputs: &[Input],
    access: &Access,
    build: String,
) -> Result<Folder, Error> {
    let names = inputs.iter().map(|input| input.name.clone()).collect();
    let columns = [std::slice::from_ref(&config.date.column), &plan.kept].concat();
    let findings = Findings::new(&config.policies, names, &columns)?;
    let mut provenance = Provenance {
        build,
        inputs: Vec::new(),
    };
    let (table, format, scanned, mut findings) =
        read(config, plan, inputs, access, findings, &mut provenance)?;
    access.progress.finish();
    let timeline = timeline::order(table, &config.policies, &mut findings)?;
    let respect_gaps = config.policies.gap == Policy::Drop;
    let examples = examples::build(&timeline, plan, &config.date.column, respect_gaps)?;
    let ranges = split::split(&examples.dates, &config.split, plan.horizon)?;
    let train_rows = ranges.get(Split::Train).len();
    let transform_params = fit::fit(plan, &examples, train_rows, &mut findings)?;
    let statistics = Statistics::gather(
        config, scanned, format, &timeline, &examples, &ranges, &findings,
    )?;
    let schema = documents::schema(config, plan, &examples, &ranges, provenance);
    let splits = Split::ALL.into_iter().map(|split| {
        let range = ranges.get(split);
        let mut rows = examples.frame.slice(range.start as i64, range.len());
        let dates = &examples.dates[range];
        temporary(|file| write::write(&mut rows, dates, timeline.days, config.format, file))
    });
    let splits = splits.collect::<Result<_, _>>()?;
    let mut rejected = findings.into_rejected()?;
    let rejected = temporary(|file| {
        std::io::copy(&mut rejected, file)
            .map(drop)
            .map_err(|source| Error::Temporary {
                action: "write",
                source,
            })
    })?;
    let report = data_report::html(&Sources {
        schema: &schema,
        statistics: &statistics,
        transform_params: &transform_params,
        plan,
        examples: &examples,
        ranges: &ranges,
    });
    Ok(Folder {
        splits,
        rejected,
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
    inputs: &[Input],
    access: &Access,
    findings: Findings,
    provenance: &mut Provenance,
) -> Result<(Table, DateFormat, u64, Findings), Error> {
    let mut collector = Collector::new(config, plan, findings);
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
    let (table, format, findings) = collector.finish()?;
    if table.rows() == 0 && findings.rejected_rows() > 0 {
        return Err(findings.all_rejected());
    }
    if table.rows() == 0
        && let Some(series) = &config.series
    {
        return Err(Error::NoSeries {
            column: series.column.clone(),
            value: series.value.clone(),
            rows: scanned,
        });
    }
    Ok((table, format, scanned, findings))
}
