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

/// A client that keeps within [`HttpOptions`]. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    client: Client,
    options: HttpOptions,
}

/// One HTTP(S) source.
#[derive(Clone, Debug)]
pub(crate) struct HttpOrigin {
    pub(crate) http: HttpClient,
    pub(crate) url: Url,
    /// Whether a web page is what the source is expected to be.
    pub(crate) promises_html: bool,
}

impl HttpClient {
    /// Reads the machine's root certificates, and connects to nobody.
    pub(crate) fn new(options: HttpOptions) -> Result<Self, ReadError> {
        let policy = redirect::Policy::custom(move |attempt| {
            let limit = options.max_redirects;
            match check_redirect(attempt.previous(), attempt.url(), limit) {
                Ok(()) => attempt.follow(),
                Err(error) => attempt.error(error),
            }
        });
        let client = Client::builder()
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
            })?;
        Ok(Self { client, options })
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: &[(HeaderName, &str)],
    ) -> Result<Response, ReadError> {
        // Offsets and checksums are about the bytes as stored, so no compression on the way.
        let mut request = self
            .client
            .request(method, url.clone())
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

impl HttpOrigin {
    /// What a HEAD request tells about the source.
    pub(crate) async fn probe(&self) -> Result<Entity, ReadError> {
        let response = self.http.send(Method::HEAD, &self.url, &[]).await?;
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
                self.http.send(Method::GET, &self.url, &headers).await?
            }
            _ => self.http.send(Method::GET, &self.url, &[]).await?,
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
        let read_timeout = self.http.options.read_timeout;
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
}

/// Why a redirect was not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum RedirectError {
    #[error("more than {0} redirects")]
    TooMany(usize),
    #[error("redirected from https to {0}")]
    Downgrade(String),
}

/// Whether a redirect is followed: within the limit, and never from https to http.
fn check_redirect(previous: &[Url], next: &Url, limit: usize) -> Result<(), RedirectError> {
    let encrypted = previous.last().is_some_and(|url| url.scheme() == "https");
    if encrypted && next.scheme() != "https" {
        Err(RedirectError::Downgrade(redact::url(next)))
    } else if previous.len() > limit {
        Err(RedirectError::TooMany(limit))
    } else {
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_within_the_limit_and_encrypted() {
        let url = |text: &str| Url::parse(text).unwrap();
        let from_https = [url("https://example.com/a")];
        let from_http = [url("http://example.com/a"), url("http://example.com/b")];
        let https = url("https://example.com/c");
        let http = url("http://example.com/c?token=t");
        let downgrade = RedirectError::Downgrade("http://example.com/c?token=REDACTED".to_owned());
        assert_eq!(check_redirect(&from_https, &http, 10), Err(downgrade));
        assert_eq!(check_redirect(&from_https, &https, 1), Ok(()));
        assert_eq!(check_redirect(&from_http, &https, 2), Ok(()));
        let too_many = RedirectError::TooMany(1);
        assert_eq!(check_redirect(&from_http, &http, 1), Err(too_many));
    }

    #[test]
    fn ranges_are_read_as_the_protocol_writes_them() {
        let headers = |value: &'static str| {
            HeaderMap::from_iter([(
                header::CONTENT_RANGE,
                header::HeaderValue::from_static(value),
            )])
        };
        assert_eq!(content_range(&headers("bytes 5-9/10")), Some((5, Some(10))));
        assert_eq!(content_range(&headers("bytes 5-9/*")), Some((5, None)));
        assert_eq!(content_range(&headers("lines 5-9/10")), None);
        assert_eq!(content_range(&HeaderMap::new()), None);
        assert_eq!(unsatisfied_range(&headers("bytes */10")), Some(10));
        assert_eq!(unsatisfied_range(&headers("bytes 5-9/10")), None);
    }
}
