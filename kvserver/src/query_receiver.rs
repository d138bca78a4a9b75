//! The clients of one query actor: its port, their WebSockets, and their queries on the way to it.
//!
//! A receiver decides nothing and knows no values. It reads what a client has sent, as much as is
//! there, tells it to the actor as one message with one reply address, and writes the answers to
//! the client. It runs on the thread of its actor, so a query never crosses a core.
//!
//! What a client can cost is bounded:
//! - One batch of a connection is in flight, at most [`BATCH_BYTES`] and one message long, with at
//!   most one message of answers. While it is, the client's further messages stay in its socket. A
//!   client therefore has to read answers while it sends.
//! - After a full batch, or a turn of the actor that did not answer all of one, the thread's sockets are
//!   looked at, so that everybody else who has asked meanwhile comes first.
//! - A client that does not take its answers for [`STALL_TIMEOUT`] is dropped.
//! - A message beyond `MAX_MESSAGE_BYTES` is refused by its length, before its content is read.
//! - A quiet client costs its socket and two small buffers; it has no timer.

#[cfg(test)]
mod tests;

use std::pin::pin;
use std::time::Duration;

use actor::{ActorRef, System};
use bytes::Bytes;
use futures::{FutureExt, SinkExt, StreamExt};
use http::Request;
use hyper::body::Incoming;
use kvcommon::limits::MAX_MESSAGE_BYTES;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};

use crate::handshake::{Upgraded, open_websocket, part, speak_http};
use crate::listener::{self, Ending};
use crate::query_actor::{Batch, Message};

/// A batch takes in no further message once it has so many bytes.
pub const BATCH_BYTES: usize = 64 * 1024;

/// A client that has not taken its answers for so long is not coming back for them.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// What is read from a socket at once; a connection that is quiet costs this much.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// What a stranger on a query port is told.
const HERE: &str = "This port answers the queries of a CMUD store over WebSocket \
    (subprotocol cmud-kv.1), not over plain HTTP: use `kv --server HOST:PORT`, or open the \
    server's HTTP port in a browser.";

/// The way to one query actor.
#[derive(Clone)]
pub(crate) struct Receiver {
    system: System,
    actor: ActorRef<Message>,
    ending: Ending,
}

impl Receiver {
    /// A way to this actor of this system, until the server comes to its end.
    pub(crate) fn new(system: System, actor: ActorRef<Message>, ending: Ending) -> Self {
        Self { system, actor, ending }
    }

    /// The actor.
    pub(crate) fn actor(&self) -> &ActorRef<Message> {
        &self.actor
    }

    /// Serves the actor's port until the end.
    pub(crate) async fn serve_port(self, listener: TcpListener) {
        let ending = self.ending.clone();
        listener::serve(listener, ending, |stream| self.clone().serve_socket(stream)).await;
    }

    async fn serve_socket(self, stream: TcpStream) {
        let answer =
            |request: Request<Incoming>| std::future::ready(open_websocket(&request, HERE)).boxed();
        if let Some(upgraded) = speak_http(stream, answer).await {
            self.serve_websocket(upgraded).await;
        }
    }

    /// Serves a client whose WebSocket was opened, on this port or elsewhere, to its end.
    pub(crate) async fn serve_websocket(self, Upgraded { stream, read }: Upgraded) {
        let mut socket = WebSocketStream::from_partially_read(
            stream,
            read.into(),
            Role::Server,
            Some(websocket_config()),
        )
        .await;
        if let End::Parting(code, reason) = self.converse(&mut socket).await {
            let frame = CloseFrame { code, reason: reason.into() };
            let closing = tokio::time::timeout(STALL_TIMEOUT, socket.close(Some(frame)));
            if let Ok(Ok(())) = closing.await {
                part(socket.into_inner()).await;
            }
        }
    }

    async fn converse(&self, socket: &mut Socket) -> End {
        let mut known_state = None;
        let mut ending = pin!(self.ending.clone().comes());
        loop {
            let (messages, end) = tokio::select! {
                biased;
                batch = read_batch(socket) => batch,
                () = &mut ending => return shut_down(),
            };
            let was_full = messages.iter().map(Vec::len).sum::<usize>() >= BATCH_BYTES;
            let mut next = (!messages.is_empty()).then_some(Batch { messages, skip: 0 });
            while let Some(batch) = next {
                let question = |reply| Message::Queries { batch, reply };
                let Some(answers) = self.system.ask(&self.actor, question).await else {
                    return restarted();
                };
                if *known_state.get_or_insert(answers.state) != answers.state {
                    return restarted();
                }
                if !answers.message.is_empty() && !send(socket, answers.message).await {
                    return End::Gone;
                }
                if let Some(fault) = answers.fault {
                    return End::Parting(CloseCode::Invalid, fault);
                }
                next = answers.rest;
                if next.is_some() || was_full {
                    // This task and the actor could go on waking each other, and as long as any task
                    // is awake the runtime seldom looks at the sockets.
                    yield_now().await;
                }
            }
            if let Some(end) = end {
                return end;
            }
        }
    }
}

type Socket = WebSocketStream<TcpStream>;

/// How a conversation ends.
enum End {
    /// There is nobody left to speak to.
    Gone,
    /// With a close frame that says why.
    Parting(CloseCode, String),
}

fn restarted() -> End {
    End::Parting(CloseCode::Error, "the replica failed and starts again; reconnect".to_owned())
}

fn shut_down() -> End {
    End::Parting(CloseCode::Away, "the server shuts down".to_owned())
}

fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(READ_BUFFER_BYTES)
        .max_write_buffer_size(2 * MAX_MESSAGE_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
}

/// Waits for a message and takes what else has arrived with it. The end, if this was the last.
async fn read_batch(socket: &mut Socket) -> (Vec<Vec<u8>>, Option<End>) {
    let mut messages = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES {
        let next = if messages.is_empty() {
            socket.next().await
        } else {
            match socket.next().now_or_never() {
                Some(next) => next,
                None => break,
            }
        };
        match next {
            Some(Ok(WsMessage::Binary(message))) => {
                bytes += message.len();
                messages.push(message.into());
            }
            Some(Ok(WsMessage::Text(_))) => {
                let reason = "queries travel in binary messages, not in text".to_owned();
                return (messages, Some(End::Parting(CloseCode::Unsupported, reason)));
            }
            // Pings are answered by the library, which also finishes a close that the client began.
            Some(Ok(_)) => {}
            Some(Err(error)) => return (messages, Some(end_after(&error))),
            None => return (messages, Some(End::Gone)),
        }
    }
    (messages, None)
}

fn end_after(error: &WsError) -> End {
    match error {
        WsError::Capacity(_) => {
            let reason = format!("a message has at most {MAX_MESSAGE_BYTES} bytes");
            End::Parting(CloseCode::Size, reason)
        }
        WsError::Utf8(_) => End::Parting(CloseCode::Invalid, "the text is not UTF-8".to_owned()),
        WsError::Protocol(error) => End::Parting(CloseCode::Protocol, error.to_string()),
        _ => End::Gone,
    }
}

/// Whether the client took the message.
async fn send(socket: &mut Socket, message: Vec<u8>) -> bool {
    let sending = socket.send(WsMessage::Binary(Bytes::from(message)));
    matches!(tokio::time::timeout(STALL_TIMEOUT, sending).await, Ok(Ok(())))
}
