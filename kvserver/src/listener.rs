//! Listening sockets, and the connections that come in on them.

use std::io;
use std::net::{IpAddr, TcpListener as StdListener};
use std::pin::pin;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Binds a port, 0 for a free one. It may be bound again as soon as the listener is dropped, since
/// tokio sets `SO_REUSEADDR`.
pub(crate) async fn bind(host: IpAddr, port: u16) -> io::Result<StdListener> {
    TcpListener::bind((host, port)).await?.into_std()
}

/// After a failed accept, mostly for want of file descriptors, others get a chance to close theirs.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves every connection that comes in, each in a task of its own, until the port is closed by
/// `ending` and the last connection has gone. Dropping the future ends both at once.
pub(crate) async fn serve<F>(
    listener: TcpListener,
    ending: Ending,
    mut connection: impl FnMut(TcpStream) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    {
        let listener = listener;
        let mut end = pin!(ending.comes());
        loop {
            tokio::select! {
                () = &mut end => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => match prepare(&stream) {
                        Ok(()) => drop(connections.spawn(connection(stream))),
                        Err(error) => tracing::debug!(%error, "a client was gone at once"),
                    },
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

/// The end of a server, as those see it who have to finish first.
#[derive(Clone)]
pub(crate) struct Ending(watch::Receiver<bool>);

impl Ending {
    /// An end to come, and the switch that brings it by saying `true`.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (switch, ending) = watch::channel(false);
        (switch, Self(ending))
    }

    /// Waits for it.
    pub(crate) async fn comes(mut self) {
        // A switch that is gone has ended the server as well.
        let _ = self.0.wait_for(|over| *over).await;
    }
}

/// Answers are not held back to fill packets, and the kernel finds out about peers that have gone
/// without a word, so that no timer is needed for a connection that is merely quiet.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(20));
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}
