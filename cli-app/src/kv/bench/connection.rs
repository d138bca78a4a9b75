//! Connections as the load needs them: bare, so that it measures the server and not a client.

use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use kvclient::router::Fixed;
use kvclient::{Address, Client, ErrorKind};
use kvcommon::PROTOCOL;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::kv::answer::Failure;

/// A server that has not answered for so long will not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
pub type Socket = WebSocketStream<TcpStream>;

/// Those of the addresses that answer, and why the others do not.
///
/// # Errors
/// When none does: why the first one does not.
pub async fn reachable(
    addresses: impl IntoIterator<Item = Address>,
) -> Result<(Vec<Address>, Vec<Failure>), Failure> {
    let tries = addresses.into_iter().map(async |address: Address| {
        // It knows best in what ways a server can be none.
        match Client::new(Fixed::new(address.clone())).status().await {
            // The load finds out.
            Ok(_) => Ok(address),
            Err(error) if error.kind() == ErrorKind::NotReady => Ok(address),
            Err(error) => Err(Failure::from(error)),
        }
    });
    let (mut answer, mut away) = (Vec::new(), Vec::new());
    for tried in join_all(tries).await {
        match tried {
            Ok(address) => answer.push(address),
            Err(why) => away.push(why),
        }
    }
    match answer.is_empty() {
        true => {
            Err(away.into_iter().next().unwrap_or_else(|| Failure::invalid("there is no address")))
        }
        false => Ok((answer, away)),
    }
}

/// Opens a connection.
pub async fn open(address: &Address) -> Result<Socket, Failure> {
    let failed = |kind: ErrorKind, why: &dyn std::fmt::Display| Failure {
        kind,
        message: format!("{address} cannot be reached: {why}"),
    };
    let unreachable = |why: &dyn std::fmt::Display| failed(ErrorKind::Unreachable, why);
    if address.is_encrypted() {
        return Err(failed(ErrorKind::Invalid, &"this program has no TLS for wss://"));
    }
    let opening = async {
        let stream =
            TcpStream::connect(address.host_and_port()).await.map_err(|e| unreachable(&e))?;
        stream.set_nodelay(true).map_err(|error| unreachable(&error))?;
        let uri = address.url().parse().map_err(|error| failed(ErrorKind::Invalid, &error))?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(PROTOCOL);
        let opened = client_async(request, stream).await;
        let (socket, _) = opened.map_err(|error| failed(ErrorKind::Protocol, &error))?;
        Ok(socket)
    };
    let opened = tokio::time::timeout(PATIENCE, opening).await;
    opened.unwrap_or_else(|_| Err(failed(ErrorKind::Timeout, &"no answer")))
}

/// The next message of answers.
pub async fn next(socket: &mut Socket) -> Result<bytes::Bytes, Failure> {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await;
        let message = message.map_err(|_| Failure {
            kind: ErrorKind::Timeout,
            message: format!("no answer for {} s", PATIENCE.as_secs()),
        })?;
        match message {
            Some(Ok(Message::Binary(answers))) => return Ok(answers),
            Some(Ok(Message::Close(Some(frame)))) => {
                let why = frame.reason;
                return Err(lost(format!("the server closed the connection: {why}")));
            }
            Some(Ok(Message::Close(None))) | None => {
                return Err(lost("the server closed the connection"));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(lost(error.to_string())),
        }
    }
}

/// A connection that was lost.
pub fn lost(why: impl Into<String>) -> Failure {
    Failure { kind: ErrorKind::Unreachable, message: why.into() }
}
