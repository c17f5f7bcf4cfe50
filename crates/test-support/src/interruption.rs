//! Killing programs while they work.

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::place::Place;

/// Runs what `start(0)` gives to its end, to learn how long that takes; then `start(n)` for n = 1 to
/// `moments`, killed (SIGKILL) at moments spread over that time, the first at once and the last at
/// its end. Calls `killed(n)` after each. Which step of the program a moment hits does not matter;
/// that they are many and all over it does.
///
/// # Panics
/// When the program does not start, or its whole run fails.
pub fn kill_at_moments(
    moments: u32,
    mut start: impl FnMut(u32) -> Command,
    mut killed: impl FnMut(u32),
) {
    let started = Instant::now();
    finish(start(0));
    let whole = started.elapsed();
    for n in 1..=moments {
        let mut command = start(n);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        std::thread::sleep(whole * (n - 1) / (moments - 1).max(1));
        kill(&mut child);
        killed(n);
    }
}

/// [`kill_at_moments`] of a program that is told a folder of `place` to write to, a new one each
/// time. A reader must never see a part of a file, nor the file `marker`, which is written last,
/// in an unfinished folder; and the program run again must leave what an undisturbed run leaves.
///
/// # Panics
/// When one of these does not hold.
pub fn outlive_kills(place: &Place, moments: u32, marker: &str, start: impl Fn(&str) -> Command) {
    let folder = |n: u32| format!("out-{n}");
    let killed = |n: u32| {
        let whole = place.files(&folder(0));
        let left = place.files(&folder(n));
        for (name, content) in &left {
            assert!(whole.get(name) == Some(content), "{name} after kill {n}");
        }
        if left.contains_key(marker) {
            assert!(left == whole, "{marker} is there after kill {n}");
        }
        finish(start(&folder(n)));
        assert!(place.files(&folder(n)) == whole, "run again after kill {n}");
    };
    kill_at_moments(moments, |n| start(&folder(n)), killed);
    let whole = place.files(&folder(0));
    assert!(whole.contains_key(marker), "{marker}: {:?}", whole.keys());
}

/// Runs a program to its end, which must be a good one.
fn finish(mut command: Command) {
    let output = command.output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
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
