//! A server as a whole: its start, which succeeds or leaves nothing behind, and its end.

mod aside;
mod description;
mod error;
mod members;
mod sockets;
mod troubles;

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actor::{ActorRef, Address, ReplyRef, System, SystemConfig, WellKnown};
use futures::future::join_all;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use description::Description;
pub use error::StartError;
pub use members::MemberStats;
pub(crate) use members::member_stats;
use sockets::Sockets;
use troubles::Troubles;

use crate::entry::Entry;
use crate::http::Site;
use crate::listener::Ending;
use crate::members::{self as meeting, Members, Setup};
use crate::query_actor::{Health, Home, Keeping, Member, Message, QueryActor, Siblings};
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
    /// Servers of the store to join: what each prints as its description, or where its actor system
    /// listens. One that is alive is enough. With none, the server begins a new store.
    pub join: Vec<String>,
    /// How other servers reach the actor system, `HOST:PORT`, if not at the address that it listens
    /// on.
    pub advertise: Option<String>,
    /// How long the server keeps what is of no use any more; the same on all servers of a store.
    pub keeping: Keeping,
    /// The folder of the file in which the server writes down what its clients wrote while it was away
    /// and others have overwritten meanwhile.
    pub set_aside: PathBuf,
}

/// A query actor is a thread; more of them than any machine has cores are a mistake.
pub const MAX_ACTORS: usize = 1024;

impl Default for Config {
    /// One query actor on this machine's loopback, on free ports, without HTTP.
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            actors: 1,
            http: None,
            www: None,
            join: Vec::new(),
            advertise: None,
            keeping: Keeping::default(),
            set_aside: PathBuf::from(aside::HERE),
        }
    }
}

/// What a server has done so far and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The counters of the actor system.
    #[serde(flatten)]
    pub system: actor::Stats,
    /// How many keys have a value, on the replica that has the most.
    pub keys: usize,
    /// How many keys are known to be deleted, on the replica that knows the most.
    pub tombstones: usize,
    /// Whether another server was lately about to collect what is too young here: all servers should be
    /// told the same age.
    pub ages_differ: bool,
    /// Bytes that the query actors keep for others: for other servers, for each other, what their
    /// clients wrote lately, and what has come and is yet to be merged.
    pub held_bytes: usize,
    /// The other servers of the store.
    pub members: Vec<MemberStats>,
}

