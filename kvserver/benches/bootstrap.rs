//! How fast a newcomer gets the store, and what the giver's clients notice of it.
//!
//! `cargo bench -p kvserver --bench bootstrap [-- KEYS]`: a server of two actors holds the keys, 150
//! bytes each; another one of two actors joins it, while a client writes 1,000 keys a second to the
//! first one and another client reads from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use kvclient::{Address, Client, Fixed};
use kvserver::{Config, Server, start};

#[tokio::main]
async fn main() {
    let keys = std::env::args().nth(1).and_then(|keys| keys.parse().ok()).unwrap_or(1_000_000);
    let old = start(Config { actors: 2, ..Config::default() }).await.expect("a free port");
    fill(&client(&old), keys).await;
    println!("{keys} keys of 150 bytes on the first server; {} MiB resident", resident() >> 20);

    let done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write(client(&old), done.clone()));
    let reader = tokio::spawn(read(client(&old), keys, done.clone()));
    let quiet = tokio::time::sleep(Duration::from_secs(1));
    quiet.await;

    let before = resident();
    let began = Instant::now();
    let join = vec![old.description().to_string()];
    let new = start(Config { actors: 2, join, ..Config::default() }).await.expect("a free port");
    let newcomer = client(&new);
    let last = format!("key/{:08}", keys - 1);
    // A List is refused until the newcomer is ready.
    let mut most = before;
    while newcomer.list(&last).await.is_err() {
        most = most.max(resident());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ready = began.elapsed();
    done.store(true, Ordering::Relaxed);
    let written = writer.await.expect("no panic");
    let mut times = reader.await.expect("no panic");
    times.sort_unstable();
    let after = resident();
    println!(
        "ready after {ready:.2?}, {} keys, {written} written meanwhile",
        new.stats().await.keys
    );
    println!(
        "Get on the first server meanwhile: median {:?}, p99 {:?}, {} Gets",
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        times.len()
    );
    println!(
        "resident: {} MiB before, {} MiB at most, {} MiB after",
        before >> 20,
        most >> 20,
        after >> 20
    );
    println!("messages a second of a pair, at most: {}", old.stats().await.system.max_message_rate);
    new.shutdown().await;
    old.shutdown().await;
}

fn client(server: &Server) -> Client {
    let address: Address = server.queries()[0].to_string().parse().expect("an address");
    Client::new(Fixed::new(address)).with_deadline(Duration::from_secs(20))
}

async fn fill(client: &Client, keys: usize) {
    let value = "v".repeat(150 - "key/00000000".len());
    for from in (0..keys).step_by(5_000) {
        let names: Vec<_> =
            (from..keys.min(from + 5_000)).map(|key| format!("key/{key:08}")).collect();
        let puts = names.iter().map(|key| client.put(key, &value));
        for put in join_all(puts).await {
            put.expect("the server is up");
        }
    }
}

async fn write(client: Client, done: Arc<AtomicBool>) -> usize {
    let mut written = 0;
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    while !done.load(Ordering::Relaxed) {
        tick.tick().await;
        let names: Vec<_> = (0..10).map(|key| format!("new/{}", (written + key) % 5_000)).collect();
        join_all(names.iter().map(|key| client.put(key, "value"))).await;
        written += 10;
    }
    written
}

async fn read(client: Client, keys: usize, done: Arc<AtomicBool>) -> Vec<Duration> {
    let mut times = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let key = format!("key/{:08}", times.len() * 7919 % keys);
        let asked = Instant::now();
        client.get(&key).await.expect("the server is up");
        times.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    times
}

/// The memory of this process that is in use, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}
