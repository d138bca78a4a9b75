//! A server as a whole: its start, which succeeds or leaves nothing behind, and its end.

mod error;

use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use actor::{System, SystemConfig, WellKnown};
use futures::FutureExt;
use futures::future::join_all;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use error::StartError;

use crate::handshake::{speak_http, upgrade_required};
use crate::http::Site;
use crate::listener::{self, Ending, bind};
use crate::query_actor::{Health, Message, QueryActor, Siblings};
use crate::query_receiver::Receiver;

/// What a server is to be.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name or address of the interface that all ports listen on.
    pub host: String,
    /// The actor system's port; query actor i (from 1) has this port + i. With 0, every port is a
    /// free one chosen by the operating system.
    pub port: u16,
    /// How many query actors there are, 1 to [`MAX_ACTORS`].
    pub actors: usize,
    /// Where HTTP is served, if anywhere; port 0 for a free one.
    pub http: Option<SocketAddr>,
    /// The folder whose files are served over HTTP.
    pub www: Option<PathBuf>,
}

/// A query actor is a thread; more of them than any machine has cores are a mistake.
pub const MAX_ACTORS: usize = 1024;

impl Default for Config {
    /// One query actor on this machine's loopback, on free ports, without HTTP.
    fn default() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: 0, actors: 1, http: None, www: None }
    }
}

/// What another server needs to find this one: one line of JSON, opaque to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Description(String);

impl Description {
    fn new(actor_system: SocketAddr, actors: usize) -> Self {
        let fields = serde_json::json!({
            "cmud": 1,
            "actor_system": actor_system.to_string(),
            "actors": actors,
        });
        Self(fields.to_string())
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a server has done so far and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The counters of the actor system.
    #[serde(flatten)]
    pub system: actor::Stats,
    /// How many keys have a value, on the replica that has the most.
    pub keys: usize,
}

/// A running server. It runs until [`Server::shutdown`], even if this handle is dropped.
#[must_use = "a server runs until it is shut down"]
pub struct Server {
    description: Description,
    actor_system: SocketAddr,
    queries: Vec<SocketAddr>,
    http: Option<SocketAddr>,
    inside: Arc<Inside>,
    switch: watch::Sender<bool>,
    ports: Vec<JoinHandle<()>>,
}

/// How long clients have to be told that the server ends.
const FAREWELL: Duration = Duration::from_millis(500);

/// Starts a server on the current tokio runtime, which must be able to do I/O and to tell the time.
/// When this returns, all ports listen.
///
/// # Errors
/// What was wrong and what to do; then nothing is left of the attempt.
pub async fn start(config: Config) -> Result<Server, StartError> {
    let sockets = Sockets::bind(&config).await?;
    let system = System::start(SystemConfig::new(&sockets.actor_system.1.to_string()));
    match Server::on(sockets, config, &system) {
        Ok(server) => Ok(server),
        Err(cause) => {
            system.shutdown().await;
            Err(StartError::Resources { cause })
        }
    }
}

impl Server {
    /// What another server needs to find this one.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Where the actor system listens.
    pub fn actor_system(&self) -> SocketAddr {
        self.actor_system
    }

    /// Where the query actors answer, in their order.
    pub fn queries(&self) -> &[SocketAddr] {
        &self.queries
    }

    /// Where HTTP is served.
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// What the server has done so far and what it holds.
    pub async fn stats(&self) -> Stats {
        self.inside.stats().await
    }

    /// Tells the clients, then stops everything. When this returns, the ports are free again.
    pub async fn shutdown(self) {
        self.switch.send_replace(true);
        let mut ports = self.ports;
        let _ = tokio::time::timeout(FAREWELL, join_all(&mut ports)).await;
        for port in &ports {
            port.abort();
        }
        join_all(ports.into_iter().filter(|port| !port.is_finished())).await;
        self.inside.system.shutdown().await;
    }

