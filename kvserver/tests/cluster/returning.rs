//! Servers that lose everything at any moment and come back at their old address.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::{SinkExt, StreamExt};
use kvcommon::{Query, QueryId, RefusalKind, frame};
use testproxy::Proxy;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use crate::client::Client;
use crate::nodes::{
    FAR, far_away, ready_nodes, shut_down, store_of, try_get, until_equal, until_ready_at,
};
use crate::ports::free_port;
use crate::process::Process;

/// A server started without `--join` cannot know of an earlier life before a member says hello,
/// which they do every 2 s. Until then it believes that it begins a store.
const UNAWARE: Duration = Duration::from_millis(2500);

/// Six worlds that are looked at more often would have no time for anything else.
const SELDOM: Duration = Duration::from_millis(500);

/// Keys that all servers have from the beginning.
const KNOWN: usize = 1000;

/// Three servers that are far from each other.
struct World {
    ports: [u16; 3],
    proxies: Vec<Proxy>,
    servers: Vec<Process>,
}

impl World {
    async fn start() -> Self {
        let ports = [free_port(), free_port(), free_port()];
        let proxies = join_all(ports.iter().map(|port| far_away(*port, FAR[0]))).await;
        let mut world = Self { ports, proxies, servers: Vec::new() };
        world.servers.push(world.process(0, &[]));
        for place in 1..3 {
            world.servers.push(world.process(place, &[0]));
        }
        for server in &world.servers {
            until_ready_at(server.http).await;
        }
        world
    }

    /// The server of this place, told to join those of the others.
    fn process(&self, place: usize, others: &[usize]) -> Process {
        let near = |place: usize| self.proxies[place].near().to_string();
        let (port, actors) = (self.ports[place].to_string(), (1 + place).to_string());
        let own = near(place);
        let joins: Vec<_> = others.iter().map(|other| near(*other)).collect();
        let mut args = vec!["--port", &port, "--actors", &actors, "--advertise", &own];
        joins.iter().for_each(|join| args.extend(["--join", join]));
        Process::start(&args)
    }

    fn replicas(&self) -> Vec<SocketAddr> {
        self.servers.iter().flat_map(|server| server.queries.clone()).collect()
    }
}

