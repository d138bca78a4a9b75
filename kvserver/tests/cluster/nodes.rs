//! Servers that are some way apart, and what their clients see of them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::join_all;
use kvcommon::{Answer, Query, QueryId, RefusalKind, Stamp, frame};
use kvserver::{Config, Server, start};
use serde_json::Value;
use testproxy::Proxy;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, Got, PATIENCE, request};
use crate::ports::free_port;

/// The promise for servers that are up to 250 ms apart.
pub const IN_TIME: Duration = Duration::from_millis(2000);

/// The two distances at which everything is shown.
pub const FAR: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(250)];

/// How often whole stores are looked at, if it is about time.
pub const LOOK: Duration = Duration::from_millis(20);

/// How long a replica that has not got something is left alone before it is asked again.
pub const POLL: Duration = Duration::from_millis(5);

/// A server, and the proxy through which the others reach it.
pub struct Node {
    pub server: Server,
    pub proxy: Proxy,
}

/// Starts servers that are `delay` apart, one of each number of actors; each joins the first.
pub async fn nodes(actors: &[usize], delay: Duration) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for actors in actors {
        let join = nodes.first().map(|first| first.server.description().to_string());
        nodes.push(node(*actors, delay, join.as_slice()).await);
    }
    nodes
}

/// The same, once all of them are ready.
pub async fn ready_nodes(actors: &[usize], delay: Duration) -> Vec<Node> {
    let nodes = nodes(actors, delay).await;
    for node in &nodes {
        until_ready(&node.server).await;
    }
    nodes
}

/// Starts a server that others reach through a proxy.
pub async fn node(actors: usize, delay: Duration, join: &[String]) -> Node {
    // The port may be taken by another test meanwhile; then there is another one.
    for _ in 0..20 {
        let port = free_port();
        let proxy = far_away(port, delay).await;
        let http = Some(([127, 0, 0, 1], 0).into());
        let advertise = Some(proxy.near().to_string());
        let join = join.to_vec();
        let config = Config { actors, port, http, join, advertise, ..Config::default() };
        if let Ok(server) = start(config).await {
            return Node { server, proxy };
        }
    }
    panic!("no port is free");
}

/// A way to the port that takes so long. Each link passes one proxy: the one of the server that was
/// dialled.
pub async fn far_away(port: u16, delay: Duration) -> Proxy {
    let proxy = Proxy::start("127.0.0.1:0", format!("127.0.0.1:{port}")).await.unwrap();
    proxy.delay(delay);
    proxy
}

/// Where all replicas answer.
pub fn replicas(nodes: &[Node]) -> Vec<SocketAddr> {
    nodes.iter().flat_map(|node| node.server.queries()).copied().collect()
}

/// Whether the server with this HTTP port says that it is ready.
pub async fn is_ready(http: SocketAddr) -> bool {
    request(http, "GET /healthz", "").await.contains("200 OK")
}

/// Waits until the server is ready, and says how long it took.
pub async fn until_ready(server: &Server) -> Duration {
    until_ready_at(server.http().unwrap()).await
}

/// The same, of the server with this HTTP port.
pub async fn until_ready_at(http: SocketAddr) -> Duration {
    let since = Instant::now();
    while !is_ready(http).await {
        assert!(since.elapsed() < PATIENCE, "it does not become ready");
        sleep(Duration::from_millis(10)).await;
    }
    since.elapsed()
}

/// What the HTTP port says of the server.
pub async fn stats_json(http: SocketAddr) -> Value {
    let reply = request(http, "GET /stats.json", "").await;
    let (_, body) = reply.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// The value, nothing, or the refusal.
pub async fn try_get(client: &mut Client, key: &str) -> Result<Option<String>, RefusalKind> {
    match client.ask(&[Query::Get { key }]).await.remove(0) {
        Got::Found(value) => Ok(Some(value)),
        Got::Missing => Ok(None),
        Got::Refused(kind) => Err(kind),
        other => panic!("{other:?}"),
    }
}

/// Waits until one replica has this value.
pub async fn until_there(client: &mut Client, key: &str, value: &str) {
    let since = Instant::now();
    while try_get(client, key).await.as_ref().map(Option::as_deref) != Ok(Some(value)) {
        assert!(since.elapsed() < PATIENCE, "{key} does not become {value}");
        sleep(POLL).await;
    }
}

/// Waits until every replica has this value, and says how long it took.
pub async fn until_everywhere(replicas: &[SocketAddr], key: &str, value: &str) -> Duration {
    let since = Instant::now();
    let wait = replicas.iter().map(async |address| {
        until_there(&mut Client::connect(*address).await, key, value).await;
    });
    join_all(wait).await;
    since.elapsed()
}

/// All that a replica holds: each key with the stamp and the value, or nothing if it is not ready.
pub async fn store_of(address: SocketAddr) -> Option<HashMap<String, (Stamp, String)>> {
    let mut client = Client::connect(address).await;
    let (mut store, mut last) = (HashMap::new(), None::<String>);
    loop {
        let mut message = Vec::new();
        let list = Query::List { prefix: "", after: last.as_deref() };
        frame::encode_query(&mut message, QueryId(0), &list);
        client.send(message).await;
        let Some(Ok(Message::Binary(answer))) = client.socket.next().await else {
            panic!("no answer")
        };
        let item = frame::answers(&answer).next().unwrap().unwrap();
        let (entries, more) = match item.answer {
            Answer::Page { entries, more } => (entries, more),
            Answer::Refused(refusal) if refusal.kind == RefusalKind::NotReady => return None,
            other => panic!("{other:?}"),
        };
        last = entries.last().map(|entry| entry.key.to_owned());
        let entries = entries
            .iter()
            .map(|entry| (entry.key.to_owned(), (entry.stamp, entry.value.to_owned())));
        store.extend(entries);
        if !more {
            return Some(store);
        }
    }
}

/// Waits until all replicas hold the same, stamps included: how long it took, and what they hold. All
/// of it is looked at `every` so often.
pub async fn until_equal(
    replicas: &[SocketAddr],
    every: Duration,
) -> (Duration, HashMap<String, (Stamp, String)>) {
    /// What only comparing finds takes two rounds of it, 10 s each, or three if one is lost.
    const AT_MOST: Duration = Duration::from_secs(35);
    let since = Instant::now();
    loop {
        let mut stores = join_all(replicas.iter().map(|address| store_of(*address))).await;
        if stores.iter().all(|store| store.is_some() && *store == stores[0]) {
            return (since.elapsed(), stores.swap_remove(0).unwrap());
        }
        if since.elapsed() > AT_MOST {
            let sizes: Vec<_> = stores.iter().map(|s| s.as_ref().map(HashMap::len)).collect();
            panic!("the replicas stay different: they have {sizes:?} keys");
        }
        sleep(every).await;
    }
}

/// No pair of actors has exchanged more messages in any second than it may.
pub async fn check_budget(nodes: &[Node]) {
    for node in nodes {
        let stats = node.server.stats().await;
        assert!(stats.system.max_message_rate <= 10, "{stats:?}");
    }
}

/// Ends all servers.
pub async fn shut_down(nodes: Vec<Node>) {
    join_all(nodes.into_iter().map(|node| node.server.shutdown())).await;
}
