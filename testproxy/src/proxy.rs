//! The proxy itself: a port, its connections, and the conditions they live under.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream, ToSocketAddrs},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{Conditions, Passage, pump::pump};

/// A port that leads to another one through a network that can be made bad. Dropping it frees the port
/// and ends all connections.
#[derive(Debug)]
pub struct Proxy {
    near: SocketAddr,
    conditions: watch::Sender<Conditions>,
    /// How often all connections were ended.
    breaks: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Opens a port that leads to the one at `to`, which is looked up for each connection and need not be
    /// up. The network is perfect at first.
    ///
    /// # Errors
    ///
    /// When the port cannot be opened.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn start(listen: impl ToSocketAddrs, to: impl Into<String>) -> io::Result<Proxy> {
        let listener = TcpListener::bind(listen).await?;
        let near = listener.local_addr()?;
        let (conditions, breaks) = (watch::Sender::default(), watch::Sender::default());
        let network = Network {
            to: to.into().into(),
            conditions: conditions.subscribe(),
            breaks: breaks.subscribe(),
        };
        let task = tokio::spawn(accept(listener, network));
        Ok(Proxy { near, conditions, breaks, task })
    }

    /// The port at this end.
    pub fn near(&self) -> SocketAddr {
        self.near
    }

    /// Changes the network, for the connections that there are and for those that come.
    pub fn change(&self, change: impl FnOnce(&mut Conditions)) {
        self.conditions.send_modify(change);
        if self.conditions.borrow().cut {
            self.end_connections();
        }
    }

    /// Makes both directions take so long.
    pub fn delay(&self, one_way: Duration) {
        self.change(|network| network.both(|way| way.delay = one_way));
    }

    /// Ends all connections, and every new one at once.
    pub fn cut(&self) {
        self.change(|network| network.cut = true);
    }

    /// Makes both directions swallow everything: connections stay, half-open.
    pub fn hang(&self) {
        self.change(|network| network.both(|way| way.passage = Passage::Swallowed));
    }

    /// Lets everything pass again, at the delays and limits that were set.
    pub fn heal(&self) {
        self.change(Conditions::heal);
    }

    /// Ends the connections that there are; new ones pass.
    pub fn end_connections(&self) {
        self.breaks.send_modify(|breaks| *breaks += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What each connection needs.
#[derive(Clone)]
struct Network {
    to: Arc<str>,
    conditions: watch::Receiver<Conditions>,
    breaks: watch::Receiver<u64>,
}

async fn accept(listener: TcpListener, network: Network) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((near, _)) => {
                    // Any break from here on is this connection's too.
                    let mut network = network.clone();
                    network.breaks.mark_unchanged();
                    if !network.conditions.borrow().cut {
                        connections.spawn(carry(near, network));
                    }
                }
                // Too many open files, most likely: the next one may fare better.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection to its end. However it ends, both sockets close with it.
async fn carry(near: TcpStream, Network { to, mut conditions, mut breaks }: Network) {
    let connection = async {
        conditions.wait_for(Conditions::is_open).await.map_err(io::Error::other)?;
        let far = TcpStream::connect(&*to).await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let ((near_source, near_sink), (far_source, far_sink)) =
            (near.into_split(), far.into_split());
        tokio::try_join!(
            pump(near_source, far_sink, conditions.clone(), |network| network.there),
            pump(far_source, near_sink, conditions, |network| network.back),
        )
    };
    tokio::select! {
        biased;
        _ = breaks.changed() => {}
        _ = connection => {}
    }
}
