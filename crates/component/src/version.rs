//! Version and git commit of the running binary.
//!
//! The commit is written into a finished binary by `scripts/stamp.sh`. Compiled in, it would have
//! every component linked again after each commit, whatever that commit changed.

use std::hint::black_box;
use std::sync::LazyLock;

/// What comes before the commit. It has to stand here once only: it is what the script looks for.
const MARK: usize = "stamped-with-git-commit:".len();

/// The mark, and room for a commit, padded with spaces.
static STAMP: [u8; 64] = *b"stamped-with-git-commit:development                             ";

static VERSION: LazyLock<String> = LazyLock::new(|| {
    // The compiler must not use what it knows of these bytes: the script changes them.
    let commit = String::from_utf8_lossy(&black_box(&STAMP)[MARK..]);
    format!("{} ({})", env!("CARGO_PKG_VERSION"), commit.trim_end())
});

/// Version and git commit, for example `0.1.0 (1a2b3c4d5e6f)`; `development` stands for the commit
/// where a binary comes straight from cargo.
pub fn version() -> &'static str {
    &VERSION
}
