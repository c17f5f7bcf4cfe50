//! Refuses configurations that contradict themselves.

use crate::Error;
use crate::config::{Config, PriceRepresentation};
use crate::plan::{Kind, reference};
use crate::policy::{Finding, Policy};

/// Rows of the longest horizon, lag or window: decades of days, and a bound on memory.
const LONGEST: u32 = 10_000;

pub(super) fn validate(config: &Config) -> Result<(), Error> {
    columns(config)?;
    windows(config)?;
    fractions(config)?;
    policies(config)
}

fn refuse<T>(key: &'static str, problem: impl Into<String>, hint: &str) -> Result<T, Error> {
    Err(Error::Config {
        key,
        problem: problem.into(),
        hint: hint.to_owned(),
    })
}

fn columns(config: &Config) -> Result<(), Error> {
    if config.features.is_empty() {
        return refuse(
            "features",
            "is empty",
            "name at least one column, for example open",
        );
    }
    for (position, feature) in config.features.iter().enumerate() {
        if config.features[..position].contains(feature) {
            return refuse(
                "features",
                format!("names `{feature}` twice"),
                "name it once",
            );
        }
    }
    if config.horizon == 0 && config.features.contains(&config.label) {
        return refuse(
            "features",
            format!(
                "holds the label `{}`, which is what is to be predicted",
                config.label
            ),
            "take it out, or predict later rows with --horizon",
        );
    }
    if config.horizon == 0 && reference(config) == config.label {
        return refuse(
            "reference",
            format!(
                "is the label `{}`, which is not known at horizon 0",
                config.label
            ),
            "name a column known before it, for example open",
        );
    }
    let relative = config.price_representation == PriceRepresentation::LogRatio;
    if relative && Kind::of(config, reference(config)) != Kind::Price {
        return refuse(
            "reference",
            format!("is `{}`, which is not a price column", reference(config)),
            "list it in `numeric_columns.price`, or use --price-representation raw",
        );
    }
    if let Some(both) = config
        .numeric_columns
        .price
        .iter()
        .find(|name| config.numeric_columns.volume.contains(name))
    {
        return refuse(
            "numeric_columns",
            format!("names `{both}` as a price and as a volume"),
            "name it once",
        );
    }
    Ok(())
}

fn windows(config: &Config) -> Result<(), Error> {
    let bound = |key, value: u32, least: u32| match value {
        value if value < least || value > LONGEST => refuse(
            key,
            format!("holds {value}, which is not between {least} and {LONGEST} rows"),
            "choose another number of rows",
        ),
        _ => Ok(()),
    };
    bound("horizon", config.horizon, 0)?;
    for rows in &config.lags.rows {
        bound("lags.rows", *rows, 1)?;
    }
    for rows in &config.rolling.windows {
        bound("rolling.windows", *rows, 2)?;
    }
    let several = config.policies.duplicate_date == Policy::Keep;
    let looks_around =
        config.horizon > 0 || !config.lags.rows.is_empty() || !config.rolling.windows.is_empty();
    if several && looks_around {
        return refuse(
            "policies.duplicate_date",
            "is keep, but a horizon, lags and rolling windows need one row a date",
            "let it be drop, and select one series",
        );
    }
    Ok(())
}

fn fractions(config: &Config) -> Result<(), Error> {
    let split = &config.split;
    for (key, fraction) in [("split.train", split.train), ("split.eval", split.eval)] {
        if !(fraction > 0.0 && fraction < 1.0) {
            return refuse(
                key,
                format!("is {fraction}, which is not between 0 and 1"),
                "give the share of the rows, for example 0.7",
            );
        }
    }
    if split.train + split.eval >= 1.0 {
        return refuse(
            "split",
            format!(
                "gives train {} and eval {}, which leaves no test rows",
                split.train, split.eval
            ),
            "lower one of them: the test split is what they leave of 1",
        );
    }
    Ok(())
}

fn policies(config: &Config) -> Result<(), Error> {
    for &finding in Finding::ALL {
        if config.policies.get(finding) == Policy::Keep && !finding.can_be_kept() {
            return refuse(
                "policies",
                format!(
                    "keeps `{}`, but such a row has no place in the examples",
                    finding.key()
                ),
                "let it be drop or error",
            );
        }
    }
    let relative = config.price_representation == PriceRepresentation::LogRatio;
    if relative && config.policies.non_positive_price == Policy::Keep {
        return refuse(
            "policies.non_positive_price",
            "is keep, but a price of 0 or below has no logarithm",
            "let it be drop or error, or use --price-representation raw",
        );
    }
    Ok(())
}
