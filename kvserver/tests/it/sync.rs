//! What one actor is told, the others of the server know: SPEC B6.

use std::time::{Duration, Instant};

use kvserver::{Config, Server, start};
use tokio::time::{interval, sleep};

use crate::client::Client;

async fn clients(server: &Server) -> Vec<Client> {
    let mut clients = Vec::new();
    for address in server.queries() {
        clients.push(Client::connect(*address).await);
    }
    clients
}

fn key(actor: usize, number: usize) -> String {
    format!("key/{actor}/{number}")
}

/// Puts a key every 10 ms for 3 s on one actor; when each Put was answered.
async fn write(mut client: Client, actor: usize) -> Vec<Instant> {
    let mut ticks = interval(Duration::from_millis(10));
    let mut written = Vec::new();
    for number in 0..300 {
        ticks.tick().await;
        client.put(&key(actor, number), "value").await;
        written.push(Instant::now());
    }
    written
}

/// When each key of each writer was first read on one actor. A writer's keys appear in order.
async fn watch(mut client: Client, writers: usize) -> Vec<Vec<Instant>> {
    let mut seen = vec![Vec::new(); writers];
    let deadline = Instant::now() + Duration::from_secs(20);
    while seen.iter().any(|seen| seen.len() < 300) {
        assert!(Instant::now() < deadline, "not everything was seen");
        for (writer, seen) in seen.iter_mut().enumerate() {
            while seen.len() < 300 && client.get(&key(writer, seen.len())).await.is_some() {
                seen.push(Instant::now());
            }
        }
        sleep(Duration::from_millis(2)).await;
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_put_is_readable_on_every_actor_in_time_within_the_budget() {
    const ACTORS: usize = 4;
    let server = start(Config { actors: ACTORS, ..Config::default() }).await.unwrap();
    let watchers: Vec<_> = clients(&server)
        .await
        .into_iter()
        .map(|client| tokio::spawn(watch(client, ACTORS)))
        .collect();
    let writers: Vec<_> = clients(&server)
        .await
        .into_iter()
        .enumerate()
        .map(|(actor, client)| tokio::spawn(write(client, actor)))
        .collect();
    let mut written = Vec::new();
    for writer in writers {
        written.push(writer.await.unwrap());
    }
    let mut slowest = Duration::ZERO;
    for watcher in watchers {
        for (written, seen) in written.iter().zip(watcher.await.unwrap()) {
            for (written, seen) in written.iter().zip(seen) {
                slowest = slowest.max(seen.saturating_duration_since(*written));
            }
        }
    }
    let stats = server.stats().await;
    println!("slowest {slowest:?}, {stats:?}");
    assert!(slowest <= Duration::from_millis(500), "{slowest:?}");
    assert!(stats.system.max_message_rate <= 10, "{stats:?}");
    assert_eq!(stats.keys, ACTORS * 300);
    server.shutdown().await;
}

#[tokio::test]
async fn a_put_costs_no_more_when_the_store_holds_more() {
    let server = start(Config { actors: 4, ..Config::default() }).await.unwrap();
    let mut clients = clients(&server).await;
    let mut costs = Vec::new();
    for _ in 0..2 {
        // What siblings say in comparing their stores, a few times a second, may fall into a measurement:
        // the least of several is the Put's own.
        let mut least = u64::MAX;
        for _ in 0..8 {
            sleep(Duration::from_millis(200)).await; // quiet, so that the Put is told at once
            let before = server.stats().await.system.bytes_sent;
            clients[0].put("key", "value").await;
            sleep(Duration::from_millis(50)).await;
            least = least.min(server.stats().await.system.bytes_sent - before);
        }
        costs.push(least);
        for number in 0..1000 {
            clients[1].put(&key(1, number), "value").await;
        }
        sleep(Duration::from_secs(1)).await;
    }
    println!("bytes of a Put, before and after 1,000 other keys: {costs:?}");
    assert!(costs[0] > 0 && costs[1] <= costs[0], "{costs:?}");
    server.shutdown().await;
}

/// How long it takes in the median until a Put of an idle server can be read on all siblings.
async fn median_of_idle_puts(clients: &mut [Client], round: usize) -> Duration {
    let mut times = Vec::new();
    for number in 0..21 {
        // Longer than the pace: what is said next is said after quiet.
        sleep(Duration::from_millis(150)).await;
        let key = key(round, number);
        clients[0].put(&key, "value").await;
        let written = Instant::now();
        for client in &mut clients[1..] {
            while client.get(&key).await.is_none() {}
        }
        times.push(written.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

/// The best of up to three rounds: the other tests, or whatever else the machine does, can take the
/// processors from a whole round, but can make nothing faster than it is.
#[tokio::test]
async fn an_idle_server_shows_a_put_on_its_siblings_within_5_ms() {
    let server = start(Config { actors: 4, ..Config::default() }).await.unwrap();
    let mut clients = clients(&server).await;
    let mut best = Duration::MAX;
    for round in 0..3 {
        best = best.min(median_of_idle_puts(&mut clients, round).await);
        println!("a Put of an idle server is on all siblings after {best:?} in the median");
        if best <= Duration::from_millis(5) {
            break;
        }
    }
    assert!(best <= Duration::from_millis(5), "{best:?}");
    server.shutdown().await;
}
