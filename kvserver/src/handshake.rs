//! HTTP/1 on a socket: the way into a WebSocket, and answers for strangers who want something else.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kvcommon::PROTOCOL;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

/// The body of every answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A request has to be complete within this time, and a kept connection brings its next one.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest request head that is read.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// A socket whose HTTP part is over, with what was read beyond it.
pub(crate) struct Upgraded {
    pub(crate) stream: TcpStream,
    pub(crate) read: Bytes,
}

/// Speaks HTTP/1 on a socket and answers each request with `answer`. If an answer switches
/// protocols, the socket comes back; otherwise it is closed.
pub(crate) async fn speak_http(
    stream: TcpStream,
    answer: impl Fn(Request<Incoming>) -> BoxFuture<'static, Response<Body>>,
) -> Option<Upgraded> {
    let upgraded = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| {
        let answer = answer(request);
        let upgraded = upgraded.clone();
        Box::pin(async move {
            let response = answer.await;
            upgraded.store(response.status() == StatusCode::SWITCHING_PROTOCOLS, Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let outcome = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let parts = connection.into_parts();
    let stream = parts.io.into_inner();
    if outcome.is_ok() && upgraded.load(Ordering::Relaxed) {
        return Some(Upgraded { stream, read: parts.read_buf });
    }
    part(stream).await;
    None
}

/// How long a socket is drained after the last word, and how much of it.
const PARTING_TIMEOUT: Duration = Duration::from_secs(1);
const PARTING_BYTES: usize = 2 * 1024 * 1024;

/// Closes a socket so that the peer can read our last word: closing one that has unread input would
/// reset the connection, and the peer would lose the answer.
pub(crate) async fn part(mut stream: TcpStream) {
    let drain = async {
        stream.shutdown().await?;
        let mut buffer = [0; 1024];
        let mut left = PARTING_BYTES;
        while left > 0 {
            match stream.read(&mut buffer).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        io::Result::Ok(())
    };
    // Whatever goes wrong, the socket is dropped next.
    let _ = tokio::time::timeout(PARTING_TIMEOUT, drain).await;
}

/// The answer to a request that should open a WebSocket to a replica; `here` says in a sentence
/// what this place is, for those who came for something else.
pub(crate) fn open_websocket<B>(request: &Request<B>, here: &str) -> Response<Body> {
    let wants = |name, token: &str| {
        let values = request.headers().get_all(name).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    if !wants(UPGRADE, "websocket") {
        return upgrade_required(here);
    }
    let mut response = match create_response_with_body(request, || body("")) {
        Ok(response) => response,
        Err(error) => {
            let sentence = format!("This is no proper WebSocket handshake: {error}.");
            return text(StatusCode::BAD_REQUEST, &sentence);
        }
    };
    if !wants(SEC_WEBSOCKET_PROTOCOL, PROTOCOL) {
        let sentence = format!(
            "The WebSocket has to ask for the subprotocol {PROTOCOL}; this server speaks no other."
        );
        return text(StatusCode::BAD_REQUEST, &sentence);
    }
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    response
}

/// The answer to a stranger on a port that speaks only WebSocket.
pub(crate) fn upgrade_required(here: &str) -> Response<Body> {
    let mut response = text(StatusCode::UPGRADE_REQUIRED, here);
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade, close"));
    response
}

/// An answer in plain text: a sentence and a line end.
pub(crate) fn text(status: StatusCode, sentence: &str) -> Response<Body> {
    content(status, "text/plain; charset=utf-8", format!("{sentence}\n"))
}

/// An answer of this type.
pub(crate) fn content(
    status: StatusCode,
    content_type: &'static str,
    content: String,
) -> Response<Body> {
    let mut response = Response::new(body(content));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn body(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed_unsync()
}
