//! The suite, run against a real emulator: fake-gcs-server, where `FAKE_GCS_SERVER` names its
//! binary.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use storage::{BucketOptions, BucketOutcome, GcsOptions, Storage};
use tempfile::TempDir;

use crate::conformance::{Store, holds};

struct Emulator {
    process: Child,
    address: String,
    _folder: TempDir,
}

impl Emulator {
    /// `None` where there is no binary to run.
    async fn start() -> Option<Self> {
        let binary = std::env::var_os("FAKE_GCS_SERVER").filter(|path| !path.is_empty())?;
        let folder = TempDir::new().unwrap();
        // The emulator cannot choose a port itself: take one that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let address = format!("127.0.0.1:{port}");
        let process = Command::new(binary)
            .args([
                "-scheme",
                "http",
                "-host",
                "127.0.0.1",
                "-backend",
                "memory",
            ])
            .args(["-port", &port.to_string()])
            .args([
                "-public-host",
                &address,
                "-external-url",
                &format!("http://{address}"),
            ])
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
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(&emulator.address)
                .await
                .is_ok()
            {
                return Some(emulator);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the emulator does not listen");
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn fake_gcs_server() {
    let Some(emulator) = Emulator::start().await else {
        println!("SKIPPED: FAKE_GCS_SERVER does not name the emulator's binary");
        return;
    };
    let storage = Storage::with_gcs(GcsOptions::emulator(&emulator.address));
    let options = BucketOptions {
        project: "project".to_owned(),
        ..BucketOptions::default()
    };
    let first = storage.ensure_bucket("bucket", &options).await.unwrap();
    let second = storage.ensure_bucket("bucket", &options).await.unwrap();
    assert_eq!(
        (first, second),
        (BucketOutcome::Created, BucketOutcome::Existed)
    );
    let store = Store {
        storage,
        folder: "gs://bucket/folder".parse().unwrap(),
        is_exact: false,
    };
    holds(&store).await;
}
