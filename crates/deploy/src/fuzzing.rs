//! A server without a socket, for the fuzz targets.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use storage::Uri;
use tokio::runtime::Runtime;

use crate::args::LimitArgs;
use crate::serve::{App, Routes, Slot, Source, Telemetry, routes};

/// Answers requests about one model, as the server does once it has read them.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    runtime: Runtime,
}

impl Server {
    /// A server of the model in this folder, called `m`.
    ///
    /// # Panics
    /// If the model cannot be served.
    pub fn new(folder: &Path) -> Self {
        let runtime = Runtime::new().expect("threads start");
        let source = Source::Folder {
            folder: Uri::local(folder),
            model_name: "m".to_owned(),
        };
        let slot = runtime
            .block_on(Slot::load(source, 0))
            .expect("the model loads");
        let limits = LimitArgs::DEFAULT;
        let telemetry = Arc::new(Telemetry::quiet());
        Self {
            app: Arc::new(App::new(
                Arc::new(slot),
                Routes::default(),
                &limits,
                telemetry,
            )),
            runtime,
        }
    }

    /// Status and body of the answer to a POST.
    ///
    /// # Panics
    /// If the server does.
    pub fn answer(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Vec<u8>) {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Body::from(body.to_vec()))
            .expect("a target's path and headers are valid");
        self.runtime.block_on(async {
            let (head, body) = routes::answer(&self.app, request).await.into_parts();
            let body = body.collect().await.expect("an answer in memory");
            (head.status.as_u16(), body.to_bytes().to_vec())
        })
    }
}
