//! The containers behind an endpoint: really running, one for each version.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::Containers;

/// Starts a server for a version when it is first asked, with the environment that Vertex AI would
/// give its container. They end with this.
#[derive(Debug)]
pub struct Servers {
    containers: Containers,
    env: Vec<(String, String)>,
    running: Mutex<BTreeMap<String, Server>>,
}

#[derive(Debug)]
struct Server {
    process: Child,
    port: u16,
    containers: Containers,
    name: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.containers.end(&self.name);
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

impl Servers {
    /// None yet; they find the fake storage by variables.
    pub fn new(containers: Containers, env: Vec<(String, String)>) -> Self {
        Self {
            containers,
            env,
            running: Mutex::default(),
        }
    }

    /// What the container of a version answers a request for predictions.
    pub fn answer(&self, version: &Value, request: &Value) -> Result<Value, String> {
        let container = &version["containerSpec"];
        let key = format!("{container} {}", version["artifactUri"]);
        let port = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            if !running.contains_key(&key) {
                let server = self.start(version).map_err(|error| error.to_string())?;
                running.insert(key.clone(), server);
            }
            running[&key].port
        };
        let route = container["predictRoute"].as_str().unwrap_or("/predict");
        let body = request.to_string();
        let mut answer = post(port, route, &body);
        for _ in 0..200 {
            if answer.is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
            answer = post(port, route, &body);
        }
        let (status, body) =
            answer.map_err(|error| format!("the container does not answer: {error}"))?;
        match status {
            200 => serde_json::from_str(&body).map_err(|error| error.to_string()),
            _ => Err(body),
        }
    }

    fn start(&self, version: &Value) -> std::io::Result<Server> {
        let container = &version["containerSpec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // Free when asked; nobody else takes ports here.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let own = [
            ("AIP_HTTP_PORT", port.to_string()),
            ("AIP_HEALTH_ROUTE", text(&container["healthRoute"])),
            ("AIP_PREDICT_ROUTE", text(&container["predictRoute"])),
            ("AIP_STORAGE_URI", text(&version["artifactUri"])),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let env = [&self.env[..], &own].concat();
        let name = format!("fake-vertex-{}-server-{port}", std::process::id());
        let mut command = self.containers.command(container, &env, &name, None);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        Ok(Server {
            process,
            port,
            containers: self.containers.clone(),
            name,
        })
    }
}

/// Posts JSON; the status and body of the answer.
fn post(port: u16, route: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let length = body.len();
    write!(
        stream,
        "POST {route} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok((status.unwrap_or(0), body.to_owned()))
}
