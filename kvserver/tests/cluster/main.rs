//! Several servers, over real sockets, some of them far away.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "../it/client.rs"]
#[allow(dead_code, reason = "these tests need a part of it")]
mod client;

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use kvcommon::{Query, RefusalKind};
use kvserver::{Config, Server, start};
use testproxy::Proxy;
use tokio::time::sleep;

use client::{Client, Got, PATIENCE, request};

/// The promise for servers that are 250 ms apart.
const IN_TIME: Duration = Duration::from_millis(2000);

/// A server, and the proxy through which the others reach it.
struct Node {
    server: Server,
    proxy: Proxy,
}

/// A port that is free, and so are those of four query actors behind it. It lies below those that the
/// operating system gives to outgoing connections, or one of these might take it meanwhile.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    loop {
        let place = NEXT.fetch_add(1, Relaxed) + std::process::id();
        let first = 12_000 + (place % 1_000 * 8) as u16;
        if (first..=first + 4).all(is_free) {
            return first;
        }
    }
}

/// Starts servers that are `delay` apart, one of each number of actors; each joins the first.
async fn nodes(actors: &[usize], delay: Duration) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for actors in actors {
        let join = nodes.first().map(|first| first.server.description().to_string());
        nodes.push(node(*actors, delay, join.as_slice()).await);
    }
    nodes
}

