//! Findings about the raw data, and what is to be done about each.

use serde::{Deserialize, Serialize};

/// What to do about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Policy {
    /// Stop at the first one.
    Error,
    /// Set the row aside in `rejected.csv` and go on (a constant column: leave it out of the
    /// features; a gap: leave out the rows whose window or label reaches across it).
    Drop,
    /// Count it and go on.
    Keep,
}

macro_rules! findings {
    ($($(#[$doc:meta])* $variant:ident $key:ident = $default:ident, keep: $keep:expr;)+) => {
        /// Something about the raw data that a person should know.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
        #[serde(rename_all = "snake_case")]
        #[value(rename_all = "snake_case")]
        pub enum Finding {
            $($(#[$doc])* $variant,)+
        }

        impl Finding {
            /// All findings, in the order they are reported.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its key in the configuration, in `statistics.json` and in `rejected.csv`.
            pub fn key(self) -> &'static str {
                match self { $(Self::$variant => stringify!($key),)+ }
            }

            /// Whether such a row can be kept: it has a place in time and finite numbers.
            pub fn can_be_kept(self) -> bool {
                match self { $(Self::$variant => $keep,)+ }
            }
        }

        /// A policy for each finding.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Policies {
            $($(#[$doc])* pub $key: Policy,)+
        }

        impl Default for Policies {
            fn default() -> Self {
                Self { $($key: Policy::$default,)+ }
            }
        }

        impl Policies {
            /// The policy for a finding.
            pub fn get(&self, finding: Finding) -> Policy {
                match finding { $(Finding::$variant => self.$key,)+ }
            }

            /// Sets the policy for a finding.
            pub fn set(&mut self, finding: Finding, policy: Policy) {
                match finding { $(Finding::$variant => self.$key = policy,)+ }
            }
        }
    };
}

findings! {
    /// A row with more or fewer cells than the header. Default: `drop`; cannot be kept.
    MalformedRow malformed_row = Drop, keep: false;
    /// An empty date. Default: `drop`; cannot be kept.
    MissingDate missing_date = Drop, keep: false;
    /// A date that the column's format does not explain. Default: `drop`; cannot be kept.
    UnparsableDate unparsable_date = Drop, keep: false;
    /// An empty number (`NA`, `N/A` and `null` too). Default: `drop`; cannot be kept.
    MissingNumber missing_number = Drop, keep: false;
    /// A cell that is not a number. Default: `drop`; cannot be kept.
    UnparsableNumber unparsable_number = Drop, keep: false;
    /// An infinite number or NaN. Default: `drop`; cannot be kept.
    NonFiniteNumber non_finite_number = Drop, keep: false;
    /// A price of 0 or below, or a volume below 0. Default: `drop`; can be kept as `raw` only.
    NonPositivePrice non_positive_price = Drop, keep: true;
    /// A lowest price above the highest. Default: `drop`.
    LowAboveHigh low_above_high = Drop, keep: true;
    /// A row older than one before it in the input. Default: `keep`, which sorts.
    UnorderedDate unordered_date = Keep, keep: true;
    /// A second row of the same date. Default: `drop`, which keeps the first.
    DuplicateDate duplicate_date = Drop, keep: true;
    /// Missing rows between two dates. Default: `keep`.
    Gap gap = Keep, keep: true;
    /// A feature with one value in all train rows. Default: `drop`.
    ConstantColumn constant_column = Drop, keep: true;
}
