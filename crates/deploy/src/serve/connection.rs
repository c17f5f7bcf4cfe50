//! One connection: HTTP/1.1 or HTTP/2 without TLS, told apart by its first bytes. It begins in
//! [`Opening`], which answers plain requests itself; hyper serves the rest of it.

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
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::app::App;
use super::opening::{Next, Opening};
use super::rejection::Rejection;
use super::rewound::Rewound;
use super::routes;
use super::telemetry::Exchange;

/// Largest head of a request.
const MAX_HEAD: usize = 32 * 1024;
/// Requests at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;
/// Seconds a client is asked to stay away when there are too many connections.
const RETRY_AFTER: u64 = 1;

/// What a connection needs.
#[derive(Debug)]
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
        // Answers are written in one piece: waiting for more of them would only delay them.
        let _ = stream.set_nodelay(true);
        let mut opening = Opening::new(&self, stream, is_one_too_many);
        let next = opening.serve().await;
        let io = TokioIo::new(opening.into_stream());
        match next {
            Next::End => {}
            Next::Http2 => self.serve_http2(io, is_one_too_many).await,
            Next::Http1 => self.serve_http1(io, is_one_too_many).await,
        }
    }

    async fn serve_http1(self, io: TokioIo<Rewound<TcpStream>>, is_one_too_many: bool) {
        let this = Arc::new(self);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(this.idle_timeout)
            .max_header_size(MAX_HEAD)
            .serve_connection(io, service(&this, is_one_too_many));
        this.drive(connection).await;
    }

    async fn serve_http2(self, io: TokioIo<Rewound<TcpStream>>, is_one_too_many: bool) {
        let this = Arc::new(self);
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD as u32)
            .keep_alive_interval(this.idle_timeout)
            .serve_connection(io, service(&this, is_one_too_many));
        this.drive(connection).await;
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

/// A connection's requests, answered one by one.
fn service(
    connection: &Arc<Connection>,
    is_one_too_many: bool,
) -> impl Service<
    Request<Incoming>,
    Response = Response<Body>,
    Error = Infallible,
    Future: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
> + use<> {
    let connection = connection.clone();
    service_fn(move |request| {
        let connection = connection.clone();
        async move { connection.answer(request, is_one_too_many).await }
    })
}
