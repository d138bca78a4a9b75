//! The HTTP port: the page, a way to the query actors for it, and the server's state.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use http::header::{ALLOW, CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tower_http::services::ServeDir;

use crate::handshake::{Body, Upgraded, content, open_websocket, speak_http, text};
use crate::listener;
use crate::server::Inside;

/// Where the queries of the page go.
const KV: &str = "/kv";

const HERE: &str = "This path answers the queries of a CMUD store over WebSocket \
    (subprotocol cmud-kv.1), not over plain HTTP; the page is at /.";

/// What the HTTP port serves.
pub(crate) struct Site {
    inside: Arc<Inside>,
    www: Option<ServeDir>,
    next_actor: AtomicUsize,
}

impl Site {
    /// A site with the files of `www`, if there is such a folder.
    pub(crate) fn new(inside: Arc<Inside>, www: Option<PathBuf>) -> Self {
        let www = www.map(|folder| ServeDir::new(folder).precompressed_gzip());
        Self { inside, www, next_actor: AtomicUsize::new(0) }
    }

    /// Serves the port until the end.
    pub(crate) async fn serve_port(self, listener: TcpListener) {
        let site = Arc::new(self);
        let ending = site.inside.ending.clone();
        listener::serve(listener, ending, |stream| site.clone().serve_socket(stream)).await;
    }

    async fn serve_socket(self: Arc<Self>, stream: TcpStream) {
        let site = self.clone();
        let answer = move |request| {
            let site = site.clone();
            async move { site.answer(request).await }.boxed()
        };
        // A browser keeps its connection open for what it may want next; the end does not wait.
        let upgraded = tokio::select! {
            upgraded = speak_http(stream, answer) => upgraded,
            () = self.inside.ending.clone().comes() => None,
        };
        if let Some(upgraded) = upgraded {
            self.hand_over(upgraded).await;
        }
    }

    /// Gives a client to the thread of a query actor, each actor in turn, and waits for its end: the
    /// server's end waits for those who are served here.
    async fn hand_over(&self, Upgraded { stream, read }: Upgraded) {
        let actors = &self.inside.actors;
        let place = &actors[self.next_actor.fetch_add(1, Ordering::Relaxed) % actors.len()];
        let receiver = place.receiver.clone();
        let stream = match stream.into_std() {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%error, "a client was gone before it was served"),
        };
        let serving = place.handle.spawn(async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => receiver.serve_websocket(Upgraded { stream, read }).await,
                Err(error) => tracing::warn!(%error, "cannot hand over a client"),
            }
        });
        // It fails when the thread has ended or the client's task has panicked: it is over as well.
        let _ = serving.await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if request.uri().path() == KV {
            return open_websocket(&request, HERE);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response =
                text(StatusCode::METHOD_NOT_ALLOWED, "This server can only be read: use GET.");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let mut response = match request.uri().path() {
            "/healthz" if self.inside.readiness().await == Some(true) => {
                text(StatusCode::OK, "ready")
            }
            "/healthz" => text(StatusCode::SERVICE_UNAVAILABLE, "starting"),
            "/stats.json" => {
                let stats = serde_json::to_string(&self.inside.stats().await)
                    .expect("numbers can be written as JSON");
                content(StatusCode::OK, "application/json", stats)
            }
            _ => self.file(request).await,
        };
        let headers = response.headers_mut();
        // The names of the page's files carry no version: a browser has to ask whether they are
        // still the same, which costs a round trip and no content.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    async fn file(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let Some(mut www) = self.www.clone() else {
            return text(
                StatusCode::NOT_FOUND,
                "This server serves no page: it was started without a folder for it (--www DIR). \
                 There are /healthz, /stats.json and /kv.",
            );
        };
        let nothing =
            || text(StatusCode::NOT_FOUND, &format!("There is no {path} here; the page is at /."));
        match www.try_call(request).await {
            Ok(response) if response.status() == StatusCode::NOT_FOUND => nothing(),
            Ok(response) => response.map(|body| body.boxed_unsync()),
            Err(error) if is_no_file(&error) => nothing(),
            Err(error) => {
                tracing::warn!(%error, path, "cannot serve a file");
                text(StatusCode::INTERNAL_SERVER_ERROR, "The file cannot be read.")
            }
        }
    }
}

fn is_no_file(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), NotFound | NotADirectory | PermissionDenied)
}
