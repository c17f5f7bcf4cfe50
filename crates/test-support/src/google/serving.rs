//! The containers behind an endpoint: really running, one for each version.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// Starts a server for a version when it is first asked, with the environment that Vertex AI would
/// give its container. They end with this.
#[derive(Debug)]
pub struct Servers {
    /// The folder that holds the programs which containers name.
    programs: PathBuf,
    env: Vec<(String, String)>,
    running: Mutex<BTreeMap<String, Server>>,
}

#[derive(Debug)]
struct Server {
    process: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

impl Servers {
    /// None yet; their programs are in a folder, and find the fake storage by variables.
    pub fn new(programs: PathBuf, env: Vec<(String, String)>) -> Self {
        Self {
            programs,
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
        let list = |name: &str| container[name].as_array().cloned().unwrap_or_default();
        let command: Vec<String> = list("command").iter().map(text).collect();
        let name = command.first().map_or("", String::as_str);
        // Free when asked; nobody else takes ports here.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new(self.programs.join(name.trim_start_matches('/')))
            .env_clear()
            .args(command.iter().skip(1))
            .args(list("args").iter().map(text))
            .envs(self.env.iter().cloned())
            .env("AIP_HTTP_PORT", port.to_string())
            .env("AIP_HEALTH_ROUTE", text(&container["healthRoute"]))
            .env("AIP_PREDICT_ROUTE", text(&container["predictRoute"]))
            .env("AIP_STORAGE_URI", text(&version["artifactUri"]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Server { process, port })
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
