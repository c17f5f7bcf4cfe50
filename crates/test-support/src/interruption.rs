//! Killing programs while they work.

use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Runs what `start` gives once to its end, to learn how long that takes; then `moments` times,
/// killed (SIGKILL) at moments spread over that time, the first at once and the last at its end.
/// Calls `killed` after each. Which step of the program a moment hits does not matter; that they
/// are many and all over it does.
///
/// # Panics
/// When the program does not start, or its whole run fails.
pub fn kill_at_moments(
    moments: u32,
    mut start: impl FnMut() -> Command,
    mut killed: impl FnMut(u32),
) {
    let mut command = start();
    let started = Instant::now();
    let output = command.output().expect("the program starts");
    let whole = started.elapsed();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    for moment in 0..moments {
        let mut command = start();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        std::thread::sleep(whole * moment / (moments - 1).max(1));
        kill(&mut child);
        killed(moment);
    }
}

/// Kills a program (SIGKILL) and waits for its end; one that has ended stays as it is.
///
/// # Panics
/// When the system does not allow it.
pub fn kill(child: &mut Child) {
    child.kill().expect("a child can be killed");
    child.wait().expect("a child can be waited for");
}

/// Asks a program to stop with a signal such as `TERM`.
///
/// # Panics
/// When there is no such signal or program.
pub fn signal(child: &Child, name: &str) {
    let kill = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status();
    assert!(kill.expect("kill runs").success(), "SIG{name}");
}
