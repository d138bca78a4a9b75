//! The ports of a server.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};

use actor::Address;

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
    pub(super) fn meet(&self, config: &Config) -> Result<(Address, Vec<Address>), StartError> {
        let bound = self.actor_system.1;
        let address = match &config.advertise {
            Some(address) => read_address(address)
                .map_err(|why| StartError::Advertise { address: address.clone(), why })?,
            None => Address::new(&bound.to_string()),
        };
        let joins = config.join.iter().map(|join| read_join(join));
        let joins = joins.collect::<Result<Vec<_>, _>>()?;
        if joins.contains(&address) || joins.contains(&Address::new(&bound.to_string())) {
            return Err(StartError::JoinsItself { address: address.to_string() });
        }
        if !joins.is_empty() && bound.ip().is_unspecified() && config.advertise.is_none() {
            return Err(StartError::NotAdvertised { host: bound.ip() });
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

async fn resolve(host: &str) -> Result<IpAddr, StartError> {
    let failed = |cause| StartError::Host { host: host.to_owned(), cause };
    let mut addresses = tokio::net::lookup_host((host, 0)).await.map_err(failed)?;
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
