//! The resumable upload protocol.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use bytes::BytesMut;
use futures::StreamExt as _;
use serde_json::Value;

use super::control::{Parameters, error, json};
use super::state::{State, StoredObject, Upload, encode_crc32c};
use super::{Fault, Shared};

/// What a broken request keeps is a multiple of this many bytes.
const GRANULE: usize = 256 * 1024;

/// `POST`: begins a session, whose address is in the answer.
pub(super) async fn start(shared: &Shared, request: Request) -> Response {
    let parameters = Parameters::of(request.uri());
    let path = request.uri().path();
    let bucket = path.split('/').nth(5).unwrap_or_default().to_owned();
    // The address leads to the host the client knows, as behind a proxy.
    let host = request
        .headers()
        .get("host")
        .and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await;
    let resource: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
    let name = parameters.get("name").unwrap_or_default();
    let if_generation_match = parameters.number("ifGenerationMatch");

    let mut state = shared.lock();
    if !state.buckets.contains_key(&bucket) {
        return error(404, "The specified bucket does not exist.");
    }
    if !state.matches(&bucket, &name, if_generation_match) {
        return precondition_failed();
    }
    let id = format!("session-{}", state.uploads.len());
    let location = format!("http://{host}/upload/storage/v1/b/{bucket}/o?upload_id={id}");
    let upload = Upload {
        bucket,
        name,
        resource,
        if_generation_match,
        ..Upload::default()
    };
    state.uploads.insert(id, upload);
    let response = Response::builder().status(200).header("location", location);
    response
        .body(Body::empty())
        .expect("the parts of this response are valid")
}

/// `PUT` with bytes: the rest of the object, or the next piece of it.
pub(super) async fn receive(shared: &Shared, request: Request, fault: Option<Fault>) -> Response {
    let Some(id) = session(request.uri()) else {
        return error(404, "no such upload");
    };
    let Some(range) = ContentRange::of(request.headers()) else {
        return error(400, "Content-Range is missing or malformed");
    };
    shared.lock().content_ranges.push(range.text.clone());

    let mut received = BytesMut::new();
    let mut body = request.into_body().into_data_stream();
    let mut broken = false;
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => {
                shared.lock().received += piece.len() as u64;
                received.extend_from_slice(&piece);
            }
            Err(_) => broken = true,
        }
    }
    let mut state = shared.lock();
    let Some(upload) = state.uploads.get_mut(&id) else {
        return error(404, "no such upload");
    };
    if upload.finished.is_none() {
        // Bytes that are kept already are skipped; a hole is refused.
        let Some(known) = upload.kept.len().checked_sub(range.first as usize) else {
            return error(400, "Content-Range leaves a hole");
        };
        let new = &received[known.min(received.len())..];
        upload.kept.extend_from_slice(new);
        if broken {
            let whole = upload.kept.len() / GRANULE * GRANULE;
            upload.kept.truncate(whole);
        }
        if let Some(Fault::Keep(bytes)) = fault {
            upload.kept.truncate(bytes as usize);
        }
        if range.total != Some(upload.kept.len() as u64) {
            return incomplete(upload);
        }
        let corrupt = fault == Some(Fault::Corrupt);
        if let Some(refusal) = finish(&mut state, &id, corrupt) {
            return refusal;
        }
    }
    finished(&state, &id)
}

/// `PUT` with `Content-Range: bytes */*`: how much is kept?
pub(super) fn query(shared: &Shared, request: &Request) -> Response {
    let state = shared.lock();
    let id = session(request.uri()).unwrap_or_default();
    match state.uploads.get(&id) {
        None => error(404, "no such upload"),
        Some(upload) if upload.finished.is_none() => incomplete(upload),
        Some(_) => finished(&state, &id),
    }
}

/// Makes the session's bytes an object; the refusal if checksum or precondition forbid it.
fn finish(state: &mut State, id: &str, corrupt: bool) -> Option<Response> {
    let upload = &state.uploads[id];
    let (bucket, name) = (upload.bucket.clone(), upload.name.clone());
    if !state.matches(&bucket, &name, upload.if_generation_match) {
        return Some(precondition_failed());
    }
    let expected = upload.resource["crc32c"].as_str();
    let actual = encode_crc32c(crc32c::crc32c(&upload.kept));
    if expected.is_some_and(|expected| expected != actual || corrupt) {
        let message = "Provided CRC32C doesn't match calculated CRC32C.";
        return Some(error(400, message));
    }
    let mut content = upload.kept.clone();
    if corrupt && let Some(byte) = content.first_mut() {
        *byte ^= 1;
    }
    let pairs = upload.resource["metadata"].as_object();
    let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    let object = StoredObject {
        content: content.freeze(),
        content_type: upload.resource["contentType"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        metadata: pairs.into_iter().flatten().filter_map(pair).collect(),
        generation: 0,
    };
    let resource = state.store(&bucket, &name, object);
    if let Some(upload) = state.uploads.get_mut(id) {
        upload.finished = Some(resource);
    }
    None
}

fn finished(state: &State, id: &str) -> Response {
    let resource = state
        .uploads
        .get(id)
        .and_then(|upload| upload.finished.as_ref());
    resource.map_or_else(
        || error(500, "the upload is not finished"),
        |resource| json(200, resource),
    )
}

fn incomplete(upload: &Upload) -> Response {
    let response = Response::builder().status(308);
    let response = match upload.kept.len() {
        0 => response,
        kept => response.header("range", format!("bytes=0-{}", kept - 1)),
    };
    response
        .body(Body::empty())
        .expect("the parts of this response are valid")
}

fn precondition_failed() -> Response {
    error(
        412,
        "At least one of the pre-conditions you specified did not hold.",
    )
}

fn session(uri: &Uri) -> Option<String> {
    Parameters::of(uri).get("upload_id")
}

/// `bytes first-last/total`, where `*` stands for what is not said.
struct ContentRange {
    text: String,
    first: u64,
    total: Option<u64>,
}

impl ContentRange {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get("content-range")?.to_str().ok()?.to_owned();
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let first = match range.split_once('-') {
            Some((first, _)) => first.parse().ok()?,
            None => 0,
        };
        let total = total.parse().ok();
        Some(Self { text, first, total })
    }
}
