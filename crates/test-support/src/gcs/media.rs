//! Reads of an object's bytes.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;

use super::control::{Parameters, error, object_path};
use super::state::encode_crc32c;
use super::{Fault, Shared, empty};

/// How large the pieces of a body are, bytes.
const PIECE: usize = 64 * 1024;

/// `GET …?alt=media`, with `Range: bytes=a-` or `bytes=a-b`.
pub(super) fn read(shared: &Shared, request: &Request, fault: Option<Fault>) -> Response {
    let (bucket, name) = object_path(request.uri().path());
    let state = shared.lock();
    let Some(object) = state.object(&bucket, &name) else {
        return error(404, &format!("No such object: {bucket}/{name}"));
    };
    let wished = Parameters::of(request.uri()).number("generation");
    if wished.is_some_and(|wished| wished != object.generation) {
        return error(404, &format!("No such object: {bucket}/{name}"));
    }
    let size = object.content.len() as u64;
    let range = request
        .headers()
        .get("range")
        .and_then(|range| range.to_str().ok());
    let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let (status, first, end) = match range {
        None => (200, 0, size),
        Some((first, last)) => {
            let first = first.parse().unwrap_or(0);
            let end = last.parse().map_or(size, |last: u64| size.min(last + 1));
            (206, first, end)
        }
    };
    if status == 206 && first >= size {
        return empty(416);
    }
    let mut content = object.content.slice(first as usize..end as usize);
    if fault == Some(Fault::Corrupt) {
        let mut changed = content.to_vec();
        changed[0] ^= 1;
        content = changed.into();
    }
    let response = Response::builder()
        .status(status)
        .header("content-length", content.len())
        .header("x-goog-generation", object.generation)
        .header("x-goog-metageneration", 1)
        .header("x-goog-stored-content-length", size)
        .header(
            "x-goog-hash",
            format!("crc32c={}", encode_crc32c(crc32c::crc32c(&object.content))),
        );
    let response = match status {
        206 => response.header("content-range", format!("bytes {first}-{}/{size}", end - 1)),
        _ => response,
    };
    response
        .body(body(&content, fault))
        .expect("the parts of this response are valid")
}

/// `content` in pieces, as far as the fault lets it come.
fn body(content: &Bytes, fault: Option<Fault>) -> Body {
    let reach = match fault {
        Some(Fault::BreakOff(bytes) | Fault::StallAfter(bytes)) => bytes as usize,
        _ => content.len(),
    };
    let content = content.slice(..reach.min(content.len()));
    let starts = (0..content.len()).step_by(PIECE);
    let pieces: Vec<_> = starts
        .map(|start| Ok(content.slice(start..content.len().min(start + PIECE))))
        .collect();
    let pieces = futures::stream::iter(pieces);
    match fault {
        // An error is how a handler makes the server close the connection.
        Some(Fault::BreakOff(_)) => {
            let end = futures::stream::once(async {
                // The server sends what it holds only while it waits for more.
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(std::io::Error::other("ordered by the test"))
            });
            Body::from_stream(pieces.chain(end))
        }
        Some(Fault::StallAfter(_)) => Body::from_stream(pieces.chain(futures::stream::pending())),
        _ => Body::from_stream(pieces),
    }
}
