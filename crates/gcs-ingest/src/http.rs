//! HTTP requests for one source, and what their answers mean.

use std::error::Error as _;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Client, Method, Response, StatusCode, Url, redirect};

use crate::entity::Entity;
use crate::origin::Body;
use crate::retry::parse_retry_after;
use crate::{ReadError, redact};

/// Bounds of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpOptions {
    /// Time to connect, TLS included.
    pub(crate) connect_timeout: Duration,
    /// Time without any byte arriving.
    pub(crate) read_timeout: Duration,
    /// Redirects followed.
    pub(crate) max_redirects: usize,
}

/// One HTTP(S) source.
#[derive(Clone, Debug)]
pub(crate) struct HttpOrigin {
    client: Client,
    options: HttpOptions,
    url: Url,
    promises_html: bool,
}

impl HttpOrigin {
    pub(crate) fn new(
        options: HttpOptions,
        url: Url,
        promises_html: bool,
    ) -> Result<Self, ReadError> {
        Ok(Self {
            client: client(options)?,
            options,
            url,
            promises_html,
        })
    }

    /// What a HEAD request tells about the source.
    pub(crate) async fn probe(&self) -> Result<Entity, ReadError> {
        let response = self.send(Method::HEAD, &[]).await?;
        match response.status() {
            StatusCode::OK => Ok(entity(&response)),
            _ => Err(status_error(&response)),
        }
    }

    /// Asks for the source from byte `from` on; `expected` is the entity of the bytes before.
    /// The answer may still be of another entity, or start earlier: see [`Body`].
    pub(crate) async fn open(
        &self,
        from: u64,
        expected: Option<&Entity>,
    ) -> Result<Body, ReadError> {
        let range = format!("bytes={from}-");
        let response = match expected.and_then(Entity::validator) {
            Some(validator) if from > 0 => {
                let headers = [
                    (header::RANGE, range.as_str()),
                    (header::IF_RANGE, validator),
                ];
                self.send(Method::GET, &headers).await?
            }
            _ => self.send(Method::GET, &[]).await?,
        };
        let mut entity = entity(&response);
        let headers = response.headers();
        let start = match (response.status(), expected) {
            (StatusCode::OK, _) => 0,
            (StatusCode::PARTIAL_CONTENT, Some(expected)) => {
                let (start, size) = content_range(headers).ok_or(ReadError::BadRange { from })?;
                entity = entity.with_size(size).completed_by(expected);
                start
            }
            // The bytes so far were all there is: the connection broke before it said so.
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(expected)) => {
                let size = unsatisfied_range(headers).ok_or(ReadError::BadRange { from })?;
                entity = entity.with_size(Some(size)).completed_by(expected);
                return Ok(Body {
                    entity,
                    start: from,
                    stream: futures::stream::empty().boxed(),
                });
            }
            _ => return Err(status_error(&response)),
        };
        self.check_content(headers)?;
        let read_timeout = self.options.read_timeout;
        let stream = response.bytes_stream();
        let stream = stream
            .map_err(move |error| transport_error(&error, read_timeout))
            .boxed();
        Ok(Body {
            entity,
            start,
            stream,
        })
    }

    /// Refuses what is not the data: a web page, or bytes in another encoding.
    fn check_content(&self, headers: &HeaderMap) -> Result<(), ReadError> {
        let content_type = text(headers, header::CONTENT_TYPE).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let is_html = ["text/html", "application/xhtml+xml"]
            .iter()
            .any(|html| media_type.eq_ignore_ascii_case(html));
        if is_html && !self.promises_html {
            return Err(ReadError::HtmlPage {
                evidence: format!("content type {media_type}"),
            });
        }
        match text(headers, header::CONTENT_ENCODING) {
            Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => {
                Err(ReadError::Encoded { encoding })
            }
            _ => Ok(()),
        }
    }

    async fn send(
        &self,
        method: Method,
        headers: &[(HeaderName, &str)],
    ) -> Result<Response, ReadError> {
        // Offsets and checksums are about the bytes as stored, so no compression on the way.
        let mut request = self
            .client
            .request(method, self.url.clone())
            .header(header::ACCEPT_ENCODING, "identity");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request
            .send()
            .await
            .map_err(|error| transport_error(&error, self.options.read_timeout))
    }
}

/// A client with the bounds of `options`. It follows redirects but never from https to http.
fn client(options: HttpOptions) -> Result<Client, ReadError> {
    let limit = options.max_redirects;
    let policy = redirect::Policy::custom(move |attempt| {
        let downgrade = attempt
            .previous()
            .last()
            .is_some_and(|from| from.scheme() == "https")
            && attempt.url().scheme() != "https";
        if downgrade {
            let to = redact::url(attempt.url());
            attempt.error(RedirectError::Downgrade(to))
        } else if attempt.previous().len() > limit {
            attempt.error(RedirectError::TooMany(limit))
        } else {
            attempt.follow()
        }
    });
    Client::builder()
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        .redirect(policy)
        .referer(false)
        .user_agent(concat!(
            env!("CARGO_PKG_NAME"),
            "/",
            env!("CARGO_PKG_VERSION")
        ))
        .build()
        .map_err(|error| ReadError::Client {
            reason: root_cause(&error),
        })
}

/// Why a redirect was not followed.
#[derive(Clone, Debug, thiserror::Error)]
enum RedirectError {
    #[error("more than {0} redirects")]
    TooMany(usize),
    #[error("redirected from https to {0}")]
    Downgrade(String),
}

fn transport_error(error: &reqwest::Error, read_timeout: Duration) -> ReadError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(redirect) = inner.downcast_ref::<RedirectError>() {
            return match redirect.clone() {
                RedirectError::TooMany(limit) => ReadError::TooManyRedirects { limit },
                RedirectError::Downgrade(to) => ReadError::Downgrade { to },
            };
        }
        cause = inner.source();
    }
    if error.is_connect() {
        ReadError::Connect {
            reason: root_cause(error),
        }
    } else if error.is_timeout() {
        ReadError::Stalled { read_timeout }
    } else {
        ReadError::Interrupted {
            reason: root_cause(error),
        }
    }
}

/// The innermost message, which names the evidence; the layers above it only repeat that a
/// request failed, and the outermost shows the address with its secrets.
fn root_cause(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else {
        return "the request could not be sent".to_owned();
    };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn status_error(response: &Response) -> ReadError {
    let retry_after = text(response.headers(), header::RETRY_AFTER)
        .and_then(|value| parse_retry_after(&value, Timestamp::now()));
    ReadError::Status {
        status: response.status(),
        retry_after,
    }
}

fn entity(response: &Response) -> Entity {
    let headers = response.headers();
    Entity {
        final_url: redact::url(response.url()),
        bytes: text(headers, header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        etag: text(headers, header::ETAG),
        last_modified: text(headers, header::LAST_MODIFIED),
        date: text(headers, header::DATE),
        content_type: text(headers, header::CONTENT_TYPE),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// First offset and whole size of `Content-Range: bytes 5-9/10` or `bytes 5-9/*`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = text(headers, header::CONTENT_RANGE)?;
    let (range, size) = value.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.parse().ok()?;
    let size = if size == "*" {
        None
    } else {
        Some(size.parse().ok()?)
    };
    Some((start, size))
}

/// The whole size of `Content-Range: bytes */10`.
fn unsatisfied_range(headers: &HeaderMap) -> Option<u64> {
    text(headers, header::CONTENT_RANGE)?
        .strip_prefix("bytes */")?
        .parse()
        .ok()
}
