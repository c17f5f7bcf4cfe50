//! Which bytes something was made from.

use serde::{Deserialize, Serialize};

/// Which bytes something was made from, and by which build. Holds no time of day: the same
/// inputs give the same document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The component, its version and git commit, for example `transform 0.1.0 (1a2b3c4d5e6f)`.
    pub build: String,
    /// The inputs, in the order they were read.
    pub inputs: Vec<FileDigest>,
}

/// One input file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// Name inside its folder, or the last part of its address: never a machine's path.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
}