/// A running server. It runs until [`Server::shutdown`], even if this handle is dropped.
#[must_use = "a server runs until it is shut down"]
pub struct Server {
    description: Description,
    joins: Vec<Address>,
    actor_system: SocketAddr,
    queries: Vec<SocketAddr>,
    http: Option<SocketAddr>,
    inside: Arc<Inside>,
    switch: watch::Sender<bool>,
    ports: Vec<JoinHandle<()>>,
    /// What runs until the server has left the store: to write down what was set aside, and to tell of
    /// links that fail.
    tasks: Vec<JoinHandle<()>>,
    aside_file: PathBuf,
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
    let (address, joins) = sockets.meet(&config).await?;
    aside::check(&config.set_aside).await?;
    let (troubles, failed) = Troubles::new();
    let log = troubles.clone();
    let system = SystemConfig::new(address.as_str()).on_error(move |report| log.log(report));
    let system = System::start(system);
    match Server::on(sockets, config, joins, &system) {
        Ok(mut server) => {
            let members = server.inside.members.clone();
            let links = troubles.tell_of_links(failed, system, members);
            server.tasks.push(tokio::spawn(links));
            Ok(server)
        }
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

    /// The servers that this one was told to join.
    pub fn joins(&self) -> &[Address] {
        &self.joins
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

    /// Whether the server has the store: one that joins others answers no client before.
    pub async fn is_ready(&self) -> bool {
        self.inside.readiness().await == Some(true)
    }

    /// As [`is_ready`](Self::is_ready), but nothing where a replica is too busy to say so.
    pub async fn readiness(&self) -> Option<bool> {
        self.inside.readiness().await
    }

    /// What the server has done so far and what it holds.
    pub async fn stats(&self) -> Stats {
        self.inside.stats().await
    }

    /// Lets the store go on without a member that will not come back.
    ///
    /// # Errors
    /// Why not, for people: there is no such member, or it still answers.
    pub async fn forget(&self, member: &str) -> Result<(), String> {
        let address = Address::new(member);
        let ask = |reply| meeting::Message::Forget { address, reply: Some(reply) };
        let answer = self.inside.ask(&self.inside.members, ask).await;
        answer.unwrap_or_else(|| Err("the server does not answer; try again".to_owned()))
    }

    /// Tells the clients and, once they have what was written here, the other servers; then stops
    /// everything. When this returns, the ports are free again.
    pub async fn shutdown(self) {
        self.switch.send_replace(true);
        let mut ports = self.ports;
        let _ = tokio::time::timeout(FAREWELL, join_all(&mut ports)).await;
        for port in &ports {
            port.abort();
        }
        join_all(ports.into_iter().filter(|port| !port.is_finished())).await;
        self.inside.leave().await;
        self.tasks.iter().for_each(JoinHandle::abort);
        aside::write_rest(self.inside.rest_aside().await, self.aside_file).await;
        self.inside.system.shutdown().await;
    }

    fn on(
        sockets: Sockets,
        config: Config,
        joins: Vec<Address>,
        system: &System,
    ) -> io::Result<Self> {
        let (switch, ending) = Ending::new();
        let mut actors = Vec::new();
        for (number, _) in (1..).zip(&sockets.queries) {
            let (name, id) = (format!("query-{number}"), WellKnown(number));
            let (actor, handle) = system.spawn_on_thread(&name, Some(id), QueryActor::new)?;
            let receiver = Receiver::new(system.clone(), actor, ending.clone());
            actors.push(Place { receiver, handle });
        }
        let refs: Vec<_> = actors.iter().map(|place| place.receiver.actor().clone()).collect();
        let own = Member {
            address: system.address().clone(),
            server: rand::random(),
            actors: u16::try_from(config.actors).expect("at most 1024"),
        };
        let members = system.spawn_well_known(meeting::ID, Members::default);
        let keeping = config.keeping;
        let home =
            Home { own: own.clone(), members: members.clone(), begins: joins.is_empty(), keeping };
        for (me, actor) in refs.iter().enumerate() {
            let home = Some(home.clone());
            system.tell(actor, Message::Start(Siblings { actors: refs.clone(), me, home }));
        }
        let setup = Setup { own, actors: refs, joins: joins.clone(), keeping };
        system.tell(&members, meeting::Message::Start(setup));
        let inside = Arc::new(Inside { system: system.clone(), actors, members, ending });

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

        system.serve(peers);
        let mut ports = Vec::new();
        for (place, listener) in clients {
            ports.push(place.handle.spawn(place.receiver.clone().serve_port(listener)));
        }
        if let Some(browsers) = browsers {
            ports.push(here.spawn(Site::new(inside.clone(), config.www).serve_port(browsers)));
        }
        let description = Description::new(system.address(), config.actors);
        let file = format!("kvserver-{}-set-aside.jsonl", actor_system.port());
        let file = config.set_aside.join(file);
        let aside = aside::write_down(system.clone(), inside.members.clone(), file.clone());
        let tasks = vec![here.spawn(aside)];
        Ok(Self {
            description,
            joins,
            actor_system,
            queries,
            http,
            inside,
            switch,
            ports,
            tasks,
            aside_file: file,
        })
    }
}

fn listen_on(runtime: &Handle, listener: StdListener) -> io::Result<TcpListener> {
    let _inside = runtime.enter();
    TcpListener::from_std(listener)
}

/// What the HTTP port needs of the rest.
pub(crate) struct Inside {
    system: System,
    pub(crate) actors: Vec<Place>,
    members: ActorRef<meeting::Message>,
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
    /// Says goodbye to the other servers, once they have what was written here.
    async fn leave(&self) {
        /// The members actor waits for a while itself.
        const PATIENCE: Duration = Duration::from_secs(3);
        /// What was said last has to leave the machine.
        const PARTING: Duration = Duration::from_millis(100);
        let ask = |reply| meeting::Message::Leave { reply: Some(reply) };
        let leave = self.system.ask(&self.members, ask);
        let had_others = tokio::time::timeout(PATIENCE, leave).await.ok().flatten();
        if had_others == Some(true) {
            tokio::time::sleep(PARTING).await;
        }
    }

    /// What was set aside and has not gone back into the store, at the end.
    async fn rest_aside(&self) -> Vec<Entry> {
        let ask = self
            .actors
            .iter()
            .map(|place| self.ask(place.receiver.actor(), |reply| Message::HandOver { reply }));
        join_all(ask).await.into_iter().flatten().flatten().collect()
    }

    /// The replicas that answer.
    async fn replicas(&self) -> Vec<Health> {
        let ask = self
            .actors
            .iter()
            .map(|place| self.ask(place.receiver.actor(), |reply| Message::Inspect { reply }));
        join_all(ask).await.into_iter().flatten().collect()
    }

    /// Whether all replicas are ready, if all of them say how they are.
    pub(crate) async fn readiness(&self) -> Option<bool> {
        let replicas = self.replicas().await;
        let heard_all = replicas.len() == self.actors.len();
        heard_all.then(|| replicas.iter().all(|replica| replica.ready))
    }

    pub(crate) async fn stats(&self) -> Stats {
        let ask = self.ask(&self.members, |reply| meeting::Message::Inspect { reply });
        let (replicas, statuses) = tokio::join!(self.replicas(), ask);
        Stats {
            system: self.system.stats(),
            keys: replicas.iter().map(|replica| replica.keys).max().unwrap_or(0),
            tombstones: replicas.iter().map(|replica| replica.tombstones).max().unwrap_or(0),
            ages_differ: replicas.iter().any(|replica| replica.ages_differ),
            held_bytes: replicas.iter().map(|replica| replica.held).sum(),
            members: member_stats(statuses.unwrap_or_default(), &replicas),
        }
    }

    async fn ask<M: actor::Message, R: actor::Message>(
        &self,
        of: &ActorRef<M>,
        question: impl FnOnce(ReplyRef<R>) -> M,
    ) -> Option<R> {
        tokio::time::timeout(HEALTH_TIMEOUT, self.system.ask(of, question)).await.ok().flatten()
    }
}
