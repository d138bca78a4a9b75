//! The ports of a server.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::time::Duration;

use actor::Address;
use futures::future::join_all;

use super::description::{read_address, read_join};
use super::{Config, MAX_ACTORS, StartError};
use crate::listener::bind;

/// All ports of a server, bound before anything is started.
pub(super) struct Sockets {
    pub(super) actor_system: (StdListener, SocketAddr),
    pub(super) queries: Vec<(StdListener, SocketAddr)>,
    pub(super) http: Option<(StdListener, SocketAddr)>,
}

impl Sockets {
    /// How others reach the server, and whom it is to meet.
    pub(super) async fn meet(
        &self,
        config: &Config,
    ) -> Result<(Address, Vec<Address>), StartError> {
        let bound = self.actor_system.1;
        let address = match &config.advertise {
            Some(address) => read_address(address)
                .map_err(|why| StartError::Advertise { address: address.clone(), why })?,
            None => Address::new(&bound.to_string()),
        };
        let joins = config.join.iter().map(|join| read_join(join));
        let joins = joins.collect::<Result<Vec<_>, _>>()?;
        let own = join_all(joins.iter().map(|join| is_own(join, bound))).await;
        let mut own = joins.iter().zip(own).filter(|(join, is_own)| *is_own || **join == address);
        if let Some((join, _)) = own.next() {
            return Err(StartError::JoinsItself { address: join.to_string() });
        }
        if !joins.is_empty() && bound.ip().is_unspecified() && config.advertise.is_none() {
            return Err(StartError::NotAdvertised { host: bound.ip() });
        }
        if bound.ip().is_unspecified() && config.advertise.is_none() {
            tracing::warn!(
                "other servers cannot join this one: it describes itself by {address}, which nobody \
                 can call; say how they reach it with --advertise HOST:PORT"
            );
        }
        Ok((address, joins))
    }

    pub(super) async fn bind(config: &Config) -> Result<Self, StartError> {
        let Config { actors, port, .. } = *config;
        if actors == 0 {
            return Err(StartError::NoActors);
        }
        if actors > MAX_ACTORS {
            return Err(StartError::TooManyActors { actors });
        }
        if port != 0 && usize::from(port) + actors > usize::from(u16::MAX) {
            return Err(StartError::PortRange { port, actors });
        }
        if let Some(www) = &config.www
            && !www.is_dir()
        {
            return Err(StartError::Www { folder: www.clone() });
        }
        let host = resolve(&config.host).await?;
        let actor_system = bind_for(host, port, "the actor system").await?;
        let mut queries = Vec::new();
        for number in (1..=u16::MAX).take(actors) {
            let port = if port == 0 { 0 } else { port + number };
            queries.push(bind_for(host, port, &format!("query actor {number}")).await?);
        }
        let http = match config.http {
            Some(address) => Some(bind_for(address.ip(), address.port(), "HTTP").await?),
            None => None,
        };
        Ok(Self { actor_system, queries, http })
    }
}

/// Whether an address that is to be joined leads to this server's own listener. A name may stand for
/// several servers and be this one's too: it is its own only if it leads nowhere else. What cannot be
/// told now is found out when the server calls itself.
async fn is_own(join: &Address, bound: SocketAddr) -> bool {
    /// A server starts without the names of others, if they are slow to come.
    const PATIENCE: Duration = Duration::from_secs(1);
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host(join.as_str())).await;
    let Ok(Ok(found)) = found else { return false };
    let found: Vec<SocketAddr> = found.collect();
    let listens = |at: &SocketAddr| at.port() == bound.port() && listens_on(bound.ip(), at.ip());
    // localhost is often two addresses, of which a server listens on one.
    let near = |at: &SocketAddr| at.port() == bound.port() && at.ip().is_loopback();
    found.iter().any(listens) && found.iter().all(|at| listens(at) || near(at))
}

/// Whether who listens on this interface is reached at the address.
fn listens_on(interface: IpAddr, address: IpAddr) -> bool {
    match interface.is_unspecified() {
        // Only an address of this machine can be bound.
        true => std::net::UdpSocket::bind((address, 0)).is_ok(),
        false => interface == address,
    }
}

async fn resolve(host: &str) -> Result<IpAddr, StartError> {
    let failed = |cause| StartError::Host { host: host.to_owned(), cause };
    // As people copy it out of an address with a port.
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let mut addresses = tokio::net::lookup_host((bare, 0)).await.map_err(failed)?;
    let none = || failed(io::Error::from(io::ErrorKind::NotFound));
    addresses.next().map(|address| address.ip()).ok_or_else(none)
}

async fn bind_for(
    host: IpAddr,
    port: u16,
    what: &str,
) -> Result<(StdListener, SocketAddr), StartError> {
    let failed = |cause| StartError::bind(SocketAddr::new(host, port), what, cause);
    let listener = bind(host, port).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
