//! What is written on one replica is in time on all of them, within the budget of messages.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::future::join_all;
use kvcommon::Query;
use tokio::time::{interval, sleep};

use crate::client::{Client, Got, PATIENCE};
use crate::nodes::{
    FAR, IN_TIME, Node, POLL, check_budget, ready_nodes, replicas, shut_down, until_everywhere,
};

/// One to four servers of one to four actors. The last two are busy enough beside each other.
const WORLDS: [(&[usize], Duration); 4] =
    [(&[3], FAR[0]), (&[1, 4], FAR[1]), (&[4, 1, 2], FAR[0]), (&[1, 2, 3, 4], FAR[1])];

/// Runs a trace in these worlds side by side; the longest time that it says.
async fn slowest(
    worlds: &[(&[usize], Duration)],
    trace: impl AsyncFn(&[Node]) -> Duration,
) -> Duration {
    let in_world = worlds.iter().map(async |(actors, delay)| {
        let nodes = ready_nodes(actors, *delay).await;
        let took = trace(&nodes).await;
        println!("  servers of {actors:?} actors, {delay:?} apart: {took:?}");
        check_budget(&nodes).await;
        shut_down(nodes).await;
        took
    });
    join_all(in_world).await.into_iter().max().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_on_one_actor_is_on_all_in_time() {
    let slowest = slowest(&WORLDS, async |nodes| {
        let mut slowest = Duration::ZERO;
        for node in nodes {
            let key = format!("from/{}", node.server.actor_system());
            Client::connect(node.server.queries()[0]).await.put(&key, "value").await;
            slowest = slowest.max(until_everywhere(&replicas(nodes), &key, "value").await);
        }
        slowest
    });
    let slowest = slowest.await;
    println!("a Put on one actor is on all after {slowest:?}");
    assert!(slowest < IN_TIME, "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_on_every_actor_is_on_all_in_time() {
    let slowest = slowest(&WORLDS, async |nodes| {
        let replicas = replicas(nodes);
        for address in &replicas {
            Client::connect(*address).await.put(&format!("at/{address}"), "value").await;
        }
        let keys: Vec<_> = replicas.iter().map(|address| format!("at/{address}")).collect();
        let everywhere = keys.iter().map(|key| until_everywhere(&replicas, key, "value"));
        join_all(everywhere).await.into_iter().max().unwrap()
    });
    let slowest = slowest.await;
    println!("a Put on every actor is on all after {slowest:?}");
    assert!(slowest < IN_TIME, "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puts_every_10_ms_on_one_actor_are_on_all_in_time() {
    let slowest = slowest(&WORLDS[1..3], async |nodes| {
        let replicas = replicas(nodes);
        slowest_of_a_stream(&replicas[..1], &replicas).await
    });
    let slowest = slowest.await;
    println!("Puts every 10 ms on one actor are on all after {slowest:?} at most");
    assert!(slowest < IN_TIME, "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puts_every_10_ms_on_all_actors_are_on_all_in_time() {
    let slowest = slowest(&WORLDS[2..], async |nodes| {
        let replicas = replicas(nodes);
        slowest_of_a_stream(&replicas, &replicas).await
    });
    let slowest = slowest.await;
    println!("Puts every 10 ms on all actors are on all after {slowest:?} at most");
    assert!(slowest < IN_TIME, "{slowest:?}");
}

/// So many keys are 3 s of Puts every 10 ms.
const PUTS: usize = 300;

/// Puts every 10 ms for 3 s on each of the writers, and the longest time that any of these Puts took
/// to any replica.
async fn slowest_of_a_stream(writers: &[SocketAddr], replicas: &[SocketAddr]) -> Duration {
    let watching = replicas.iter().map(|address| tokio::spawn(watch(*address, writers.len())));
    let watching: Vec<_> = watching.collect();
    let writing = writers.iter().enumerate().map(|(number, address)| write(*address, number));
    let written = join_all(writing).await;
    let mut slowest = Duration::ZERO;
    for watcher in watching {
        for (written, seen) in written.iter().zip(watcher.await.unwrap()) {
            for (written, seen) in written.iter().zip(seen) {
                slowest = slowest.max(seen.saturating_duration_since(*written));
            }
        }
    }
    slowest
}

fn key(writer: usize, number: usize) -> String {
    format!("key/{writer}/{number}")
}

/// When each Put was answered.
async fn write(address: SocketAddr, writer: usize) -> Vec<Instant> {
    let mut client = Client::connect(address).await;
    let mut ticks = interval(Duration::from_millis(10));
    let mut written = Vec::new();
    for number in 0..PUTS {
        ticks.tick().await;
        client.put(&key(writer, number), "value").await;
        written.push(Instant::now());
    }
    written
}

/// When each key of each writer was first read on one replica. A writer's keys appear in order.
async fn watch(address: SocketAddr, writers: usize) -> Vec<Vec<Instant>> {
    let mut client = Client::connect(address).await;
    let mut seen = vec![Vec::new(); writers];
    let deadline = Instant::now() + PATIENCE;
    while seen.iter().any(|seen| seen.len() < PUTS) {
        assert!(Instant::now() < deadline, "not everything was seen");
        let next = seen.iter().enumerate().map(|(writer, seen)| key(writer, seen.len()));
        let next: Vec<_> = next.collect();
        let gets: Vec<_> = next.iter().map(|key| Query::Get { key }).collect();
        let mut nothing_new = true;
        for (seen, got) in seen.iter_mut().zip(client.ask(&gets).await) {
            if matches!(got, Got::Found(_)) {
                seen.push(Instant::now());
                nothing_new = false;
            }
        }
        if nothing_new {
            sleep(POLL).await;
        }
    }
    seen
}
