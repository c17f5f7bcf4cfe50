//! An HTTP/1.1 file server that misbehaves on request.
//!
//! It listens on a free port of the loopback interface and serves [`Resource`]s with entity tags,
//! dates and ranges (RFC 9110). For each path a script of [`Fault`]s can be queued; every request
//! takes the next one, and requests beyond the script are answered properly. Plain threads and
//! blocking sockets, so that tests need no runtime and every byte on the wire is decided here.

mod fault;
mod resource;
mod wire;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub use fault::Fault;
pub use resource::{Body, Length, Resource};

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Header values by lower-case name.
    pub headers: BTreeMap<String, String>,
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

#[derive(Default)]
struct State {
    resources: HashMap<String, Resource>,
    /// Paths that always redirect.
    redirects: HashMap<String, String>,
    scripts: HashMap<String, VecDeque<Fault>>,
    requests: Vec<Request>,
    /// Requests whose fault has been reached (cut or stalled) so far.
    faults_reached: usize,
    connections: Vec<TcpStream>,
    closing: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server; it ends when dropped.
pub struct HttpSource {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl HttpSource {
    /// Starts a server without resources.
    ///
    /// # Panics
    /// Where the loopback interface has no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut state = accepting.lock();
                if state.closing {
                    return;
                }
                state.connections.extend(stream.try_clone());
                let shared = Arc::clone(&accepting);
                // An error here is the client leaving: its own business.
                thread::spawn(move || drop(wire::answer(&stream, &shared)));
            }
        });
        Self { address, shared }
    }

    /// Starts a server with one resource at `path`.
    pub fn serving(path: &str, resource: Resource) -> Self {
        let source = Self::start();
        source.put(path, resource);
        source
    }

    /// The absolute URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds or replaces a resource.
    pub fn put(&self, path: &str, resource: Resource) {
        self.shared
            .lock()
            .resources
            .insert(path.to_owned(), resource);
    }

    /// Makes a path redirect for good (302).
    pub fn redirect(&self, path: &str, to: &str) {
        self.shared
            .lock()
            .redirects
            .insert(path.to_owned(), to.to_owned());
    }

    /// Queues faults for the next requests of a path.
    pub fn script(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        self.shared
            .lock()
            .scripts
            .entry(path.to_owned())
            .or_default()
            .extend(faults);
    }

    /// All requests so far, in the order they arrived.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// Number of requests with a method so far.
    pub fn count(&self, method: &str) -> usize {
        self.shared
            .lock()
            .requests
            .iter()
            .filter(|request| request.method == method)
            .count()
    }

    /// Waits until `n` requests have run into their cut or stall, so that a test can act at a
    /// known point of a transfer.
    ///
    /// # Panics
    /// When that does not happen within a minute.
    pub fn wait_for_faults(&self, n: usize) {
        let waited = self.shared.changed.wait_timeout_while(
            self.shared.lock(),
            Duration::from_mins(1),
            |state| state.faults_reached < n,
        );
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(
            !timeout.timed_out(),
            "{} of {n} faults were reached",
            state.faults_reached
        );
    }
}

impl Drop for HttpSource {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closing = true;
        for connection in &state.connections {
            // Already closed is as good.
            drop(connection.shutdown(Shutdown::Both));
        }
        drop(state);
        // Wakes the accepting thread so that it sees the flag.
        drop(TcpStream::connect(self.address));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn get(source: &HttpSource, head: &str) -> String {
        let mut stream = TcpStream::connect(source.address()).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_range_is_served_only_for_the_entity_it_names() {
        let source = HttpSource::serving("/a.csv", Resource::new("0123456789"));
        let range = "GET /a.csv HTTP/1.1\r\nRange: bytes=4-\r\nIf-Range: ";
        let part = get(&source, &format!("{range}\"v1\"\r\n\r\n"));
        assert!(part.starts_with("HTTP/1.1 206 "), "{part}");
        assert!(part.contains("Content-Range: bytes 4-9/10\r\n"), "{part}");
        assert!(part.ends_with("\r\n\r\n456789"), "{part}");
        let whole = get(&source, &format!("{range}\"v0\"\r\n\r\n"));
        assert!(whole.starts_with("HTTP/1.1 200 "), "{whole}");
        assert!(whole.ends_with("\r\n\r\n0123456789"), "{whole}");
        assert_eq!(source.count("GET"), 2);
        assert_eq!(source.requests()[0].header("range"), Some("bytes=4-"));
    }

    #[test]
    fn faults_are_taken_in_order_and_then_the_file_is_served() {
        let source = HttpSource::serving("/a.csv", Resource::new("0123456789"));
        source.script("/a.csv", [Fault::retry_after(503, "2"), Fault::Cut(3)]);
        let request = "GET /a.csv HTTP/1.1\r\n\r\n";
        assert!(get(&source, request).contains("Retry-After: 2\r\n"));
        assert!(get(&source, request).ends_with("\r\n\r\n012"));
        assert!(get(&source, request).ends_with("\r\n\r\n0123456789"));
        source.wait_for_faults(1);
    }
}
