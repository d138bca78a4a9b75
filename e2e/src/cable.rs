//! A network connection that can be pulled out, while the server at its end goes on with all its data.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A port that leads to another one, as long as it is plugged in.
#[derive(Debug)]
pub struct Cable {
    /// The port at this end.
    pub near: SocketAddr,
    plugged: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Cable {
    /// Lays a cable to a port.
    pub async fn plug(far: SocketAddr) -> Result<Cable> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let near = listener.local_addr()?;
        let (plugged, state) = watch::channel(true);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, far, state.clone()));
            }
        });
        Ok(Cable { near, plugged, task })
    }

    /// Ends all connections and every new one at once (`false`), or lets them through again.
    pub fn set(&self, plugged: bool) {
        self.plugged.send_replace(plugged);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut near: TcpStream, far: SocketAddr, mut plugged: watch::Receiver<bool>) {
    let connection = async {
        let mut far = TcpStream::connect(far).await?;
        copy_bidirectional(&mut near, &mut far).await
    };
    // Whichever ends first drops both sockets.
    tokio::select! {
        biased;
        _ = plugged.wait_for(|plugged| !plugged) => {}
        _ = connection => {}
    }
}
