//! Requests and answers as bytes on a socket.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::{Fault, Length, Request, Resource, Shared};

/// Bytes written to the socket at a time.
const CHUNK: usize = 64 * 1024;

fn read_request(stream: &TcpStream) -> io::Result<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines
        .next()
        .unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = words
        .next()
        .zip(words.next())
        .ok_or(io::ErrorKind::InvalidData)?;
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Ok(Request {
        method,
        target,
        headers,
    })
}

pub(super) fn answer(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let request = read_request(stream)?;
    let path = request.path().to_owned();
    let mut state = shared.lock();
    state.requests.push(request.clone());
    let fault = state.scripts.get_mut(&path).and_then(VecDeque::pop_front);
    let fault = fault.unwrap_or(Fault::None);
    if let Fault::Replace(resource) = &fault {
        state.resources.insert(path.clone(), resource.clone());
    }
    let redirect = state.redirects.get(&path).cloned();
    let resource = state.resources.get(&path).cloned();
    drop(state);

    match (fault, redirect, resource) {
        (Fault::Refuse, _, _) => stream.shutdown(Shutdown::Both),
        (Fault::Answer(status, headers, body), _, _) => {
            plain(stream, &request, status, &headers, &body)
        }
        (_, Some(to), _) => plain(stream, &request, 302, &[("Location".into(), to)], ""),
        (_, _, None) => plain(stream, &request, 404, &[], "no such file\n"),
        (_, _, Some(resource)) if request.method == "HEAD" && !resource.head => {
            plain(stream, &request, 405, &[], "")
        }
        (fault, _, Some(resource)) => serve(stream, shared, &request, &resource, &fault),
    }
}

/// An answer that is not the resource.
fn plain(
    mut stream: &TcpStream,
    request: &Request,
    status: u16,
    headers: &[(String, String)],
    body: &str,
) -> io::Result<()> {
    let mut fields = vec![("Content-Length".to_owned(), body.len().to_string())];
    fields.extend_from_slice(headers);
    let mut text = head(&format!("{status} Scripted"), &fields);
    if request.method != "HEAD" {
        text.push_str(body);
    }
    stream.write_all(text.as_bytes())?;
    linger(stream)
}

/// The resource, whole or the asked-for tail of it.
fn serve(
    mut stream: &TcpStream,
    shared: &Shared,
    request: &Request,
    resource: &Resource,
    fault: &Fault,
) -> io::Result<()> {
    let size = resource.body.len();
    let from = requested_offset(request, resource);
    if from.is_some_and(|from| from >= size) {
        let range = ("Content-Range".to_owned(), format!("bytes */{size}"));
        return plain(stream, request, 416, &[range], "");
    }
    let start = from.unwrap_or(0);

    stream.write_all(resource_head(resource, from).as_bytes())?;
    if request.method == "HEAD" {
        return linger(stream);
    }

    let limit = match fault {
        Fault::Cut(after) | Fault::Stall(after) => size.min(start + after),
        _ => size,
    };
    send_body(stream, resource, start, limit)?;
    match fault {
        Fault::Cut(_) => {
            reached(shared);
            // Only the writing side: the bytes sent so far must arrive, not be reset away.
            stream.shutdown(Shutdown::Write)?;
        }
        Fault::Stall(_) => reached(shared),
        _ if resource.length == Length::Chunked => stream.write_all(b"0\r\n\r\n")?,
        _ => {}
    }
    if matches!(fault, Fault::Stall(_)) {
        // Until the client gives up or the server is dropped.
        return stream.read(&mut [0; 1]).map(drop);
    }
    linger(stream)
}

/// The head of the answer that carries the resource from byte `from` on, or whole.
fn resource_head(resource: &Resource, from: Option<u64>) -> String {
    let size = resource.body.len();
    let mut fields = Vec::new();
    let mut field = |name: &str, value: String| fields.push((name.to_owned(), value));
    if let Some(from) = from {
        field("Content-Range", format!("bytes {from}-{}/{size}", size - 1));
    }
    match resource.length {
        Length::Known => field("Content-Length", (size - from.unwrap_or(0)).to_string()),
        Length::Claimed(claimed) => field("Content-Length", claimed.to_string()),
        Length::Chunked => field("Transfer-Encoding", "chunked".to_owned()),
    }
    // Later than any date a test gives a resource, which makes those strong validators.
    field("Date", "Tue, 01 Jan 2030 00:00:00 GMT".to_owned());
    for (name, value) in [
        ("ETag", &resource.etag),
        ("Last-Modified", &resource.last_modified),
        ("Content-Type", &resource.content_type),
        ("Content-Encoding", &resource.content_encoding),
    ] {
        if let Some(value) = value {
            field(name, value.clone());
        }
    }
    head(
        if from.is_some() {
            "206 Partial Content"
        } else {
            "200 OK"
        },
        &fields,
    )
}

/// Status line and fields of an answer after which the connection is closed.
fn head(status: &str, fields: &[(String, String)]) -> String {
    let mut lines = vec![format!("HTTP/1.1 {status}")];
    lines.extend(
        fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    lines.push("Connection: close\r\n\r\n".to_owned());
    lines.join("\r\n")
}

fn send_body(
    mut stream: &TcpStream,
    resource: &Resource,
    start: u64,
    limit: u64,
) -> io::Result<()> {
    let mut at = start;
    while at < limit {
        let end = limit.min(at + CHUNK as u64);
        let chunk = resource.body.slice(at, end);
        if resource.length == Length::Chunked {
            stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
        }
        stream.write_all(&chunk)?;
        if resource.length == Length::Chunked {
            stream.write_all(b"\r\n")?;
        }
        at = end;
    }
    Ok(())
}

fn reached(shared: &Shared) {
    shared.lock().faults_reached += 1;
    shared.changed.notify_all();
}

/// Ends the answer and waits for the client to close, so that nothing in flight is reset.
fn linger(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

/// The offset of `Range: bytes=N-`, unless ranges are off or `If-Range` names another entity.
/// Only a strong entity tag or the exact date counts (RFC 9110, 13.1.5).
fn requested_offset(request: &Request, resource: &Resource) -> Option<u64> {
    let range = request.header("range").filter(|_| resource.ranges)?;
    let from = range
        .strip_prefix("bytes=")?
        .strip_suffix('-')?
        .parse()
        .ok()?;
    let current = match request.header("if-range") {
        None => true,
        Some(guard) => {
            let strong = resource
                .etag
                .as_deref()
                .filter(|tag| !tag.starts_with("W/"));
            strong == Some(guard) || resource.last_modified.as_deref() == Some(guard)
        }
    };
    current.then_some(from)
}
