//! fake-gcs-server, an emulator of Cloud Storage that this project did not write.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// How often a starting emulator is looked for, and the time between.
const LOOKS: u32 = 400;
const BETWEEN: Duration = Duration::from_millis(50);

/// A running emulator, which ends when dropped. It keeps its objects in memory.
#[derive(Debug)]
pub struct Emulator {
    process: Child,
    address: String,
    _folder: TempDir,
}

impl Emulator {
    /// Starts the binary that `FAKE_GCS_SERVER` names. Where it names none, says that the test is
    /// skipped and returns `None`.
    ///
    /// # Panics
    /// When the binary does not run or does not listen.
    #[expect(clippy::print_stdout, reason = "tests say what they skip")]
    pub fn start() -> Option<Self> {
        let Some(binary) = std::env::var_os("FAKE_GCS_SERVER").filter(|path| !path.is_empty())
        else {
            println!("SKIPPED: FAKE_GCS_SERVER does not name the emulator's binary");
            return None;
        };
        let folder = TempDir::new().expect("a temporary folder can be made");
        // The emulator cannot choose a port itself: take one that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let free = free.expect("a port is free");
        let (address, port) = (free.to_string(), free.port().to_string());
        let process = Command::new(binary)
            .args(["-scheme", "http", "-backend", "memory"])
            .args([
                "-host",
                "127.0.0.1",
                "-port",
                &port,
                "-public-host",
                &address,
            ])
            .args(["-external-url", &format!("http://{address}")])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("FAKE_GCS_SERVER names a program");
        let emulator = Self {
            process,
            address,
            _folder: folder,
        };
        for _ in 0..LOOKS {
            if TcpStream::connect(&emulator.address).is_ok() {
                return Some(emulator);
            }
            std::thread::sleep(BETWEEN);
        }
        panic!("the emulator does not listen");
    }

    /// `host:port`, as `STORAGE_EMULATOR_HOST` names it.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
