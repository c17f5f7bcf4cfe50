//! The flag that all components have that keep rows.

use std::num::ParseIntError;
use std::str::FromStr;

/// An amount of memory, written in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit(u32);

impl MemoryLimit {
    /// In bytes, as far as this machine can count them.
    pub fn bytes(self) -> usize {
        usize::try_from(u64::from(self.0) * 1024 * 1024).unwrap_or(usize::MAX)
    }
}

impl FromStr for MemoryLimit {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
