//! The native twin, on tokio-tungstenite.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{Sink, SinkExt, Stream};
use kvcommon::PROTOCOL;
use kvcommon::limits::MAX_MESSAGE_BYTES;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::http::{Response, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::Event;
use crate::Address;
use crate::error::sentence;
use crate::session::Failure;

/// Enough for a batch of small answers; a socket holds it for as long as it lives.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// Messages are joined into writes of about this size when many are fed.
const WRITE_BUFFER_BYTES: usize = 64 * 1024;

/// How much may wait outside the socket before `feed` has to wait; small, since queries that wait
/// in the session can still be coalesced or withdrawn.
const OUTBOX_BYTES: usize = 64 * 1024;

/// How long a peer that does not read is offered the goodbye: nobody here waits for anything more.
const FAREWELL: Duration = Duration::from_secs(1);

pub(crate) struct Connection {
    socket: WebSocketStream<TcpStream>,
    outbox: VecDeque<Message>,
    outbox_bytes: usize,
    unflushed: bool,
    /// Why nothing can be written any more.
    broken: Option<Failure>,
}

impl Connection {
    pub(crate) async fn open(address: &Address) -> Result<Self, Failure> {
        if address.is_encrypted() {
            let cause = "this program has no TLS for wss://; use ws:// or HOST:PORT".to_owned();
            return Err(Failure::Unreachable(cause));
        }
        let uri: Uri = address
            .url()
            .parse()
            .map_err(|error| Failure::Unreachable(format!("that is not a URL: {error}")))?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(PROTOCOL);
        let stream = TcpStream::connect(address.host_and_port())
            .await
            .map_err(|error| Failure::Unreachable(explain_io(&error)))?;
        stream.set_nodelay(true).map_err(|error| Failure::Unreachable(explain_io(&error)))?;
        let (socket, _) = client_async_with_config(request, stream, Some(config()))
            .await
            .map_err(handshake_failure)?;
        let outbox = VecDeque::new();
        Ok(Self { socket, outbox, outbox_bytes: 0, unflushed: false, broken: None })
    }

    pub(crate) fn has_room(&self) -> bool {
        self.outbox_bytes < OUTBOX_BYTES
    }

    pub(crate) fn feed(&mut self, message: Vec<u8>) {
        self.outbox_bytes += message.len();
        self.outbox.push_back(Message::Binary(message.into()));
    }

    pub(crate) async fn next(&mut self) -> Result<Event<Bytes>, Failure> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Says goodbye, without waiting for the answer.
    pub(crate) async fn close(mut self) {
        // A peer that does not take even this will see the socket end.
        let _ = timeout(FAREWELL, self.socket.send(Message::Close(None))).await;
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event<Bytes>, Failure>> {
        let had_room = self.has_room();
        // Reading goes on while writing is blocked, since the peer may be waiting for us to read,
        // and when writing has failed, since answers and a reason may have come before.
        if self.broken.is_none()
            && let Poll::Ready(Err(error)) = self.poll_write(cx)
        {
            self.broken = Some(failure(error));
        }
        if !had_room && self.has_room() {
            return Poll::Ready(Ok(Event::Room));
        }
        match self.poll_read(cx) {
            Poll::Pending => {
                self.broken.take().map_or(Poll::Pending, |cause| Poll::Ready(Err(cause)))
            }
            Poll::Ready(message) => Poll::Ready(message.map(Event::Message)),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Failure>> {
        loop {
            let message = match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Poll::Ready(Err(failure(error))),
                None => return Poll::Ready(Err(Failure::closed(1006, ""))),
            };
            match message {
                Message::Binary(bytes) => return Poll::Ready(Ok(bytes)),
                // tungstenite answers pings by itself.
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(frame) => {
                    // The answering close frame is small enough to leave at once or never.
                    let _ = Pin::new(&mut self.socket).poll_flush(cx);
                    return Poll::Ready(Err(closed(frame.as_ref())));
                }
                Message::Text(_) | Message::Frame(_) => {
                    let cause = "it sent text where only binary messages are sent".to_owned();
                    return Poll::Ready(Err(Failure::Protocol(cause)));
                }
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.outbox.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
            if let Some(message) = self.outbox.pop_front() {
                self.outbox_bytes -= message.len();
                self.unflushed = true;
                Pin::new(&mut self.socket).start_send(message)?;
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        // A message on top of a buffer that is nearly full, with its frame header and a pong.
        .max_write_buffer_size(WRITE_BUFFER_BYTES + MAX_MESSAGE_BYTES + 1024)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
}

fn closed(frame: Option<&tokio_tungstenite::tungstenite::protocol::CloseFrame>) -> Failure {
    match frame {
        Some(frame) => Failure::closed(frame.code.into(), &frame.reason),
        None => Failure::closed(1005, ""),
    }
}

fn handshake_failure(error: Error) -> Failure {
    match error {
        Error::Http(response) => Failure::Protocol(explain_http(&response)),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            Failure::Unreachable("it closed the connection during the handshake".to_owned())
        }
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => {
            Failure::Protocol(format!("it does not speak {PROTOCOL}"))
        }
        Error::Protocol(_) | Error::HttpFormat(_) | Error::Utf8(_) | Error::AttackAttempt => {
            Failure::Protocol(format!("its handshake is not a WebSocket's ({error})"))
        }
        other => failure(other),
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Io(error) => Failure::Unreachable(explain_io(&error)),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Failure::closed(1006, ""),
        Error::Capacity(error) => Failure::Protocol(format!("its message is too large ({error})")),
        other => Failure::Protocol(sentence(&other.to_string())),
    }
}

/// `HTTP 404 Not Found`, and what the server says about it if that came along.
fn explain_http(response: &Response<Option<Vec<u8>>>) -> String {
    /// The port before the query ports says that it speaks this.
    const SERVERS: &str = "cmud-actor";
    let body = response.body().as_deref().unwrap_or_default();
    let is_text = !body.contains(&b'<');
    let said = if is_text { sentence(&String::from_utf8_lossy(body)) } else { String::new() };
    if said.contains(SERVERS) {
        return "that is the port where servers meet; clients are answered on the ports after it"
            .to_owned();
    }
    let separator = if said.is_empty() { "" } else { ": " };
    format!("it answered HTTP {}{separator}{said}", response.status())
}

fn explain_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "the connection was refused. Is a server running there?".to_owned()
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => "the connection was lost".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}