/// A client that writes a new key every 5 ms, until it is told to stop or the server dies.
struct Load {
    acknowledged: Arc<Mutex<HashSet<String>>>,
    done: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Load {
    fn start(address: SocketAddr, name: String) -> Self {
        let acknowledged = Arc::<Mutex<HashSet<String>>>::default();
        let done = Arc::<AtomicBool>::default();
        let task = tokio::spawn(write(address, name, acknowledged.clone(), done.clone()));
        Self { acknowledged, done, task }
    }

    /// The keys whose Puts were acknowledged.
    async fn end(self) -> HashSet<String> {
        self.done.store(true, Relaxed);
        self.task.await.unwrap();
        self.acknowledged.lock().unwrap().clone()
    }
}

async fn write(
    address: SocketAddr,
    name: String,
    acknowledged: Arc<Mutex<HashSet<String>>>,
    done: Arc<AtomicBool>,
) {
    let mut client = Client::connect(address).await;
    for number in 0.. {
        let key = format!("load/{name}/{number}");
        let mut message = Vec::new();
        let put = Query::Put { key: &key, value: "value", floor: None };
        frame::encode_query(&mut message, QueryId(0), &put);
        // Sent by hand, since the server may die at any moment.
        let sent = client.socket.send(Message::Binary(message.into())).await;
        let answer = client.socket.next().await;
        if sent.is_err() || !matches!(answer, Some(Ok(Message::Binary(_)))) {
            return;
        }
        acknowledged.lock().unwrap().insert(key);
        if done.load(Relaxed) {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Reads known keys on one replica until it is stopped: until when it denied one, if it did, and how
/// often it said that it is not ready.
async fn read(address: SocketAddr, done: Arc<AtomicBool>) -> (Option<Instant>, usize) {
    let mut client = Client::connect(address).await;
    let (mut denied, mut not_ready) = (None, 0);
    for number in 0.. {
        if done.load(Relaxed) {
            break;
        }
        let key = format!("known/{}", number * 7919 % KNOWN);
        match try_get(&mut client, &key).await {
            Ok(Some(value)) => assert_eq!(value, key),
            Ok(None) => denied = Some(Instant::now()),
            Err(kind) => {
                assert_eq!(kind, RefusalKind::NotReady);
                not_ready += 1;
            }
        }
        sleep(Duration::from_millis(1)).await;
    }
    (denied, not_ready)
}

/// Kills one of three servers under load and starts it again with nothing.
async fn kill_and_restart(victim: usize, told: bool) {
    let mut world = World::start().await;
    let mut client = Client::connect(world.servers[0].queries[0]).await;
    let known: Vec<_> = (0..KNOWN).map(|number| format!("known/{number}")).collect();
    for keys in known.chunks(100) {
        let puts = keys.iter().map(|key| Query::Put { key, value: key, floor: None });
        client.ask(&puts.collect::<Vec<_>>()).await;
    }
    until_equal(&world.replicas(), SELDOM).await;
    let load = |world: &World, place: usize, life| {
        let address = *world.servers[place].queries.last().unwrap();
        Load::start(address, format!("{place}/{life}"))
    };
    let others: Vec<_> = (0..3).filter(|place| *place != victim).collect();
    let survivors: Vec<_> = others.iter().map(|place| load(&world, *place, "only")).collect();
    let first_life = load(&world, victim, "first");
    sleep(Duration::from_millis(800)).await;
    world.servers[victim].kill();
    let acknowledged = first_life.end().await;
    // What was under way on the wire arrives.
    sleep(2 * FAR[0]).await;
    let mut reached = HashSet::new();
    for place in &others {
        reached.extend(store_of(world.servers[*place].queries[0]).await.unwrap().into_keys());
    }
    let lost = acknowledged.difference(&reached).count();

    let joins = if told { &others[..] } else { &[] };
    world.servers[victim] = world.process(victim, joins);
    let back = Instant::now();
    let done = Arc::<AtomicBool>::default();
    let readers = world.servers[victim].queries.iter();
    let readers: Vec<_> =
        readers.map(|address| tokio::spawn(read(*address, done.clone()))).collect();
    let second_life = load(&world, victim, "second");
    if !told {
        sleep(UNAWARE).await;
    }
    until_ready_at(world.servers[victim].http).await;
    let ready = back.elapsed();
    sleep(Duration::from_millis(200)).await;
    done.store(true, Relaxed);
    let (mut not_ready, mut denied) = (0, Duration::ZERO);
    for reader in readers {
        let (last_denied, refused) = reader.await.unwrap();
        not_ready += refused;
        denied = denied.max(last_denied.map_or(Duration::ZERO, |at| at - back));
    }
    let mut must_be_there: HashSet<_> = known.into_iter().chain(reached).collect();
    for load in survivors.into_iter().chain([second_life]) {
        must_be_there.extend(load.end().await);
    }
    let (equal, store) = until_equal(&world.replicas(), SELDOM).await;
    println!(
        "server {victim} (told whom to join: {told}): ready after {ready:?}, {not_ready} times not \
         ready, wrong until {denied:?}; equal {equal:?} after the load; {lost} of {} acknowledged \
         Puts had reached nobody",
        acknowledged.len()
    );
    assert!(not_ready > 0, "nobody looked while it was not ready");
    let allowed = if told { Duration::ZERO } else { UNAWARE };
    assert!(denied <= allowed, "it denied a key that exists, {denied:?} after its start");
    let missing: Vec<_> = must_be_there.iter().filter(|key| !store.contains_key(*key)).collect();
    assert!(missing.is_empty(), "{} are missing, such as {}", missing.len(), missing[0]);
    assert!(lost < acknowledged.len(), "the load has reached nobody: {lost}");
}

/// Each of three servers, told whom to join and not told, side by side: what a server had told only one
/// other one before it died is found by comparing, which takes a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_refills_from_its_peers_and_answers_nothing_wrongly_meanwhile() {
    let deaths = [true, false].into_iter().flat_map(|told| (0..3).map(move |place| (place, told)));
    join_all(deaths.map(|(victim, told)| kill_and_restart(victim, told))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_shut_down_leaves_nothing_untold_and_is_forgotten() {
    let mut nodes = ready_nodes(&[2, 2, 1], Duration::from_millis(50)).await;
    let leaving = nodes.remove(1);
    let refused = nodes[0].server.forget(&leaving.proxy.near().to_string()).await;
    assert!(refused.unwrap_err().contains("answers"));
    let mut client = Client::connect(leaving.server.queries()[1]).await;
    for number in 0..500 {
        client.put(&format!("key/{number}"), "value").await;
    }
    leaving.server.shutdown().await;
    for node in &nodes {
        assert_eq!(store_of(node.server.queries()[0]).await.unwrap().len(), 500);
        let members = node.server.stats().await.members;
        assert_eq!(members.len(), 1, "{members:?}");
    }
    shut_down(nodes).await;
}

/// The log of a server that leaves, and of one that is told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_leaves_says_so_and_nobody_is_alarmed() {
    let first = Process::start(&["--port", "0", "--actors", "1"]);
    let args = ["--port", "0", "--actors", "1", "--join", &first.description];
    let mut second = Process::start(&args);
    until_ready_at(second.http).await;
    Client::connect(second.queries[0]).await.put("key", "value").await;
    second.leave();
    second.until_logged(&["INFO", "this server leaves the store", "the others have all"]).await;
    first.until_logged(&["INFO", "has left the store"]).await;
    // It is still called, in case that it comes back.
    sleep(Duration::from_secs(5)).await;
    assert!(!first.log().contains("the link to"), "{}", first.log());
    for log in [first.log(), second.log()] {
        assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    }
}
