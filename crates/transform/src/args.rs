//! The flags.

use std::collections::BTreeMap;

use artifacts::{ExamplesFormat, Series};
use component::MemoryLimit;

use crate::Error;
use crate::config::{
    CalendarField, Config, DateFormatChoice, PriceRepresentation, RollingStatistic,
};
use crate::policy::{Finding, Policy};

/// Where the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Runner {
    /// In this process.
    Local,
    /// On Dataflow; what depends on the rows around a row is made here from what it kept.
    Dataflow,
}

/// Flags of `transform`; those after `--config` override its keys.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // help text for a terminal
pub struct Args {
    /// Where the table is read: `local` is this process, `dataflow` a job of many machines that
    /// keeps the rows and columns wanted; windows and splits are made here in both cases
    #[arg(long, value_name = "WHERE", default_value = "local")]
    pub runner: Runner,

    /// The raw table: a CSV file, a folder of them, or a glob such as data/part-*.csv.gz; local
    /// or gs://; plain, gzip or zstd
    #[arg(long, value_name = "ADDRESS")]
    pub raw_data: String,

    /// Folder to write the examples to; local or gs://
    #[arg(long, value_name = "FOLDER")]
    pub examples: String,

    /// File to write the data report to; local or gs://
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<String>,

    /// Configuration, YAML or JSON; local or gs://
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,

    /// Memory for rows, in MiB; more rows than that go through a temporary file in TMPDIR, which
    /// should be on a disk
    #[arg(long, value_name = "MIB", default_value = "128")]
    pub memory_limit: MemoryLimit,

    /// Keys of the configuration
    #[command(flatten)]
    pub overrides: Overrides,

    /// The job, where it is not this process that reads the table.
    #[command(flatten)]
    pub dataflow: DataflowArgs,
}

/// Flags of a Dataflow job.
#[allow(clippy::doc_markdown)] // help text for a terminal
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Google Cloud")]
pub struct DataflowArgs {
    /// The job itself.
    #[command(flatten)]
    pub job: cloud::JobArgs,

    /// Subnetwork the machines are in, as regions/REGION/subnetworks/NAME
    #[arg(long, value_name = "SUBNETWORK")]
    pub subnetwork: Option<String>,

    /// Give the machines no public address
    #[arg(long)]
    pub private_ips: bool,

    /// Machines at the beginning [default: the service's choice]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub num_workers: Option<u32>,

    /// Machines at most [default: the service's choice]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_workers: Option<u32>,

    /// Flex template that runs Beam YAML [default:
    /// gs://dataflow-templates-REGION/latest/flex/Yaml_Template]; name a dated folder instead of
    /// `latest` to pin it
    #[arg(long, value_name = "gs://…")]
    pub yaml_template: Option<String>,

    /// Have Dataflow check the request, with this account and in this project, and launch and
    /// write nothing
    #[arg(long)]
    pub validate_only: bool,
}

/// Flags that override keys of the configuration.
#[allow(clippy::doc_markdown)] // help text for a terminal
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub struct Overrides {
    /// Column that names the series of a row [default: slug]
    #[arg(long, value_name = "COLUMN")]
    pub series_column: Option<String>,

    /// Keep the rows with this value in that column [default: bitcoin]
    #[arg(long, value_name = "VALUE")]
    pub series_value: Option<String>,

    /// Keep all rows: the table holds one series
    #[arg(long, conflicts_with_all = ["series_column", "series_value"])]
    pub whole_table: bool,

    /// Column with the date [default: date]
    #[arg(long, value_name = "COLUMN")]
    pub date_column: Option<String>,

    /// How the dates are written [default: auto]
    #[arg(long, value_name = "FORMAT")]
    pub date_format: Option<DateFormatChoice>,

    /// Columns with prices [default: open high low close]; repeatable
    #[arg(long, value_name = "COLUMN")]
    pub price_column: Vec<String>,

    /// Columns with volumes [default: volume market]; repeatable
    #[arg(long, value_name = "COLUMN")]
    pub volume_column: Vec<String>,

    /// Column to predict [default: close]
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,

    /// Columns of the same row that the model sees [default: open high low]; repeatable
    #[arg(long, value_name = "COLUMN")]
    pub feature: Vec<String>,

    /// Column that relative prices refer to [default: open, or the label above horizon 0]
    #[arg(long, value_name = "COLUMN")]
    pub reference: Option<String>,

    /// Rows between a row and its label: 0 = the same row [default: 0]
    #[arg(long, value_name = "ROWS")]
    pub horizon: Option<u32>,

    /// The value this many rows back as a feature; repeatable
    #[arg(long, value_name = "ROWS")]
    pub lag: Vec<u32>,

    /// Columns to take lags of [default: the label]; repeatable
    #[arg(long, value_name = "COLUMN")]
    pub lag_column: Vec<String>,

    /// Statistics over this many rows as features; repeatable
    #[arg(long, value_name = "ROWS")]
    pub rolling_window: Vec<u32>,

    /// Which statistics [default: mean std]; repeatable
    #[arg(long, value_name = "STATISTIC")]
    pub rolling_statistic: Vec<RollingStatistic>,

    /// Columns to take rolling statistics of [default: the label]; repeatable
    #[arg(long, value_name = "COLUMN")]
    pub rolling_column: Vec<String>,

    /// Parts of the date as features; repeatable
    #[arg(long, value_name = "FIELD")]
    pub calendar: Vec<CalendarField>,

    /// How prices are presented to the model [default: log_ratio]
    #[arg(long, value_name = "REPRESENTATION")]
    pub price_representation: Option<PriceRepresentation>,

    /// Share of the rows to train on, the oldest [default: 0.70]
    #[arg(long, value_name = "SHARE")]
    pub train_fraction: Option<f64>,

    /// Share of the rows to tune on; the rest is the test split [default: 0.15]
    #[arg(long, value_name = "SHARE")]
    pub eval_fraction: Option<f64>,

    /// Format of the example files: parquet or csv [default: parquet]
    #[arg(long, value_name = "FORMAT", value_parser = parse_format)]
    pub format: Option<ExamplesFormat>,

    /// What to do about a finding, for example gap=error (error, drop or keep); repeatable
    #[arg(long, value_name = "FINDING=POLICY", value_parser = parse_policy)]
    pub policy: Vec<(Finding, Policy)>,
}

