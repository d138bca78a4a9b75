//! One WebSocket with another system: reading it, keeping it alive, and its end.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use parking_lot::Mutex;
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Bytes, Message, protocol::WebSocketConfig},
};

use super::{
    Identity,
    frame::{self, FrameError, MAX_FRAME_BYTES},
};
use crate::{report::Report, system::Inner};

/// How often a ping asks whether the other end is there.
const PING_EVERY: Duration = Duration::from_secs(4);
/// A link on which nothing came for this long is dead: three pings without an answer.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(13);

pub(super) type Socket = WebSocketStream<TcpStream>;

/// A live link. Its reader runs as a task of its own; whoever sends locks the sink.
pub(super) struct Connection {
    peer: Identity,
    sink: tokio::sync::Mutex<SplitSink<Socket, Message>>,
    opened_at: Instant,
    dead: watch::Sender<bool>,
}

/// What ended a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("{0}")]
    Socket(#[from] tungstenite::Error),
    #[error("the other end closed it")]
    Closed,
    #[error("nothing came for {} s", DEAD_AFTER.as_secs())]
    Silent,
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("a text message on a link")]
    Text,
}

/// Bounds for everything that is read before it is understood.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(64 << 10)
        .write_buffer_size(64 << 10)
        .max_write_buffer_size(2 * MAX_FRAME_BYTES)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
}

impl Connection {
    /// Starts reading from a socket whose handshake is complete.
    pub(super) fn open(inner: &Arc<Inner>, socket: Socket, peer: Identity) -> Arc<Connection> {
        let (sink, stream) = socket.split();
        let connection = Arc::new(Connection {
            peer,
            sink: tokio::sync::Mutex::new(sink),
            opened_at: Instant::now(),
            dead: watch::Sender::new(false),
        });
        let newest_stream = inner.links.opened(&connection);
        inner.spawn_service({
            let (inner, connection) = (inner.clone(), connection.clone());
            async move {
                let end = tokio::select! {
                    broken = read(&inner, stream, &newest_stream) => Some(broken),
                    broken = connection.keep_alive() => Some(broken),
                    () = connection.died() => None,
                };
                connection.kill();
                inner.links.ended(&connection);
                if let Some(cause) = end {
                    let peer = connection.peer.address.to_string();
                    inner.report(&Report::LinkFailed { peer, cause: cause.to_string() });
                }
            }
        });
        connection
    }

    pub(super) fn peer(&self) -> &Identity {
        &self.peer
    }

    pub(super) fn age(&self) -> Duration {
        self.opened_at.elapsed()
    }

    /// Ends the connection; what it still holds is lost.
    pub(super) fn kill(&self) {
        self.dead.send_replace(true);
    }

    pub(super) fn is_dead(&self) -> bool {
        *self.dead.borrow()
    }

    pub(super) async fn died(&self) {
        // An error would mean that the sender is gone, and it is a field of `self`.
        let _ = self.dead.subscribe().wait_for(|dead| *dead).await;
    }

    /// Sends frames with one flush at the end. Those that were not handed to the socket when an error
    /// came stay in the iterator.
    pub(super) async fn send(
        &self,
        frames: impl Iterator<Item = Vec<u8>>,
    ) -> Result<(), tungstenite::Error> {
        let mut sink = self.sink.lock().await;
        for frame in frames {
            sink.feed(Message::Binary(frame.into())).await?;
        }
        sink.flush().await
    }

    async fn keep_alive(&self) -> Broken {
        loop {
            sleep(PING_EVERY).await;
            let ping = Message::Ping(Bytes::new());
            if let Err(error) = self.sink.lock().await.send(ping).await {
                return error.into();
            }
        }
    }
}

/// Reads frames and delivers what is in them until the connection breaks.
async fn read(
    inner: &Arc<Inner>,
    mut stream: SplitStream<Socket>,
    newest_stream: &Mutex<u64>,
) -> Broken {
    loop {
        let message = match timeout(DEAD_AFTER, stream.next()).await {
            Err(_) => return Broken::Silent,
            Ok(None) => return Broken::Closed,
            Ok(Some(Err(error))) => return error.into(),
            Ok(Some(Ok(message))) => message,
        };
        match message {
            Message::Binary(bytes) => {
                inner.links.bytes_received.fetch_add(bytes.len() as u64, Relaxed);
                if let Err(error) = deliver(inner, &bytes, newest_stream) {
                    return error.into();
                }
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            Message::Close(_) => return Broken::Closed,
            Message::Text(_) => return Broken::Text,
        }
    }
}

/// Delivers a frame, unless a later stream has begun. The lock makes sure that none begins meanwhile.
fn deliver(inner: &Arc<Inner>, bytes: &[u8], newest_stream: &Mutex<u64>) -> Result<(), FrameError> {
    let (stream, items) = frame::read(bytes)?;
    let mut newest = newest_stream.lock();
    if stream < *newest {
        return Ok(());
    }
    *newest = stream;
    for item in items {
        let item = item?;
        inner.receive(item.id, item.incarnation, item.payload);
    }
    Ok(())
}
