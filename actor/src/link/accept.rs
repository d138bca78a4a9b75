//! Accepting links: an HTTP port that upgrades those who know how, and tells all others what it is.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

use super::{
    Identity,
    connection::{Connection, config},
    handshake::PROTOCOL,
};
use crate::{report::Report, system::Inner};

/// Someone who opens a connection and then says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Upgrade requests are short.
const MAX_REQUEST_BYTES: usize = 16 << 10;
/// Connections at once. Nobody has so many servers: it stops a flood.
const MAX_CONNECTIONS: usize = 1024;
/// After an error of `accept`, most likely too few file descriptors, trying on at once does not help.
const AFTER_ERROR: Duration = Duration::from_millis(100);

type Answer = Response<Full<Bytes>>;

/// Accepts links on `listener` until the system ends.
pub(crate) async fn serve(inner: Arc<Inner>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            sleep(AFTER_ERROR).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            refused(&inner, from, "too many connections");
            continue;
        };
        let _ = stream.set_nodelay(true); // without it the link is slower, but works
        inner.spawn_service(shake_hands(inner.clone(), stream, from, place));
    }
}

async fn shake_hands(
    inner: Arc<Inner>,
    stream: TcpStream,
    from: SocketAddr,
    place: OwnedSemaphorePermit,
) {
    let upgrade = Mutex::new(None);
    let service = service_fn(|mut request: Request<Incoming>| {
        let response = match check(&inner, request.headers()) {
            Ok((peer, response)) => {
                *upgrade.lock() = Some((peer, hyper::upgrade::on(&mut request)));
                response
            }
            Err((status, text)) => {
                if status == StatusCode::BAD_REQUEST {
                    refused(&inner, from, &text);
                }
                sentence(status, text)
            }
        };
        async { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MAX_REQUEST_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let served = tokio::time::timeout(2 * PATIENCE, connection).await;
    if let (Ok(Ok(())), Some((peer, upgrade))) = (served, upgrade.into_inner())
        && let Some(connection) = upgraded(&inner, peer, upgrade).await
    {
        connection.died().await;
    }
    drop(place);
}

/// Whether the headers ask for a link that makes sense: then who asks, and the answer to give.
fn check(inner: &Inner, headers: &HeaderMap) -> Result<(Identity, Answer), (StatusCode, String)> {
    let has = |name, wanted: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            value.split(',').any(|word| word.trim().eq_ignore_ascii_case(wanted))
        })
    };
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let (true, true, Some(key)) =
        (has(header::UPGRADE, "websocket"), has(header::CONNECTION, "upgrade"), key)
    else {
        let text = format!(
            "This port links actor systems over WebSockets ({PROTOCOL}); nothing else can be had here.\n"
        );
        return Err((StatusCode::UPGRADE_REQUIRED, text));
    };
    let identity = &inner.links.identity;
    let peer =
        identity.read(headers).map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))?;
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let answer = response.headers_mut();
    answer.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        answer.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    identity.write(answer);
    Ok((peer, response))
}

fn sentence(status: StatusCode, text: String) -> Answer {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn upgraded(
    inner: &Arc<Inner>,
    peer: Identity,
    upgrade: OnUpgrade,
) -> Option<Arc<Connection>> {
    let upgraded: Upgraded = upgrade.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    let (stream, early) = (parts.io.into_inner(), parts.read_buf.to_vec());
    let socket =
        WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config())).await;
    Some(Connection::open(inner, socket, peer))
}

fn refused(inner: &Inner, from: SocketAddr, cause: &str) {
    let report = Report::LinkRefused { peer: from.to_string(), cause: cause.trim().to_owned() };
    inner.report(&report);
}