fn parse_format(text: &str) -> Result<ExamplesFormat, String> {
    match text {
        "parquet" => Ok(ExamplesFormat::Parquet),
        "csv" => Ok(ExamplesFormat::Csv),
        _ => Err("expected parquet or csv".to_owned()),
    }
}

fn parse_policy(text: &str) -> Result<(Finding, Policy), String> {
    let (finding, policy) = text.split_once('=').ok_or("expected FINDING=POLICY")?;
    let findings: BTreeMap<_, _> = Finding::ALL.iter().map(|all| (all.key(), *all)).collect();
    let finding = findings.get(finding).ok_or_else(|| {
        let known: Vec<_> = Finding::ALL.iter().map(|finding| finding.key()).collect();
        format!(
            "no finding is named `{finding}`; there are {}",
            known.join(", ")
        )
    })?;
    let policy = <Policy as clap::ValueEnum>::from_str(policy, false)
        .map_err(|_| format!("no policy is named `{policy}`; there are error, drop, keep"))?;
    Ok((*finding, policy))
}

impl Overrides {
    /// Puts the flags given in place of the configuration's values.
    pub fn apply(self, mut config: Config) -> Config {
        if self.whole_table {
            config.series = None;
        }
        if self.series_column.is_some() || self.series_value.is_some() {
            let base = config.series.take().or_else(|| Config::default().series);
            let (column, value) = base.map(|series| (series.column, series.value)).unzip();
            config.series = self
                .series_column
                .or(column)
                .zip(self.series_value.or(value))
                .map(|(column, value)| Series { column, value });
        }
        set(&mut config.date.column, self.date_column);
        set(&mut config.date.format, self.date_format);
        set_list(&mut config.numeric_columns.price, self.price_column);
        set_list(&mut config.numeric_columns.volume, self.volume_column);
        set(&mut config.label, self.label);
        set_list(&mut config.features, self.feature);
        config.reference = self.reference.or(config.reference);
        set(&mut config.horizon, self.horizon);
        set_list(&mut config.lags.rows, self.lag);
        set_list(&mut config.lags.columns, self.lag_column);
        set_list(&mut config.rolling.windows, self.rolling_window);
        set_list(&mut config.rolling.statistics, self.rolling_statistic);
        set_list(&mut config.rolling.columns, self.rolling_column);
        set_list(&mut config.calendar, self.calendar);
        set(&mut config.price_representation, self.price_representation);
        set(&mut config.split.train, self.train_fraction);
        set(&mut config.split.eval, self.eval_fraction);
        set(&mut config.format, self.format);
        for (finding, policy) in self.policy {
            config.policies.set(finding, policy);
        }
        config
    }
}

fn set<T>(key: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *key = value;
    }
}

fn set_list<T>(key: &mut Vec<T>, flag: Vec<T>) {
    if !flag.is_empty() {
        *key = flag;
    }
}

/// Reads a configuration document; JSON is YAML too. An empty one is all defaults.
pub(crate) fn parse_config(document: &str, text: &[u8]) -> Result<Config, Error> {
    let config: Option<Config> =
        serde_yaml_ng::from_slice(text).map_err(|source| Error::ConfigSyntax {
            document: document.to_owned(),
            source,
        })?;
    Ok(config.unwrap_or_default())
}
