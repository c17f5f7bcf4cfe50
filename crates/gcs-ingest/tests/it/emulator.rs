//! Transfers into a real emulator: fake-gcs-server, where `FAKE_GCS_SERVER` names its binary.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use storage::{GcsOptions, Storage, Uri};
use test_support::http_source::{Fault, HttpSource, Resource};

use crate::harness::{Run, Sandbox};

struct Emulator {
    process: Child,
    address: String,
}

impl Emulator {
    /// `None` where there is no binary to run.
    fn start(sandbox: &Sandbox) -> Option<Self> {
        let binary = std::env::var_os("FAKE_GCS_SERVER").filter(|path| !path.is_empty())?;
        // The emulator cannot choose a port itself: take one that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let (address, port) = (free.to_string(), free.port().to_string());
        let process = Command::new(binary)
            .args([
                "-scheme",
                "http",
                "-backend",
                "memory",
                "-host",
                "127.0.0.1",
                "-port",
                &port,
            ])
            .args([
                "-public-host",
                &address,
                "-external-url",
                &format!("http://{address}"),
            ])
            .current_dir(sandbox.root())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("FAKE_GCS_SERVER names a program");
        let emulator = Self { process, address };
        for _ in 0..400 {
            if TcpStream::connect(&emulator.address).is_ok() {
                return Some(emulator);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the emulator does not listen");
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[tokio::test]
async fn killed_transfers_leave_nothing_and_the_next_one_completes() {
    let sandbox = Sandbox::new();
    let Some(emulator) = Emulator::start(&sandbox) else {
        println!("SKIPPED: FAKE_GCS_SERVER does not name the emulator's binary");
        return;
    };
    let resource = Resource::generated(20_000_000);
    let source = HttpSource::serving("/data.csv", resource.clone());
    let url = source.url("/data.csv");
    let command = |flags: &[&str]| {
        let destination = [
            "--source",
            &url,
            "--destination",
            "gs://bucket/raw/data.csv",
        ];
        let mut command = sandbox.command([&destination, flags].concat());
        command.env("STORAGE_EMULATOR_HOST", &emulator.address);
        command
    };
    let storage = Storage::with_gcs(GcsOptions::emulator(&emulator.address));
    let folder: Uri = "gs://bucket/raw/".parse().unwrap();

    for (n, point) in [0, 9_000_000, 19_999_999].into_iter().enumerate() {
        source.script("/data.csv", [Fault::Stall(point)]);
        let mut child = command(&["--create-bucket", "--project", "p"])
            .spawn()
            .unwrap();
        source.wait_for_faults(n + 1);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(
            storage.list(&folder).await.unwrap(),
            [],
            "killed after {point} bytes"
        );
    }
    let run = || Run::of(command(&[]).output().unwrap()).metadata();
    let first = run();
    let content = storage.read(&folder.join("data.csv")).await.unwrap();
    assert!(content == resource.body.to_vec(), "the content differs");
    assert_eq!(storage.list(&folder).await.unwrap().len(), 1);
    assert_eq!(run(), first);
    assert_eq!(source.count("HEAD"), 1);
}
