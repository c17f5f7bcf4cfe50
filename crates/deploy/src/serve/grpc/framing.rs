//! gRPC's framing of messages in HTTP/2 bodies:
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use axum::body::{Body, BodyDataStream};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Response, header};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::{StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use prost::Message;

use super::super::rejection::Rejection;
use super::super::telemetry::Note;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
/// A flag byte and a length come before each message.
const PREFIX: usize = 5;
/// Characters of a status message that are escaped.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// The message of a body that has exactly one.
pub(super) fn message(body: &Bytes) -> Result<Bytes, Rejection> {
    let malformed = || Rejection::Malformed("the body is not one gRPC message".to_owned());
    let mut body = BytesMut::from(body.clone());
    let message = split_message(&mut body)?.ok_or_else(malformed)?;
    if body.is_empty() {
        return Ok(message);
    }
    Err(malformed())
}

/// The first message of what has come in; none when it is not complete yet.
fn split_message(received: &mut BytesMut) -> Result<Option<Bytes>, Rejection> {
    let Some((prefix, _)) = received.split_first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    let [flag, length @ ..] = *prefix;
    if flag != 0 {
        let found = "compressed".to_owned();
        return Err(Rejection::Encoding { found });
    }
    let end = PREFIX + u32::from_be_bytes(length) as usize;
    if received.len() < end {
        return Ok(None);
    }
    let mut message = received.split_to(end).freeze();
    message.advance(PREFIX);
    Ok(Some(message))
}

/// A message as it is sent.
pub(super) fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX + length);
    bytes.put_u8(0);
    bytes.put_u32(length as u32);
    message.encode(&mut bytes).expect("the buffer grows");
    bytes.freeze()
}

/// The answer to a call that went well: a framed message.
pub(super) fn answer(message: Bytes, told: Extensions) -> Response<Body> {
    let frames = [Frame::data(message), Frame::trailers(status(0, ""))];
    let frames = frames.map(Ok::<_, std::convert::Infallible>);
    let mut response = respond(Body::new(StreamBody::new(stream::iter(frames))));
    *response.extensions_mut() = told;
    response
}

/// The answer to a call that was refused.
pub(super) fn refuse(rejection: &Rejection) -> Response<Body> {
    let mut response = respond(Body::empty());
    let status = status(code(rejection), &rejection.to_string());
    response.headers_mut().extend(status);
    response.extensions_mut().insert(Note::rejected(rejection));
    response
}

/// Answers every message of a call as it comes, until the client has no more.
pub(super) fn converse<Q, A>(body: Body, max_bytes: usize, answer: fn(Q) -> A) -> Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    let talk = Conversation {
        chunks: body.into_data_stream(),
        received: BytesMut::new(),
        max_bytes,
        is_over: false,
    };
    let frames = stream::unfold(talk, move |mut talk| async move {
        if talk.is_over {
            return None;
        }
        let frame = match talk.next().await {
            Ok(Some(question)) => match Q::decode(question) {
                Ok(question) => Frame::data(frame(&answer(question))),
                Err(_) => talk.end(3, "the message cannot be read"),
            },
            Ok(None) => talk.end(0, ""),
            Err(rejection) => talk.end(code(&rejection), &rejection.to_string()),
        };
        Some((Ok::<_, std::convert::Infallible>(frame), talk))
    });
    respond(Body::new(StreamBody::new(frames)))
}

/// The client's side of a call with many messages.
struct Conversation {
    chunks: BodyDataStream,
    received: BytesMut,
    max_bytes: usize,
    is_over: bool,
}

impl Conversation {
    async fn next(&mut self) -> Result<Option<Bytes>, Rejection> {
        loop {
            if let Some(message) = split_message(&mut self.received)? {
                return Ok(Some(message));
            }
            if self.received.len() > self.max_bytes {
                return Err(Rejection::TooLarge {
                    limit: self.max_bytes,
                });
            }
            match self.chunks.next().await {
                Some(Ok(chunk)) => self.received.extend_from_slice(&chunk),
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    fn end(&mut self, code: u8, message: &str) -> Frame<Bytes> {
        self.is_over = true;
        Frame::trailers(status(code, message))
    }
}

fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

fn status(code: u8, message: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(STATUS, u16::from(code).into());
    if !message.is_empty() {
        let message = utf8_percent_encode(message, ESCAPED).to_string();
        headers.extend(HeaderValue::try_from(message).map(|message| (MESSAGE, message)));
    }
    headers
}

/// The status code of a refusal: <https://grpc.io/docs/guides/status-codes/>.
fn code(rejection: &Rejection) -> u8 {
    match rejection {
        Rejection::Malformed(_) => 3,
        Rejection::Slow { .. } => 4,
        Rejection::OtherModel { .. } => 5,
        Rejection::TooLarge { .. } => 8,
        Rejection::NotFound { .. }
        | Rejection::Method { .. }
        | Rejection::MediaType { .. }
        | Rejection::Encoding { .. } => 12,
        Rejection::NotServed { .. } | Rejection::Overloaded { .. } | Rejection::Stopping => 14,
    }
}

#[cfg(test)]
mod tests {
    use super::super::messages::Flag;
    use super::*;

    #[test]
    fn a_framed_message_is_read_again() {
        let framed = frame(&Flag { value: true });
        assert_eq!(&framed[..], [0, 0, 0, 0, 2, 8, 1]);
        assert_eq!(message(&framed), Ok(Bytes::from_static(&[8, 1])));
    }

    #[test]
    fn a_body_that_is_not_one_message_is_refused() {
        for body in [
            &[][..],
            &[0, 0, 0, 0],
            &[0, 0, 0, 0, 2, 8],
            &[0, 0, 0, 0, 0, 9],
        ] {
            let refused = message(&Bytes::copy_from_slice(body)).unwrap_err();
            assert_eq!(refused.to_string(), "the body is not one gRPC message");
        }
        let compressed = message(&Bytes::from_static(&[1, 0, 0, 0, 0])).unwrap_err();
        assert_eq!(code(&compressed), 12);
    }

    #[test]
    fn a_refusal_says_why_in_its_head() {
        let response = refuse(&Rejection::Malformed("100 % é".to_owned()));
        assert_eq!(response.headers()["grpc-status"], "3");
        assert_eq!(response.headers()["grpc-message"], "100 %25 %C3%A9");
    }
}
