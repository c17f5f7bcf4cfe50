//! The command line.

use std::time::Duration;

use jiff::SignedDuration;

/// Flags of `gcs-ingest`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the data is: an https, http or file address, or a path; repeat for several
    #[arg(long, required = true, value_name = "ADDRESS")]
    pub source: Vec<String>,
    /// Where to put it: `gs://bucket/object`, a `file://` address or a path; a folder if it ends in
    /// `/` or there are several sources
    #[arg(long, value_name = "ADDRESS")]
    pub destination: Option<String>,
    /// Where to put it when there is no --destination
    #[arg(long, value_name = "ADDRESS")]
    pub raw_data: Option<String>,
    /// The SHA-256 the data must have, in hex; one for each source, in the same order
    #[arg(long, value_name = "HEX")]
    pub sha256: Vec<String>,
    /// Any text that names the version wanted, recorded with the data: a pipeline that takes
    /// results from its cache asks the source again when it changes
    #[arg(long, value_name = "TEXT")]
    pub data_version: Option<String>,
    /// Transfer even if the source has not changed since it was stored
    #[arg(long)]
    pub force: bool,
    /// Make the destination's bucket if it does not exist
    #[arg(long, help_heading = "Bucket")]
    pub create_bucket: bool,
    /// Project that will own the bucket
    #[arg(long, value_name = "PROJECT", help_heading = "Bucket")]
    pub project: Option<String>,
    /// Where the bucket will be; Cloud Storage's own default is the multi-region US
    #[arg(long, value_name = "LOCATION", help_heading = "Bucket")]
    pub location: Option<String>,
    /// Storage class of the bucket; Cloud Storage's own default is STANDARD
    #[arg(long, value_name = "CLASS", help_heading = "Bucket")]
    pub storage_class: Option<String>,
    /// Whether the bucket's policy alone decides who has access
    #[arg(
        long,
        default_value_t = true,
        action = clap::ArgAction::Set,
        value_name = "BOOL",
        help_heading = "Bucket"
    )]
    pub uniform_access: bool,
    /// Bounds of the transfer
    #[command(flatten)]
    pub limits: Limits,
}

/// Bounds of time and attempts.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Time to connect, TLS included
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration)]
    pub connect_timeout: Duration,
    /// Time without any byte arriving after which a connection counts as lost
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = duration)]
    pub read_timeout: Duration,
    /// Time for the whole transfer of one source
    #[arg(long, default_value = "6h", value_name = "TIME", value_parser = duration)]
    pub timeout: Duration,
    /// Failures in a row after which a transfer is given up; progress starts the count afresh
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_attempts: u32,
    /// Longest pause after the first failure; it doubles with every further one
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = duration)]
    pub retry_initial_delay: Duration,
    /// Longest pause between attempts, unless the server asks for a longer one
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = duration)]
    pub retry_max_delay: Duration,
    /// Redirects followed
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub max_redirects: usize,
}

/// Reads `500ms`, `30s`, `1h 30m`, or a plain number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed = match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => text
            .parse::<SignedDuration>()
            .ok()
            .and_then(|time| time.try_into().ok()),
    };
    parsed
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "expected a time above zero, such as 500ms, 30s, 5m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_carry_the_contract() {
        component::testing::assert_contract::<Args>(&crate::CONTRACT);
    }

    #[test]
    fn times_have_units_or_are_seconds() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("2.5"), Ok(Duration::from_millis(2500)));
        for text in ["", "0s", "0", "-1s", "-1", "soon", "nan", "inf"] {
            assert_eq!(
                duration(text).unwrap_err(),
                "expected a time above zero, such as 500ms, 30s, 5m or 1h",
                "{text}"
            );
        }
    }
}
