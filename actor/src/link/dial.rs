//! Opening a link.

use std::{io, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Request, header};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    client_async_with_config,
    tungstenite::{self, handshake::client::generate_key},
};

use super::{
    connection::{Connection, config},
    handshake::HandshakeError,
};
use crate::{Address, system::Inner};

/// An attempt that takes longer has failed: longer than any network's round trips, shorter than the
/// kernel's patience.
const ATTEMPT: Duration = Duration::from_millis(2500);

/// Why a link could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("{0}")]
    Connect(#[from] io::Error),
    #[error("no answer within {} ms", ATTEMPT.as_millis())]
    Timeout,
    #[error("the other end refused: {status} {text}")]
    Refused { status: http::StatusCode, text: String },
    #[error("{0}")]
    Socket(tungstenite::Error),
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
    #[error("not an address that HTTP can carry")]
    Address,
}

/// Connects to `address` and shakes hands.
pub(super) async fn dial(
    inner: &Arc<Inner>,
    address: &Address,
) -> Result<Arc<Connection>, DialError> {
    timeout(ATTEMPT, attempt(inner, address)).await.map_err(|_| DialError::Timeout)?
}

async fn attempt(inner: &Arc<Inner>, address: &Address) -> Result<Arc<Connection>, DialError> {
    let request = request(inner, address)?;
    let stream = TcpStream::connect(address.as_str()).await?;
    stream.set_nodelay(true)?;
    let (socket, response) = client_async_with_config(request, stream, Some(config()))
        .await
        .map_err(|error| match error {
            tungstenite::Error::Http(response) => DialError::Refused {
                status: response.status(),
                text: response.body().as_deref().map(first_words).unwrap_or_default(),
            },
            other => DialError::Socket(other),
        })?;
    let peer = inner.links.identity.read(response.headers())?;
    Ok(Connection::open(inner, socket, peer))
}

fn request(inner: &Inner, address: &Address) -> Result<Request<()>, DialError> {
    let mut request = Request::builder()
        .uri(format!("ws://{address}/"))
        .body(())
        .map_err(|_| DialError::Address)?;
    let host = HeaderValue::from_str(address.as_str()).map_err(|_| DialError::Address)?;
    let key = HeaderValue::from_str(&generate_key()).map_err(|_| DialError::Address)?;
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::HOST, host),
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
        (header::SEC_WEBSOCKET_KEY, key),
    ];
    request.headers_mut().extend(headers.map(|(name, value)| (Some(name), value)));
    inner.links.identity.write(request.headers_mut());
    Ok(request)
}

/// A stranger's answer goes into a report, but not without end.
fn first_words(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(300)]).trim().to_owned()
}