async fn node(actors: usize, delay: Duration, join: &[String]) -> Node {
    // The port may be taken by another test meanwhile; then there is another one.
    for _ in 0..20 {
        let port = free_port();
        let proxy = Proxy::start("127.0.0.1:0", format!("127.0.0.1:{port}")).await.unwrap();
        // Each link passes one proxy: the one of the server that was dialled.
        proxy.delay(delay);
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

async fn is_ready(server: &Server) -> bool {
    request(server.http().unwrap(), "GET /healthz", "").await.contains("200 OK")
}

async fn until_ready(server: &Server) -> Duration {
    let since = Instant::now();
    while !is_ready(server).await {
        assert!(since.elapsed() < PATIENCE, "it does not become ready");
        sleep(Duration::from_millis(10)).await;
    }
    since.elapsed()
}

async fn try_get(client: &mut Client, key: &str) -> Result<Option<String>, RefusalKind> {
    match client.ask(&[Query::Get { key }]).await.remove(0) {
        Got::Found(value) => Ok(Some(value)),
        Got::Missing => Ok(None),
        Got::Refused(kind) => Err(kind),
        other => panic!("{other:?}"),
    }
}

/// Waits until every replica has this value, and says how long it took.
async fn until_everywhere(nodes: &[Node], key: &str, value: &str) -> Duration {
    let since = Instant::now();
    for address in nodes.iter().flat_map(|node| node.server.queries()) {
        let mut client = Client::connect(*address).await;
        while try_get(&mut client, key).await != Ok(Some(value.to_owned())) {
            assert!(since.elapsed() < PATIENCE, "{key} does not get to {address}");
            sleep(Duration::from_millis(5)).await;
        }
    }
    since.elapsed()
}

async fn keys_of(address: SocketAddr) -> Vec<String> {
    let mut client = Client::connect(address).await;
    let (mut keys, mut more) = (Vec::new(), true);
    while more {
        let after = keys.last().map(String::as_str);
        let answer = client.ask(&[Query::List { prefix: "", after }]).await.remove(0);
        let Got::Page(page, follows) = answer else { panic!("{answer:?}") };
        keys.extend(page);
        more = follows;
    }
    keys
}

async fn check_budget(nodes: &[Node]) {
    for node in nodes {
        let stats = node.server.stats().await;
        assert!(stats.system.max_message_rate <= 10, "{stats:?}");
    }
}

async fn shut_down(nodes: Vec<Node>) {
    for node in nodes {
        node.server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_on_any_actor_is_read_on_all() {
    let nodes = nodes(&[1, 3, 2], Duration::ZERO).await;
    for node in &nodes {
        until_ready(&node.server).await;
    }
    let mut slowest = Duration::ZERO;
    for (place, address) in nodes.iter().flat_map(|node| node.server.queries()).enumerate() {
        let key = format!("key/{place}");
        Client::connect(*address).await.put(&key, "value").await;
        slowest = slowest.max(until_everywhere(&nodes, &key, "value").await);
    }
    println!("nearby servers: at most {slowest:?}");
    let last = nodes.last().unwrap().server.queries()[0];
    Client::connect(last).await.ask(&[Query::Delete { key: "key/0" }]).await;
    for address in nodes.iter().flat_map(|node| node.server.queries()) {
        let mut client = Client::connect(*address).await;
        while client.get("key/0").await.is_some() {
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(keys_of(*address).await.len(), 5);
    }
    check_budget(&nodes).await;
    shut_down(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn far_servers_see_everything_in_time_within_the_budget() {
    let nodes = nodes(&[2, 1, 3], Duration::from_millis(250)).await;
    for node in &nodes {
        until_ready(&node.server).await;
    }
    let mut single = Duration::ZERO;
    for (place, node) in nodes.iter().enumerate() {
        sleep(Duration::from_millis(600)).await;
        let key = format!("single/{place}");
        Client::connect(node.server.queries()[0]).await.put(&key, "value").await;
        single = single.max(until_everywhere(&nodes, &key, "value").await);
    }
    let mut clients = Vec::new();
    for address in nodes.iter().flat_map(|node| node.server.queries()) {
        clients.push(Client::connect(*address).await);
    }
    let began = Instant::now();
    for round in 0..200 {
        for (place, client) in clients.iter_mut().enumerate() {
            client.put(&format!("load/{place}/{}", round % 50), &round.to_string()).await;
        }
        let next = began + Duration::from_millis(10) * (round + 1);
        tokio::time::sleep_until(next.into()).await;
    }
    let mut loaded = Duration::ZERO;
    for place in 0..clients.len() {
        loaded = loaded.max(until_everywhere(&nodes, &format!("load/{place}/49"), "199").await);
    }
    println!("250 ms away: {single:?} after quiet, {loaded:?} after load");
    assert!(single < IN_TIME && loaded < IN_TIME, "{single:?} {loaded:?}");
    check_budget(&nodes).await;
    // The last answers may wait for half a second before their way back.
    sleep(Duration::from_millis(1500)).await;
    for node in &nodes {
        let members = node.server.stats().await.members;
        assert_eq!(members.len(), 2);
        assert!(members.iter().all(|member| member.lag_entries == 0), "{members:?}");
    }
    shut_down(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_fetches_the_store_and_never_says_that_it_is_empty() {
    let delay = Duration::from_millis(250);
    let mut nodes = nodes(&[2], delay).await;
    let mut old = Client::connect(nodes[0].server.queries()[1]).await;
    for number in 0..300 {
        old.put(&format!("old/{number}"), "old").await;
    }
    let join = [nodes[0].server.description().to_string()];
    let newcomer = node(2, delay, &join).await;
    let began = Instant::now();
    let mut new = Client::connect(newcomer.server.queries()[1]).await;
    assert!(!is_ready(&newcomer.server).await);
    new.put("old/1", "new").await;
    old.put("old/2", "newer").await;
    new.put("fresh", "new").await;
    loop {
        match try_get(&mut new, "old/299").await {
            Ok(Some(_)) => break,
            Ok(None) => panic!("it says that there is nothing"),
            Err(kind) => assert_eq!(kind, RefusalKind::NotReady),
        }
        let list = new.ask(&[Query::List { prefix: "", after: None }]).await.remove(0);
        if let Got::Page(keys, _) = list {
            assert!(keys.len() >= 300, "{}", keys.len());
        }
    }
    until_ready(&newcomer.server).await;
    let ready = began.elapsed();
    nodes.push(newcomer);
    for (key, value) in [("old/1", "new"), ("old/2", "newer"), ("fresh", "new"), ("old/3", "old")] {
        until_everywhere(&nodes, key, value).await;
    }
    let all = began.elapsed();
    println!("ready after {ready:?}, equal after {all:?}");
    assert!(all < IN_TIME + Duration::from_millis(500), "{all:?}");
    for address in nodes.iter().flat_map(|node| node.server.queries()) {
        assert_eq!(keys_of(*address).await.len(), 301);
    }
    check_budget(&nodes).await;
    shut_down(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_at_the_same_moment_find_each_other() {
    let ports = [free_port(), free_port(), free_port()];
    let address = |place: usize| format!("127.0.0.1:{}", ports[place % 3]);
    let begin = |place: usize| {
        let http = Some(([127, 0, 0, 1], 0).into());
        let join = vec![address(place + 1)];
        let queries = Config { port: ports[place], http, join, ..Config::default() };
        start(queries)
    };
    let (one, two, three) = tokio::join!(begin(0), begin(1), begin(2));
    let servers = [one.unwrap(), two.unwrap(), three.unwrap()];
    for server in &servers {
        until_ready(server).await;
        assert_eq!(server.stats().await.members.len(), 2);
    }
    Client::connect(servers[0].queries()[0]).await.put("key", "value").await;
    for server in &servers {
        let mut client = Client::connect(server.queries()[0]).await;
        while client.get("key").await.is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    }
    for server in servers {
        server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_gets_the_store_back_with_or_without_being_told_whom_to_join() {
    for told in [true, false] {
        let nodes = nodes(&[2], Duration::ZERO).await;
        let join = vec![nodes[0].server.description().to_string()];
        let http = Some(([127, 0, 0, 1], 0).into());
        let port = free_port();
        let config = Config { port, http, join, ..Config::default() };
        let second = start(config.clone()).await.unwrap();
        until_ready(&second).await;
        Client::connect(second.queries()[0]).await.put("key", "value").await;
        until_everywhere(&nodes, "key", "value").await;
        second.shutdown().await;
        Client::connect(nodes[0].server.queries()[0]).await.put("other", "value").await;
        let join = if told { config.join.clone() } else { Vec::new() };
        let again = start(Config { join, ..config }).await.unwrap();
        let since = Instant::now();
        let mut client = Client::connect(again.queries()[0]).await;
        while try_get(&mut client, "key").await != Ok(Some("value".to_owned())) {
            assert!(since.elapsed() < PATIENCE, "it does not get the store, told: {told}");
            sleep(Duration::from_millis(5)).await;
        }
        println!("told: {told}, the store is back after {:?}", since.elapsed());
        until_ready(&again).await;
        assert_eq!(client.get("other").await.as_deref(), Some("value"));
        again.shutdown().await;
        shut_down(nodes).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_is_made_good_when_it_heals() {
    let delay = Duration::from_millis(200);
    let nodes = nodes(&[2, 2], delay).await;
    for node in &nodes {
        until_ready(&node.server).await;
    }
    let mut client = Client::connect(nodes[0].server.queries()[0]).await;
    for node in &nodes {
        node.proxy.cut();
    }
    for number in 0..2_000 {
        client.put(&format!("key/{number}"), "value").await;
    }
    sleep(Duration::from_secs(3)).await;
    for node in &nodes {
        node.proxy.heal();
        node.proxy.delay(delay);
    }
    let mut slowest = until_everywhere(&nodes, "key/0", "value").await;
    slowest += until_everywhere(&nodes, "key/1999", "value").await;
    println!("after the heal: {slowest:?}");
    assert!(slowest < IN_TIME, "{slowest:?}");
    check_budget(&nodes).await;
    shut_down(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_address_does_not_keep_a_newcomer_from_the_living() {
    let nodes = nodes(&[1], Duration::ZERO).await;
    Client::connect(nodes[0].server.queries()[0]).await.put("key", "value").await;
    let http = Some(([127, 0, 0, 1], 0).into());
    let join =
        vec![format!("127.0.0.1:{}", free_port()), nodes[0].server.description().to_string()];
    let newcomer = start(Config { http, join, ..Config::default() }).await.unwrap();
    let took = until_ready(&newcomer).await;
    println!("with a dead address: ready after {took:?}");
    assert_eq!(Client::connect(newcomer.queries()[0]).await.get("key").await.unwrap(), "value");
    newcomer.shutdown().await;
    shut_down(nodes).await;
}

#[tokio::test]
async fn a_newcomer_whose_addresses_are_all_dead_is_not_ready() {
    let http = Some(([127, 0, 0, 1], 0).into());
    let join = vec![format!("127.0.0.1:{}", free_port())];
    let newcomer = start(Config { http, join, ..Config::default() }).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    assert!(!is_ready(&newcomer).await);
    let mut client = Client::connect(newcomer.queries()[0]).await;
    assert_eq!(try_get(&mut client, "key").await, Err(RefusalKind::NotReady));
    client.put("key", "value").await;
    assert_eq!(client.get("key").await.as_deref(), Some("value"));
    newcomer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_shut_down_leaves_nothing_untold_and_is_forgotten() {
    let mut nodes = nodes(&[2, 2, 1], Duration::from_millis(50)).await;
    for node in &nodes {
        until_ready(&node.server).await;
    }
    let leaving = nodes.remove(1);
    let refused = nodes[0].server.forget(&leaving.proxy.near().to_string()).await;
    assert!(refused.unwrap_err().contains("answers"));
    let mut client = Client::connect(leaving.server.queries()[1]).await;
    for number in 0..500 {
        client.put(&format!("key/{number}"), "value").await;
    }
    leaving.server.shutdown().await;
    for node in &nodes {
        assert_eq!(keys_of(node.server.queries()[0]).await.len(), 500);
        let members = node.server.stats().await.members;
        assert_eq!(members.len(), 1, "{members:?}");
    }
    shut_down(nodes).await;
}
