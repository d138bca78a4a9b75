//! What one client sees of two servers of which none ever hears of the other, as if their link were
//! broken for good, when every query goes to the other one.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kvclient::{Address, Addresses, Client, ErrorKind, Fixed, RoundRobin, Router, Versioned};
use kvserver::{Config, Server, start};

async fn two() -> (Server, Server, Client) {
    let (a, b) = (start(Config::default()).await.unwrap(), start(Config::default()).await.unwrap());
    let addresses = [a.queries()[0].into(), b.queries()[0].into()];
    let client = Client::new(RoundRobin::new(Addresses::new(addresses).unwrap()));
    (a, b, client)
}

fn alone(server: &Server) -> Client {
    Client::new(Fixed::new(server.queries()[0].into()))
}

fn values(listed: Vec<(String, Versioned)>) -> Vec<(String, String)> {
    listed.into_iter().map(|(key, found)| (key, found.value)).collect()
}

#[tokio::test]
async fn a_client_reads_its_own_writes_wherever_it_asks() {
    let (a, b, client) = two().await;
    let first = client.put("k/1", "one").await.unwrap();
    for _ in 0..4 {
        assert_eq!(client.get("k/1").await.unwrap().unwrap().value, "one");
        assert_eq!(values(client.list("k/").await.unwrap()), [("k/1".into(), "one".into())]);
    }
    // Now the other server is asked, which has never heard of the key.
    let second = client.put("k/1", "two").await.unwrap();
    assert!(second > first);
    for _ in 0..4 {
        assert_eq!(client.clone().get("k/1").await.unwrap().unwrap().value, "two");
    }
    client.delete("k/1").await.unwrap();
    for _ in 0..4 {
        assert_eq!(client.get("k/1").await.unwrap(), None);
        assert_eq!(client.list("k/").await.unwrap(), []);
    }
    a.shutdown().await;
    b.shutdown().await;
}

#[tokio::test]
async fn what_was_read_does_not_go_back_and_is_beaten_by_a_write() {
    let (a, b, client) = two().await;
    alone(&b).put("k", "old").await.unwrap();
    let seen = alone(&a).put("k", "new").await.unwrap();
    for _ in 0..4 {
        assert_eq!(client.get("k").await.unwrap().unwrap().stamp, seen);
    }
    let [one, other] = [client.put("k", "1").await.unwrap(), client.put("k", "2").await.unwrap()];
    assert!(seen < one && one < other);

    // A deletion is news as well, and a List finds out about it.
    assert_eq!(client.list("").await.unwrap().len(), 1);
    alone(&a).put("gone", "soon").await.unwrap();
    alone(&b).put("gone", "soon").await.unwrap();
    assert_eq!(client.list("g").await.unwrap().len(), 1);
    alone(&a).delete("gone").await.unwrap();
    alone(&b).delete("gone").await.unwrap();
    assert_eq!(client.list("g").await.unwrap(), []);
    a.shutdown().await;
    b.shutdown().await;
}

/// The client has asked one replica of a server and, after the server was restarted with nothing, asks
/// another one.
#[tokio::test]
async fn a_store_that_comes_back_empty_is_seen_to_be_empty_wherever_it_is_asked() {
    let config = |port| Config { actors: 2, port, ..Config::default() };
    // Below those that outgoing connections take, and three in a row.
    let mut bases = (20_000..30_000).step_by(3).skip(std::process::id() as usize % 3_000);
    let (base, server) = loop {
        let base = bases.next().expect("three free ports");
        if let Ok(server) = start(config(base)).await {
            break (base, server);
        }
    };
    let ports: Vec<SocketAddr> = server.queries().to_vec();
    let at = Arc::new(AtomicUsize::new(0));
    let client = Client::new(Choose(ports.iter().map(|port| (*port).into()).collect(), at.clone()));
    client.put("k", "v").await.unwrap();
    server.shutdown().await;
    let server = start(config(base)).await.unwrap();
    assert_eq!(server.queries(), ports);
    at.store(1, Ordering::Relaxed);
    let begun = Instant::now();
    while client.get("k").await.map_or(true, |found| found.is_some()) {
        assert!(begun.elapsed() < Duration::from_secs(10), "it still shows what is lost");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(client.list("").await.unwrap(), []);
    server.shutdown().await;
}

/// Names the one of its addresses that the test wants.
struct Choose(Vec<Address>, Arc<AtomicUsize>);

impl Router for Choose {
    fn next_addr(&mut self) -> Address {
        self.0[self.1.load(Ordering::Relaxed)].clone()
    }
}

#[tokio::test]
async fn two_clients_share_nothing() {
    let (a, b, client) = two().await;
    client.put("k", "v").await.unwrap();
    assert_eq!(alone(&b).get("k").await.unwrap(), None);
    let other = alone(&a).forget("nobody:1").await.unwrap_err();
    assert!(matches!(other.kind(), ErrorKind::Invalid | ErrorKind::NotReady), "{other}");
    a.shutdown().await;
    b.shutdown().await;
}