    fn on(sockets: Sockets, config: Config, system: &System) -> io::Result<Self> {
        let (switch, ending) = Ending::new();
        let mut actors = Vec::new();
        for (number, _) in (1..).zip(&sockets.queries) {
            let (name, id) = (format!("query-{number}"), WellKnown(number));
            let (actor, handle) = system.spawn_on_thread(&name, Some(id), QueryActor::new)?;
            let receiver = Receiver::new(system.clone(), actor, ending.clone());
            actors.push(Place { receiver, handle });
        }
        let refs: Vec<_> = actors.iter().map(|place| place.receiver.actor().clone()).collect();
        for (me, actor) in refs.iter().enumerate() {
            system.tell(actor, Message::Start(Siblings { actors: refs.clone(), me }));
        }
        let inside = Arc::new(Inside { system: system.clone(), actors, ending });

        // Everything that can fail comes before the first task.
        let here = Handle::current();
        let (peers, actor_system) = sockets.actor_system;
        let peers = listen_on(&here, peers)?;
        let (browsers, http) = sockets.http.unzip();
        let browsers = browsers.map(|listener| listen_on(&here, listener)).transpose()?;
        let (clients, queries): (Vec<_>, _) = sockets.queries.into_iter().unzip();
        let clients = inside.actors.iter().zip(clients);
        let clients: Vec<_> = clients
            .map(|(place, listener)| Ok((place, listen_on(&place.handle, listener)?)))
            .collect::<io::Result<_>>()?;

        let mut ports = vec![here.spawn(serve_peers(peers, inside.ending.clone()))];
        for (place, listener) in clients {
            ports.push(place.handle.spawn(place.receiver.clone().serve_port(listener)));
        }
        if let Some(browsers) = browsers {
            ports.push(here.spawn(Site::new(inside.clone(), config.www).serve_port(browsers)));
        }
        let description = Description::new(actor_system, config.actors);
        Ok(Self { description, actor_system, queries, http, inside, switch, ports })
    }
}

fn listen_on(runtime: &Handle, listener: StdListener) -> io::Result<TcpListener> {
    let _inside = runtime.enter();
    TcpListener::from_std(listener)
}

/// The actor system's port. Until servers speak to each other, whoever comes here is lost.
async fn serve_peers(listener: TcpListener, ending: Ending) {
    const HERE: &str = "On this port the servers of a CMUD store speak with each other; \
        clients use the query ports above it, browsers the server's HTTP port.";
    let serve = |stream: TcpStream| async {
        let answer = |_| std::future::ready(upgrade_required(HERE)).boxed();
        speak_http(stream, answer).await;
    };
    listener::serve(listener, ending, serve).await;
}

/// What the HTTP port needs of the rest.
pub(crate) struct Inside {
    system: System,
    pub(crate) actors: Vec<Place>,
    pub(crate) ending: Ending,
}

/// A query actor: the way to it, and its thread.
pub(crate) struct Place {
    pub(crate) receiver: Receiver,
    pub(crate) handle: Handle,
}

/// A replica that has not answered within this time is not ready.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(1);

impl Inside {
    /// Ready if all replicas are; the keys of the one that has the most.
    pub(crate) async fn health(&self) -> Health {
        let replicas = join_all(self.actors.iter().map(|place| async {
            let question = |reply| Message::Inspect { reply };
            let answer = self.system.ask(place.receiver.actor(), question);
            tokio::time::timeout(HEALTH_TIMEOUT, answer).await.ok().flatten()
        }))
        .await;
        Health {
            ready: replicas.iter().all(|health| health.is_some_and(|health| health.ready)),
            keys: replicas.iter().flatten().map(|health| health.keys).max().unwrap_or(0),
        }
    }

    pub(crate) async fn stats(&self) -> Stats {
        let keys = self.health().await.keys;
        Stats { system: self.system.stats(), keys }
    }
}

/// All ports of a server, bound before anything is started.
struct Sockets {
    actor_system: (StdListener, SocketAddr),
    queries: Vec<(StdListener, SocketAddr)>,
    http: Option<(StdListener, SocketAddr)>,
}

impl Sockets {
    async fn bind(config: &Config) -> Result<Self, StartError> {
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
