//! One connection: HTTP/1.1 or HTTP/2 without TLS, told apart by its first bytes.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::app::App;
use super::rejection::Rejection;
use super::routes;
use super::telemetry::Exchange;

/// How an HTTP/2 connection begins; no HTTP/1 method does.
const HTTP2_PREFACE: &[u8] = b"PRI ";
/// Pause while the first bytes trickle in.
const PEEK_PAUSE: Duration = Duration::from_millis(5);
/// Largest head of a request.
const MAX_HEAD: usize = 32 * 1024;
/// Requests at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;
/// Seconds a client is asked to stay away when there are too many connections.
const RETRY_AFTER: u64 = 1;

/// What a connection needs.
pub(crate) struct Connection {
    pub(crate) app: Arc<App>,
    pub(crate) peer: IpAddr,
    pub(crate) max_connections: usize,
    pub(crate) idle_timeout: Duration,
    pub(crate) finish: CancellationToken,
    pub(crate) cut_off: CancellationToken,
}

impl Connection {
    /// Serves it to its end.
    pub(crate) async fn serve(self, stream: TcpStream) {
        let app = self.app.clone();
        let raised = app.telemetry.metrics.begin_connection();
        let is_one_too_many = raised.height > self.max_connections as i64;
        let is_http2 = tokio::select! {
            is_http2 = is_http2(&stream, self.idle_timeout) => is_http2,
            () = self.finish.cancelled() => return,
        };
        let Some(is_http2) = is_http2 else { return };
        // Answers are written in one piece: waiting for more of them would only delay them.
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(stream);
        let this = Arc::new(self);
        let service = service_fn({
            let this = this.clone();
            move |request| {
                let this = this.clone();
                async move { this.answer(request, is_one_too_many).await }
            }
        });
        if is_http2 {
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(MAX_STREAMS)
                .max_header_list_size(MAX_HEAD as u32)
                .keep_alive_interval(this.idle_timeout)
                .serve_connection(io, service);
            this.drive(connection).await;
        } else {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(this.idle_timeout)
                .max_header_size(MAX_HEAD)
                .serve_connection(io, service);
            this.drive(connection).await;
        }
    }

    /// Runs the connection until it ends, finishes, or is cut off. How it failed is its client's
    /// business: what was answered is in the access log.
    async fn drive<C: GracefulConnection>(&self, connection: C) {
        let mut connection = pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.finish.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = self.cut_off.cancelled() => {}
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        is_one_too_many: bool,
    ) -> Result<Response<Body>, Infallible> {
        let protocol = routes::protocol(&self.app, &request);
        let exchange = Exchange::begin(&self.app.telemetry, protocol, self.peer, &request);
        let mut response = if is_one_too_many {
            let rejection = Rejection::Overloaded {
                retry_after: RETRY_AFTER,
            };
            let mut response = rejection.into_response();
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            response
        } else {
            routes::answer(&self.app, request.map(Body::new)).await
        };
        exchange.answer(&mut response);
        Ok(response)
    }
}

/// Looks at the first bytes; none when they do not come in time.
async fn is_http2(stream: &TcpStream, patience: Duration) -> Option<bool> {
    let deadline = Instant::now() + patience;
    let mut first = [0; HTTP2_PREFACE.len()];
    loop {
        let length = timeout_at(deadline, stream.peek(&mut first))
            .await
            .ok()?
            .ok()?;
        let seen = &first[..length];
        if length == 0 {
            return None;
        }
        if !HTTP2_PREFACE.starts_with(seen) {
            return Some(false);
        }
        if length == first.len() {
            return Some(true);
        }
        if Instant::now() >= deadline {
            return None;
        }
        sleep(PEEK_PAUSE).await;
    }
}
