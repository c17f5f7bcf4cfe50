//! The example `copy`, as a process that can be measured and killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Its binary, which `cargo test` builds beside this one.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/copy");
    assert!(
        path.exists(),
        "build it first: cargo build -p storage --example copy"
    );
    path
}

/// Starts a copy; `emulator` serves `gs://` addresses.
pub(crate) fn copy(source: &str, destination: &str, emulator: Option<&str>) -> Child {
    Command::new(binary())
        .args([source, destination])
        .env("STORAGE_EMULATOR_HOST", emulator.unwrap_or_default())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// The most memory a running process has had so far, MiB; `None` once it has ended.
pub(crate) fn peak_memory(process: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024)
}

/// Makes a file of `mebibytes` MiB, no two of which are alike.
pub(crate) fn make_file(path: &Path, mebibytes: usize) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    let mut block = crate::conformance::content(1 << 20).to_vec();
    for number in 0..mebibytes as u64 {
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block).unwrap();
    }
}
